package predict

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/lesson"
	"hostlab/lab/mark"
	"hostlab/lab/wire"
)

// A script is a lab whose windows print what stands behind each command; the
// last line is how it ends, unless it is "[running]".
type script map[string]string

func (s script) Window(_ context.Context, host, _ string) (lesson.Window, error) {
	w := &window{script: s, host: host, events: make(chan mark.Event, 100)}
	w.events <- mark.Event{Kind: mark.Prompt}
	return w, nil
}

func (script) Hostlab(context.Context, []string, io.Writer) (int, error) { return 0, nil }
func (script) Wire(context.Context) (*wire.Trace, error)                 { return &wire.Trace{}, nil }
func (script) Caption(string)                                            {}
func (script) Rewrite(text string) string {
	return strings.ReplaceAll(text, "192.168.5.", "10.0.0.")
}

type window struct {
	script script
	host   string
	events chan mark.Event
}

func (w *window) Type(line string) error {
	w.events <- mark.Event{Kind: mark.Start}
	return w.play(w.script[w.host+"$ "+line])
}

func (w *window) Key(byte) error {
	return w.play(w.script[w.host+"^C"])
}

func (w *window) play(text string) error {
	for line := range strings.Lines(text) {
		e := mark.Event{Kind: mark.Line, Line: strings.TrimSuffix(line, "\n")}
		switch e.Line {
		case "[running]":
			return nil
		case "[exit 1]":
			e = mark.Event{Kind: mark.End, Status: 1}
		case "[exit 0]":
			e = mark.Event{Kind: mark.End}
		}
		w.events <- e
	}
	w.events <- mark.Event{Kind: mark.Prompt}
	return nil
}

func (w *window) Next(ctx context.Context) (mark.Event, error) {
	select {
	case e := <-w.events:
		return e, nil
	case <-ctx.Done():
		return mark.Event{}, ctx.Err()
	}
}

func (w *window) Close() error { return nil }

const text = `---
title: Who answers
lab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}
timeout: 5s
---

# Who answers

` + "```console" + `
guinness:~$ udp_remote server ''
Listening at ('0.0.0.0', 1060)
[running]
` + "```" + `

> **Claim 1:** Nobody tells.

` + "```console book" + `
laptop:~$ udp_remote client 192.168.5.130
I think the server is down
` + "```" + `

` + "```console" + `
laptop:~$ udp_remote client 192.168.5.130
At port {port} of 192.168.5.10
udp_remote: {text} refused
[exit 1]
` + "```" + `

> **Verdict:** contradicted

` + "```console" + `
laptop:~$ wait-for-it
[running]
guinness:2$ udp_remote client 192.168.5.10
The server says 'yes'
laptop | [exit 0]
guinness | ^C
[exit 0]
` + "```" + `
`

func lab() script {
	return script{
		"guinness$ udp_remote server ''":        "Listening at ('0.0.0.0', 1060)\n[running]\n",
		"laptop$ udp_remote client 10.0.0.130":  "At port 7 of 10.0.0.10\nudp_remote: Connection refused\n[exit 1]\n",
		"laptop$ wait-for-it":                   "[exit 0]\n",
		"guinness$ udp_remote client 10.0.0.10": "The server says 'yes'\n[exit 0]\n",
		"guinness^C":                            "[exit 0]\n",
	}
}

