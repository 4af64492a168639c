package lesson

import (
	"strings"
	"testing"
)

// FuzzRedraw: whatever diagram stands there and whatever crossed the wires, the
// revised lesson can be read, is left as it was when it was right, and is right
// when nothing was left. A byte stands for a statement, or for a packet.
func FuzzRedraw(f *testing.F) {
	f.Add([]byte{0, 1}, []byte{0, 1})
	f.Add([]byte{0, 4, 3, 1}, []byte{0, 0, 0, 1})
	f.Add([]byte{5}, []byte{2, 2})
	f.Add([]byte{3, 0, 4, 2, 7, 1}, []byte{})
	f.Add([]byte{0, 6, 0, 6, 2}, []byte{0, 3, 0, 3, 2, 2})
	statements := []string{
		"laptop->>guinness: UDP to 1060, 23 bytes", "guinness->>laptop: UDP to {port}, 22 bytes", "laptop-xguinness: UDP to 7, 1 bytes",
		"loop 2 times\nlaptop->>guinness: UDP to 1060, 23 bytes\nend", "guinness->>laptop: ICMP port unreachable",
		"Note over laptop,guinness: no packets", "Note over laptop: at least 0.1 s passes", "participant laptop",
		"loop 2 times\nloop 2 times\nguinness->>laptop: UDP from 9 to {port2}, 22 bytes\nend\nend",
	}
	packets := []string{
		"laptop->>guinness UDP 35084 1060 23", "guinness->>laptop UDP 9 PORT 22", "laptop-xguinness UDP 35084 7 1", "0.2", "laptop->>guinness UDP PORT 8 8",
	}
	f.Fuzz(func(t *testing.T, drawn, sent []byte) {
		if len(drawn) == 0 || len(drawn)+len(sent) > 40 {
			return
		}
		var text, script strings.Builder
		for _, b := range drawn {
			text.WriteString(statements[int(b)%len(statements)] + "\n")
		}
		script.WriteString("laptop$ a\nport PORT\n")
		for _, b := range sent {
			script.WriteString("wire " + packets[int(b)%len(packets)] + "\n")
		}
		source := "---\nlab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}\n---\n```console\nlaptop:~$ a\nport {port}\n```\n" +
			"```mermaid\nsequenceDiagram\n" + text.String() + "```\nBehind.\n"
		l, err := Parse("f.md", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		scripts := []string{strings.ReplaceAll(script.String(), "PORT", "40001"), strings.ReplaceAll(script.String(), "PORT", "40002")}
		a, b := taken(t, l, scripts[0]), taken(t, l, scripts[1])
		rev := Update(l, a, b, true)
		if a.OK() && b.OK() && len(rev.Edits) > 0 {
			t.Errorf("the diagram was right, and the edits are %v", rev.Edits)
		}
		revised := string(rev.Apply([]byte(source)))
		if got := patched(t, source, rev.Diff("f.md", []byte(source))); got != revised {
			t.Errorf("the diff makes\n%s\nand the edits\n%s", got, revised)
		}
		again, err := Parse("f.md", []byte(revised))
		if err != nil {
			t.Fatalf("the revised lesson: %v\n%s", err, revised)
		}
		for k := range scripts {
			if r, _ := played(t, again, scripts[k]); !r.OK() && len(rev.Left) == 0 {
				t.Errorf("run %d of the revised lesson: %v\n%s", k+1, r.All(), revised)
			}
		}
	})
}
