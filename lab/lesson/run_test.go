package lesson

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// archives runs a test for every archive of a folder of testdata. Each part
// named "want" is compared with what the test returns, or rewritten with
// -update.
func archives(t *testing.T, pattern string, test func(t *testing.T, part func(name string) string) string) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := test(t, func(name string) string {
				for _, f := range a.Files {
					if f.Name == name {
						return string(f.Data)
					}
				}
				return ""
			})
			for i, f := range a.Files {
				if f.Name != "want" {
					continue
				}
				if *update {
					a.Files[i].Data = []byte(got)
					if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
						t.Fatal(err)
					}
				} else if d := cmp.Diff(string(f.Data), got); d != "" {
					t.Errorf("%s differs (-want +got):\n%s", file, d)
				}
				return
			}
			t.Errorf("%s has no part named want", file)
		})
	}
}

// TestRun runs lessons on scripted windows: each archive holds a lesson, the
// script of its lab, and what comes of it.
func TestRun(t *testing.T) {
	archives(t, "run/*.txt", func(t *testing.T, part func(string) string) string {
		l, err := Parse("lesson.md", []byte(part("lesson.md")))
		if err != nil {
			t.Fatal(err)
		}
		lab := newFakeLab(t, part("lab")).with(l)
		var told strings.Builder
		r, err := Run(t.Context(), l, lab, Options{Progress: func(e Event) {
			if e.Kind == EntryTaken && !e.Entry.Plain() && told.Len() < 1000 && len(e.Entry.Text) < 1000 {
				fmt.Fprintln(&told, e.Entry)
			}
		}})
		if lab.closed != len(lab.windows) {
			t.Errorf("%d windows closed; want %d", lab.closed, len(lab.windows))
		}
		got := outcome(r, err)
		for line := range strings.Lines(told.String()) {
			if !strings.Contains(got, line) {
				t.Errorf("progress tells %q, which is not in the result", line)
			}
		}
		return got
	})
}

// outcome writes a result down, without times.
func outcome(r *Result, err error) string {
	var b strings.Builder
	for _, bl := range r.Blocks {
		fmt.Fprintf(&b, "line %d: %s\n", bl.Block.Pos.Line, bl.NotChecked)
		for _, line := range bl.Predicted {
			fmt.Fprintf(&b, "    | %s\n", line)
		}
		for i, e := range bl.Entries {
			if i == 40 {
				b.WriteString("    and so on\n")
				break
			}
			if line := e.String(); !e.Plain() && len(line) < 1000 {
				fmt.Fprintf(&b, "    %s\n", line)
			}
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintln(&b, p)
	}
	for _, c := range r.Claims {
		fmt.Fprintf(&b, "claim %s: %q, stated %q, ok %v\n", c.Claim.ID, c.Verdict, c.Claim.Stated, c.OK())
		for _, p := range c.Differs {
			fmt.Fprintln(&b, p)
		}
		for _, p := range c.Problems {
			fmt.Fprintln(&b, p)
		}
	}
	if r.Stopped != nil {
		fmt.Fprintf(&b, "stopped in line %d\n", r.Stopped.Pos.Line)
	}
	fmt.Fprintf(&b, "ok %v\n", r.OK() && err == nil)
	if r.Inconclusive() && r.first.Doubt != "" {
		b.WriteString("inconclusive\n")
	}
	if err != nil {
		var broken *BrokenError
		fmt.Fprintf(&b, "broken %v: %v\n", errors.As(err, &broken), err)
	}
	return stallNote.ReplaceAllString(strings.ReplaceAll(b.String(), ": \n", ":\n"), "")
}

// stallNote is what a busy machine adds to a message.
var stallNote = regexp.MustCompile(`(?m)^    note: this machine stood still for .*\n`)

// TestParseErrors holds the messages for lessons that are wrong.
func TestParseErrors(t *testing.T) {
	archives(t, "lint/*.txt", func(t *testing.T, part func(string) string) string {
		data := strings.NewReplacer("<TAB>", "\t", "<CR>", "\r", "<NUL>", "\x00", "<FF>", "\xff").Replace(part("lesson.md"))
		_, err := Parse("lesson.md", []byte(data))
		if err == nil {
			return "no error\n"
		}
		for _, p := range Problems(err) {
			if p.Pos.Offset > len(data) || p.Pos.Line < 1 || p.Pos.Column < 1 {
				t.Errorf("%v: outside of the file", p)
			}
		}
		return err.Error() + "\n"
	})
}

// TestRunCanceled ends a run whose program does not, from outside.
func TestRunCanceled(t *testing.T) {
	l, err := Parse("lesson.md", []byte("---\nlab: {laptop: 192.168.5.10/24}\n---\n```console\nlaptop:~$ a\nx\n```\n"))
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("the reader went home")
	for _, kind := range []EntryKind{Typed, Printed} {
		ctx, cancel := context.WithCancelCause(t.Context())
		lab := newFakeLab(t, "laptop$ a\nx\n[running]\n")
		r, err := Run(ctx, l, lab, Options{Progress: func(e Event) {
			if e.Kind == EntryTaken && e.Entry.Kind == kind {
				cancel(why)
			}
		}})
		if !errors.Is(err, why) || r.OK() || !errors.Is(r.Broken, why) {
			t.Errorf("canceled: %v, ok %v; want %v", err, r.OK(), why)
		}
		if lab.closed != 1 {
			t.Errorf("%d windows closed; want 1", lab.closed)
		}
		cancel(nil)
	}
}

// TestRunAtOnce runs one Lesson on several labs side by side.
func TestRunAtOnce(t *testing.T) {
	l, err := Parse("lesson.md", []byte("---\nlab: {laptop: 192.168.5.10/24}\n---\n```console\nlaptop:~$ a\n{port}\n```\n"))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r, err := Run(t.Context(), l, newFakeLab(t, fmt.Sprintf("laptop$ a\n%d\n", i+1)), Options{})
			if err != nil || !r.OK() {
				t.Errorf("%d: %v, %v", i, err, r.All())
			}
		})
	}
	all.Wait()
}
