package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/lesson"
	"hostlab/lab/mark"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata")

// A script is a lab whose windows print what stands behind each command; the
// last line is how it ends, unless it is "[running]".
type script map[string]string

func (s script) Window(_ context.Context, host, _ string) (lesson.Window, error) {
	w := &window{script: s, host: host, events: make(chan mark.Event, 100)}
	w.events <- mark.Event{Kind: mark.Prompt}
	return w, nil
}

func (script) Hostlab(context.Context, []string, io.Writer) (int, error) { return 0, nil }
func (script) Rewrite(text string) string                                { return text }

type window struct {
	script script
	host   string
	events chan mark.Event
}

func (w *window) Type(line string) error {
	w.events <- mark.Event{Kind: mark.Start}
	for line := range strings.Lines(w.script[w.host+"$ "+line]) {
		e := mark.Event{Kind: mark.Line, Line: strings.TrimSuffix(line, "\n")}
		switch e.Line {
		case "[running]":
			return nil
		case "[gone]":
			close(w.events)
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

func (w *window) Key(b byte) error {
	e := mark.Event{Kind: mark.End, Status: 130, Signal: "SIGINT"}
	if b == 26 {
		e = mark.Event{Kind: mark.Stopped, Status: mark.StoppedStatus}
	}
	w.events <- e
	w.events <- mark.Event{Kind: mark.Prompt}
	return nil
}

func (w *window) Next(ctx context.Context) (mark.Event, error) {
	select {
	case e, ok := <-w.events:
		if !ok {
			return e, io.ErrUnexpectedEOF
		}
		return e, nil
	case <-ctx.Done():
		return mark.Event{}, ctx.Err()
	}
}

func (w *window) Close() error { return nil }

const (
	refused = "Client at 7\nConnection refused\n[exit 1]\n"
	silence = "Client at 7\nI think the server is down\n[exit 1]\n"
)

// text is a lesson that has one of everything.
const text = `---
title: Who says "refused"
lab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}
---

# Who says "refused"

> **Claim 1:** A server answers, and this is a claim whose text is so long that it takes more than one line.

` + "```console" + `
guinness:~$ server
Listening
[running]
laptop:~$ ask
yes
` + "```" + `

` + "```mermaid" + `
sequenceDiagram
    laptop->>guinness: UDP to 1060, 23 bytes
` + "```" + `

> **Verdict:** confirmed

## Without a server

> **Claim 2:** Nobody tells the client.

` + "```console book" + `
laptop:~$ client
Client at {port}
I think the server is down
` + "```" + `

` + "```console" + `
guinness | ^C
laptop:~$ client
Client at {port}
Connection refused
[exit 1]
` + "```" + `

> **Verdict:** contradicted

> **Claim 3:** The end.

` + "```console" + `
laptop:~$ true
` + "```" + `

> **Verdict:** confirmed
`

// play runs the lesson and makes its times the same each time.
func play(t *testing.T, file string, s script) *Lesson {
	t.Helper()
	source := text
	if file == "hangs.md" {
		source = strings.Replace(text, "\nlab:", "\ntimeout: 50ms\nlab:", 1)
	}
	if file == "outside.md" {
		source += "\n## Tidy up\n\n```console\nlaptop:~$ true\ntidy\n```\n"
	}
	l, err := lesson.Parse(file, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	r, err := lesson.Run(t.Context(), l, s, lesson.Options{})
	r.Elapsed = 1234 * time.Millisecond
	for i, c := range r.Claims {
		c.Elapsed = time.Duration(i+1) * 111 * time.Millisecond
		for _, p := range c.Problems {
			p.Stall = 0
		}
	}
	for _, b := range r.Blocks {
		for i, e := range b.Entries {
			e.At = time.Duration(i) * 10 * time.Millisecond
		}
	}
	return &Lesson{Result: r, Err: err}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, d)
	}
}

// good is a lab on which all comes out as stated.
var good = script{"guinness$ server": "Listening\n[running]\n", "laptop$ ask": "yes\n[exit 0]\n", "laptop$ client": refused, "laptop$ true": "[exit 0]\n",
	onWire: "0.0123 laptop guinness 1060 23\n"}

func example(t *testing.T) *Run {
	with := func(key, value string) script {
		s := script{}
		for k, v := range good {
			s[k] = v
		}
		s[key] = value
		return s
	}
	moved := play(t, "good.md", good)
	moved.Start, moved.Attempts = 720*time.Millisecond, 2
	moved.Notes = []string{"192.168.5.0/24 is in use on this computer by network office, so the lab has 10.99.88.0/24 and the lesson's addresses follow"}
	return &Run{Engine: "docker 20.10.24", Kernel: "linux 6.18", Lessons: []*Lesson{
		moved,
		play(t, "mine/firewall.md", with("laptop$ client", silence)),
		play(t, "other-answer.md", with("laptop$ ask", "n\x1b[2Jo\n[exit 0]\n")),
		play(t, "gone.md", with("laptop$ client", "Client at 7\n[gone]\n")),
		play(t, "hangs.md", with("laptop$ ask", "yes\n[running]\n")),
		play(t, "lost.md", with(onWire, "0.1 laptop guinness 1060 23 lost drop udp/1060 --first 1\n")),
		play(t, "doubtful.md", with(onWire, "0.1 laptop guinness 1060 23\ndoubt the capture on guinness lost 3 frames\n")),
		{File: "a-lesson-with-a-very-long-name-indeed.md", Err: errors.New("docker: no answer from the engine:\nconnection refused")},
		{File: "ipv6.md", Skipped: "this kernel has no IPv6"},
	}}
}

func TestWriteLesson(t *testing.T) {
	for _, color := range []bool{false, true} {
		var b bytes.Buffer
		for _, l := range example(t).Lessons {
			if err := WriteLesson(&b, l, color); err != nil {
				t.Fatal(err)
			}
			b.WriteString("--------\n")
		}
		if color {
			golden(t, "lessons-color.txt", b.Bytes())
			continue
		}
		golden(t, "lessons.txt", b.Bytes())
		if bytes.ContainsRune(b.Bytes(), '\x1b') {
			t.Error("escape sequences though no colours were asked for")
		}
	}
}

func TestWriteTable(t *testing.T) {
	r := example(t)
	var plain, color bytes.Buffer
	if err := errors.Join(WriteTable(&plain, r, false), WriteTable(&color, r, true)); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", plain.Bytes())
	golden(t, "table-color.txt", color.Bytes())
	for line := range strings.Lines(plain.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
			t.Errorf("%d columns, want at most %d: %s", n, width, line)
		}
	}
}

// TestWriteTableGood is what a reader hopes to see.
func TestWriteTableGood(t *testing.T) {
	r := example(t)
	r.Lessons = r.Lessons[:1]
	var b bytes.Buffer
	if err := WriteTable(&b, r, false); err != nil {
		t.Fatal(err)
	}
	golden(t, "table-good.txt", b.Bytes())
	if !r.OK() {
		t.Error("not ok; want ok")
	}
}

// A lesson may differ where it claims nothing, which "as stated" must not hide.
func TestWriteTableOutside(t *testing.T) {
	r := &Run{Lessons: []*Lesson{play(t, "outside.md", good)}}
	var b bytes.Buffer
	if err := WriteTable(&b, r, false); err != nil {
		t.Fatal(err)
	}
	if want := "\n3 claims as stated\n1 lesson with differences outside the claims\n"; r.OK() || !strings.HasSuffix(b.String(), want) {
		t.Errorf("ok %v, table\n%s\nwant as its end%s", r.OK(), b.String(), want)
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, example(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "run.json", b.Bytes())
	var d Document
	dec := json.NewDecoder(&b)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		t.Error(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Error("a null in it; want empty lists")
	}
}

func TestOutcome(t *testing.T) {
	r := example(t)
	want := []Outcome{AsStated, Differs, Differs, Broken, Differs, Differs, Inconclusive, Broken, Skipped}
	for i, l := range r.Lessons {
		if got := l.Outcome(); got != want[i] {
			t.Errorf("%s: %s; want %s", l.Name(), got, want[i])
		}
	}
	for _, test := range []struct {
		lessons []*Lesson
		want    bool
	}{
		{nil, true},
		{r.Lessons[:1], true},
		{[]*Lesson{r.Lessons[0], r.Lessons[8]}, true},
		{r.Lessons[:2], false},
		{r.Lessons[3:4], false},
	} {
		if got := (&Run{Lessons: test.lessons}).OK(); got != test.want {
			t.Errorf("%d lessons: ok %v; want %v", len(test.lessons), got, test.want)
		}
	}
}

// A full writer: what cannot be written is an error.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrors(t *testing.T) {
	r := example(t)
	for name, err := range map[string]error{
		"lesson": WriteLesson(full{}, r.Lessons[0], false),
		"table":  WriteTable(full{}, r, false),
		"json":   WriteJSON(full{}, r),
		"junit":  WriteJUnit(full{}, r),
	} {
		if err == nil {
			t.Errorf("%s: no error from a full disk", name)
		}
	}
}
