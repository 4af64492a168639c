package lesson

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
)

// played runs a lesson on a scripted lab.
func played(t testing.TB, l *Lesson, script string) (*Result, *fakeLab) {
	t.Helper()
	lab := newFakeLab(t, script).with(l)
	r, err := Run(t.Context(), l, lab, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r, lab
}

// taken is played, with the script's addresses taken back.
func taken(t testing.TB, l *Lesson, script string) Take {
	t.Helper()
	r, _ := played(t, l, script)
	return Take{Result: r, Restore: restorer(script)}
}

// restorer undoes the "rewrite" line of a script.
func restorer(script string) func(string) string {
	for line := range strings.Lines(script) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "rewrite" {
			return strings.NewReplacer(words[2], words[1]).Replace
		}
	}
	return nil
}

// TestUpdate updates lessons from two runs on scripted labs: each archive holds
// a lesson, the script of one run or of two, what changes, and how the lesson
// does on the same labs then.
func TestUpdate(t *testing.T) {
	archives(t, "update/*.txt", func(t *testing.T, part func(string) string) string {
		source := part("lesson.md")
		l, err := Parse("lesson.md", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		scripts := []string{part("lab"), cmp.Or(part("lab2"), part("lab"))}
		rev := Update(l, taken(t, l, scripts[0]), taken(t, l, scripts[1]), strings.Contains(part("flags"), "verdict"))
		revised := string(rev.Apply([]byte(source)))
		var b strings.Builder
		b.WriteString(rev.Diff("lesson.md", []byte(source)))
		if got := patched(t, source, rev.Diff("lesson.md", []byte(source))); got != revised {
			t.Errorf("the diff makes\n%s\nand the edits\n%s", got, revised)
		}
		for _, n := range rev.Left {
			fmt.Fprintln(&b, "left:", n)
		}
		for _, n := range rev.Notes {
			fmt.Fprintln(&b, "note:", n)
		}
		again, err := Parse("lesson.md", []byte(revised))
		if err != nil {
			t.Fatalf("the revised lesson: %v", err)
		}
		for i, script := range scripts {
			r, _ := played(t, again, script)
			fmt.Fprintf(&b, "run %d: ok %v\n", i+1, r.OK())
			for _, p := range r.All() {
				fmt.Fprintln(&b, p)
			}
		}
		return stallNote.ReplaceAllString(strings.ReplaceAll(b.String(), ": \n", ":\n"), "")
	})
}

func TestDiff(t *testing.T) {
	source := "1\n2\n3\n4\n5\n6\n7\n8\n9\nend"
	r := &Revision{Edits: []Edit{{0, 0, "0\n"}, {0, 1, "one"}, {16, 18, ""}, {18, 21, "END"}}}
	want := `--- x
+++ x
@@ -1,4 +1,5 @@
+0
-1
+one
 2
 3
 4
@@ -6,5 +7,4 @@
 6
 7
 8
-9
-end
\ No newline at end of file
+END
\ No newline at end of file
`
	if got := r.Diff("x", []byte(source)); got != want {
		t.Errorf("diff\n%s\nwant\n%s", got, want)
	}
	if got := (&Revision{}).Diff("x", []byte(source)); got != "" {
		t.Errorf("diff of nothing: %q", got)
	}
}

// patched applies a unified diff as a reader's tools would.
func patched(t testing.TB, source, diff string) string {
	t.Helper()
	old, at := strings.SplitAfter(source, "\n"), 0
	var out strings.Builder
	for i, line := range strings.SplitAfter(diff, "\n") {
		var from, olds, to, news int
		switch {
		case i < 2 || line == "":
		case strings.HasPrefix(line, "@@"):
			if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &from, &olds, &to, &news); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			for ; at < from-1; at++ {
				out.WriteString(old[at])
			}
			if got := strings.Count(out.String(), "\n") + 1; got != to {
				t.Errorf("%q begins in line %d of the new file", line, got)
			}
		case line[0] == '+':
			out.WriteString(line[1:])
		default:
			if old[at] != line[1:] {
				t.Errorf("the diff has %q where the file has %q", line, old[at])
			}
			if line[0] == ' ' {
				out.WriteString(line[1:])
			}
			at++
		}
	}
	return out.String() + strings.Join(old[at:], "")
}
