package narrate

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with testdata/name, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: go test -update rewrites it\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

func TestPlain(t *testing.T) {
	for name, o := range map[string]Options{
		"plain.txt":       {Fast: true},
		"plain-color.txt": {Fast: true, Color: true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newFakeClock()
			o.Clock = clock
			les := testLesson(t)
			n := New(les, &o)
			(&fakeLab{les: les}).play().tellAll(n)
			var out strings.Builder
			if err := n.Plain(t.Context(), &out, nil); err != nil {
				t.Fatal(err)
			}
			if len(clock.waited) > 0 {
				t.Errorf("--fast waited %v", clock.waited)
			}
			golden(t, name, out.String())
		})
	}
}

// What differs is told where it does, and at the end.
func TestPlainDiffers(t *testing.T) {
	les := testLesson(t)
	lab := &fakeLab{les: les, spoil: func(c *lesson.ClaimResult) {
		if c.Claim.ID == "1" {
			c.Verdict = ""
			c.Problems = []*lesson.Problem{{File: "lesson.md", Text: "output differs", Diff: true, Want: "a\x1b[31m", Got: "b"}}
		}
	}}
	n := New(les, &Options{Fast: true, Clock: newFakeClock()})
	lab.play().tellAll(n)
	var out strings.Builder
	if err := n.Plain(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Verdict on claim 1: differs\n", "output differs\n", `want: "a\x1b[31m"`, "Verdict on claim 2: contradicted\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

// Nothing is narrated of a lab that did not start.
func TestPlainWithoutLab(t *testing.T) {
	n := New(testLesson(t), &Options{Clock: newFakeClock()})
	why := errors.New("no engine")
	n.Done(Outcome{Err: why})
	var out strings.Builder
	if err := n.Plain(t.Context(), &out, nil); !errors.Is(err, why) || out.Len() > 0 {
		t.Errorf("got %v and %q; want %v and nothing", err, out.String(), why)
	}
}

// A lab that breaks in the middle: what happened is told, and that it broke.
func TestPlainBroken(t *testing.T) {
	les := testLesson(t)
	lab := (&fakeLab{les: les}).play()
	n := New(les, &Options{Fast: true, Clock: newFakeClock()})
	for _, tell := range lab.tells[:9] {
		tell(n)
	}
	why := errors.New("host guinness is gone")
	n.Done(Outcome{Result: &lesson.Result{Lesson: les, Broken: why}, Err: why})
	var out strings.Builder
	if err := n.Plain(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasSuffix(got, "the lab broke: host guinness is gone\n") || strings.Contains(got, "That is all") || !strings.Contains(got, "laptop:~$ hostname\n") {
		t.Errorf("got:\n%s", got)
	}
}

func TestPlainInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := New(testLesson(t), nil)
	if err := n.Plain(ctx, &strings.Builder{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want that it was cancelled", err)
	}
}

// When the lab is slower than the narration, that is said once for each thing
// that it waits for.
func TestPlainWaits(t *testing.T) {
	les := testLesson(t)
	lab := (&fakeLab{les: les}).play()
	clock := newFakeClock()
	n := New(les, &Options{Clock: clock})
	n.Progress("starting 2 hosts")
	var said []string
	err := n.Plain(t.Context(), &strings.Builder{}, func(line string) {
		said = append(said, line)
		lab.tellAll(n)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || said[0] != "waiting for the lab: starting 2 hosts" {
		t.Errorf("said %q", said)
	}
	if clock.passed() < 30*time.Second {
		t.Errorf("all was told in %v", clock.passed())
	}
}

// A run that says nothing is played again, and told from the beginning, with
// the addresses that the second lab has.
func TestPlainAgain(t *testing.T) {
	les := testLesson(t)
	lab := (&fakeLab{les: les}).play()
	n := New(les, &Options{Fast: true, Clock: newFakeClock()})
	for _, tell := range lab.tells[:len(lab.tells)-1] {
		tell(n)
	}
	n.Again(2)
	n.Ready(strings.NewReplacer("192.168.5.", "10.9.8.").Replace)
	for _, tell := range lab.tells[2:] {
		tell(n)
	}
	var out strings.Builder
	if err := n.Plain(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"The lesson begins again": 1,
		"$ hostname -I\n":         1,
		"That is all.":            1,
		"10.9.8.10":               3, // with the title, on its own, and in the claim
	} {
		if got := strings.Count(out.String(), text); got != want {
			t.Errorf("%q %d times; want %d, in:\n%s", text, got, want, out.String())
		}
	}
}

// Every lesson that hostlab brings is told whole: its commands, claims,
// verdicts and predictions, in the order of the file.
func TestPlainOfEveryLesson(t *testing.T) {
	for _, name := range lessons.Names() {
		les, err := lessons.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		n := New(les, &Options{Fast: true, Clock: newFakeClock()})
		(&fakeLab{les: les}).play().tellAll(n)
		var out strings.Builder
		if err := n.Plain(t.Context(), &out, nil); err != nil {
			t.Fatal(err)
		}
		rest := out.String()
		next := func(text string) {
			_, after, ok := strings.Cut(rest, text)
			if !ok {
				t.Fatalf("%s: no %q after what stands before it, in:\n%s", name, text, out.String())
			}
			rest = after
		}
		for _, p := range les.Passages() {
			switch p.Kind {
			case lesson.Stated:
				next("\nClaim " + p.Claim.ID + ": ")
			case lesson.Judged:
				next("\nVerdict on claim " + p.Claim.ID + ": " + string(p.Claim.Stated) + "\n")
			case lesson.Experiment:
				for _, s := range p.Block.Steps {
					if s.Prompt != "" {
						next(s.String() + "\n")
					}
				}
			}
		}
	}
}