// quiz lets a student answer, and returns what he saw and what he got.
func quiz(t *testing.T, answers string) (string, *Sheet, error) {
	t.Helper()
	l, err := lesson.Parse("x.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	defer end(nil)
	var out strings.Builder
	q := New(ctx, l, Options{In: strings.NewReader(answers), Out: &out, Echo: true, End: end})
	// The first window's wait-for-it ends when it is told to: see below.
	s := lab()
	s["laptop$ wait-for-it"] = "[running]\n"
	res, err := lesson.Run(ctx, l, q.Around(&later{script: s}), lesson.Options{Progress: q.Event})
	sheet := q.Sheet(err == nil)
	if err == nil && !res.OK() {
		t.Errorf("the lesson differs: %v", res.All())
	}
	if err := sheet.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String(), sheet, err
}

// later ends what runs on laptop when guinness has asked.
type later struct {
	script
	laptop *window
}

func (s *later) Window(ctx context.Context, host, name string) (lesson.Window, error) {
	w, err := s.script.Window(ctx, host, name)
	if host == "laptop" {
		s.laptop = w.(*window)
	} else if name == "2" {
		return &asker{w.(*window), s}, err
	}
	return w, err
}

type asker struct {
	*window
	of *later
}

func (w *asker) Type(line string) error {
	return errors.Join(w.window.Type(line), w.of.laptop.play("[exit 0]\n"))
}

// TestQuiz answers in every way: by number, by words of a choice, by words of a
// line, wrongly, nonsense first, and not at all.
func TestQuiz(t *testing.T) {
	got, sheet, err := quiz(t, "2\n2\n9\nrefused\nkeeps running\n\n")
	if err != nil {
		t.Fatal(err)
	}
	want := `Who answers

Say what will happen before it does: type a number, or some words of the line
that you expect. An empty line skips a question; Ctrl-D ends.

# Who answers

guinness:~$ udp_remote server ''
What will it do?
  1) it fails with status 1
  2) it keeps running: Listening at ('0.0.0.0', 1060)
  3) it prints nothing, and all is well
  4) something else
> 2

    guinness:~$ udp_remote server ''
    Listening at ('0.0.0.0', 1060)
    [running]
Right.

Claim 1: Nobody tells.

What will the hosts say of it?
  1) confirmed
  2) contradicted
> 2

laptop:~$ udp_remote client 10.0.0.130
What will it do?
  1) I think the server is down
  2) The server says 'yes'
  3) udp_remote: … refused (status 1)
  4) something else
> 9
Please type a number from 1 to 4, or words.
> refused

    laptop:~$ udp_remote client 10.0.0.130
    At port 7 of 10.0.0.10
    udp_remote: Connection refused
    [exit 1]
Right.

laptop:~$ wait-for-it
What will it do?
  1) it fails with status 1
  2) it keeps running
  3) it prints nothing, and all is well
  4) something else
> keeps running

guinness:2$ udp_remote client 10.0.0.10
What will it do?
  1) I think the server is down
  2) The server says 'yes'
  3) udp_remote: … refused (status 1)
  4) something else
> 

    laptop:~$ wait-for-it
    [running]
Right.

    guinness:2$ udp_remote client 10.0.0.10
    The server says 'yes'
    guinness | ^C

Claim 1 is contradicted.
Right.

4 of 4 right
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("dialog differs (-want +got):\n%s", d)
	}
	if sheet.Answered != 4 || sheet.Right != 4 || len(sheet.Questions) != 5 || !sheet.Complete {
		t.Errorf("sheet %+v; want 4 of 4, and one skipped", sheet)
	}
}

// TestWrong keeps what was said beside what happened.
func TestWrong(t *testing.T) {
	got, sheet, err := quiz(t, "3\n1\ndown\nnobody\nthe server\n")
	if err != nil {
		t.Fatal(err)
	}
	tail := `
1 of 5 right
line 10: guinness:~$ udp_remote server ''
    you said: it prints nothing, and all is well
    it was:   it keeps running: Listening at ('0.0.0.0', 1060)
line 15: claim 1
    you said: confirmed
    it was:   contradicted
line 23: laptop:~$ udp_remote client 10.0.0.130
    you said: I think the server is down
    it was:   udp_remote: Connection refused (status 1)
line 32: laptop:~$ wait-for-it
    you said: nobody
    it was:   it keeps running
`
	if !strings.HasSuffix(got, tail) {
		t.Errorf("the dialog ends\n%s\nwant\n%s", got[max(0, len(got)-len(tail)):], tail)
	}
	text, err := json.Marshal(sheet.Questions[1])
	want := `{"line":15,"claim":"1","choices":["confirmed","contradicted"],"chosen":1,"answer":"confirmed","really":"contradicted","right":false}`
	if err != nil || string(text) != want {
		t.Errorf("JSON %s, %v; want %s", text, err, want)
	}
}

// TestEnds ends in the middle, by the end of the answers: the run ends, and the
// summary has what there is.
func TestEnds(t *testing.T) {
	for answers, want := range map[string]int{"": 0, "2\n": 1, "2\n2\n3\n": 2} {
		got, sheet, err := quiz(t, answers)
		if !errors.Is(err, ErrEnded) {
			t.Errorf("%q: %v; want %v", answers, err, ErrEnded)
		}
		if sheet.Answered != want || sheet.Complete || !strings.HasSuffix(got, "The lesson did not run to its end.\n") {
			t.Errorf("%q: %d answered, complete %v; want %d and not complete\n%s", answers, sheet.Answered, sheet.Complete, want, got)
		}
	}
}

// TestCanceled ends in the middle of a question, from outside.
func TestCanceled(t *testing.T) {
	l, err := lesson.Parse("x.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in, out := io.Pipe()
	defer out.Close()
	asked := &asking{cancel: cancel}
	q := New(ctx, l, Options{In: in, Out: asked, End: func(err error) { t.Errorf("the quiz ended the run: %v", err) }})
	if _, err := lesson.Run(ctx, l, q.Around(lab()), lesson.Options{Progress: q.Event}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v; want %v", err, context.Canceled)
	}
	if s := q.Sheet(false); len(s.Questions) != 0 || s.Answered != 0 {
		t.Errorf("sheet %+v; want an empty one", s)
	}
}

// asking cancels when it is asked.
type asking struct{ cancel func() }

func (a *asking) Write(b []byte) (int, error) {
	if string(b) == "> " {
		a.cancel()
	}
	return len(b), nil
}

// TestOutcomeIs compares what is stated with what came out.
func TestOutcomeIs(t *testing.T) {
	for _, test := range []struct {
		stated, really outcome
		want           bool
	}{
		{outcome{"a {port} b", wentWell}, outcome{"a 7 b", wentWell}, true},
		{outcome{"a {port} b", wentWell}, outcome{"a  b", wentWell}, false},
		{outcome{"a {port} b", wentWell}, outcome{"a 7 b", "[exit 1]"}, false},
		{outcome{"{text}{n}", ""}, outcome{"xy", "[exit 1]"}, true},
		{outcome{`\{a} (b`, wentWell}, outcome{"{a} (b", wentWell}, true},
		{outcome{`\[exit 1]`, wentWell}, outcome{"[exit 1]", wentWell}, true},
		{outcome{`{n}\x`, wentWell}, outcome{`1\x`, wentWell}, true},
		{outcome{"", "[running]"}, outcome{"", "[running]"}, true},
		{outcome{"", "[running]"}, outcome{"x", "[running]"}, false},
	} {
		if got := test.stated.is(test.really); got != test.want {
			t.Errorf("%q is %q: %v; want %v", test.stated, test.really, got, test.want)
		}
	}
}
