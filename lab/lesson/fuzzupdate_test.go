package lesson

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzUpdate: whatever two runs print, the revised lesson can be read, says the
// same outside its block, is left as it was when both runs were as stated, and
// is as stated on both when nothing was left. Lines of the output that stand
// for packets or windows are text here.
func FuzzUpdate(f *testing.F) {
	f.Add("Client socket name is ('192.168.5.10', {port})\nWaiting\n", "Client at 35084\nWaiting\n", "Client at 35085\nWaiting\n", uint8(0), uint8(1))
	f.Add("...\nlast\n", "1\n2\nlast\n", "1\nlast\n", uint8(0), uint8(0))
	f.Add("a\n...\nb {n} c\nd\n[exit 1]\n", "a\nx\nb 7 c\n", "a\nb 8 c\ne\n", uint8(2), uint8(2))
	f.Add("", "$ hostlab x\n\\{\n...\n{port}\n^C\n[exit 3]\nguinness | x\n```\n", "\n \n", uint8(0), uint8(0))
	f.Add("{n} {n2}\n{n}\n", "1 2\n2\n", "3 4\n4\n", uint8(0), uint8(0))
	f.Add("{text}\n{text2}\n", "0x1f 02:42:c0:a8:05:0a\n1.5 s\n", "0x2f 02:42:c0:a8:05:0b\n2.5 s\n", uint8(0), uint8(0))
	head := "---\nlab: {laptop: 192.168.5.10/24}\ntimeout: 5s\n---\nBefore.\n\n```console\nlaptop:~$ a\n"
	tail := "```\n\nBehind.\n"
	f.Fuzz(func(t *testing.T, want, first, second string, code1, code2 uint8) {
		if len(want)+len(first)+len(second) > 400 || strings.Contains(want, "$") {
			return // other commands are not in the script
		}
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		source := head + want + tail
		l, err := Parse("f.md", []byte(source))
		if err != nil || len(l.Sections) != 1 || len(l.Sections[0].Blocks) != 1 || len(l.Claims) > 0 {
			return
		}
		steps := l.Sections[0].Blocks[0].Steps
		for i, s := range steps[1:] {
			if s.Kind == End && i+2 < len(steps) {
				return // what is behind an end is waited for in vain
			}
			if s.Place.Host != "laptop" || s.Kind == Key || s.Kind == Command || s.Kind == End && s.Status.Kind != Exit {
				return // windows and keys have tests of their own
			}
		}
		outputs := []string{first, second}
		codes := []uint8{code1, code2}
		play := func(l *Lesson, k int) *Result {
			lab := newFakeLab(t, "").with(l)
			part := strings.Split(outputs[k], "\n")
			for i := range part {
				part[i] = `\` + part[i]
			}
			lab.script["laptop$ a"] = [][]string{append(part, fmt.Sprintf("[exit %d]", codes[k]))}
			r, err := Run(t.Context(), l, lab, Options{})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		a, b := play(l, 0), play(l, 1)
		rev := Update(l, Take{Result: a}, Take{Result: b}, true)
		if a.OK() && b.OK() && len(rev.Edits) > 0 {
			t.Errorf("the lesson was right, and the edits are %v", rev.Edits)
		}
		revised := string(rev.Apply([]byte(source)))
		if !strings.HasPrefix(revised, head) || !strings.HasSuffix(revised, tail) {
			t.Errorf("more than the block changed:\n%s", revised)
		}
		if got := patched(t, source, rev.Diff("f.md", []byte(source))); got != revised {
			t.Errorf("the diff makes\n%s\nand the edits\n%s", got, revised)
		}
		again, err := Parse("f.md", []byte(revised))
		if err != nil {
			t.Fatalf("the revised lesson: %v\n%s", err, revised)
		}
		for k := range outputs {
			if r := play(again, k); !r.OK() && len(rev.Left) == 0 {
				t.Errorf("run %d of the revised lesson: %v\n%s", k+1, r.All(), revised)
			}
		}
	})
}
