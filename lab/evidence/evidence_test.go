package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hostlab/lab/lesson"
	"hostlab/lab/report"
	"hostlab/lab/topology"
)

// text is a lesson with everything that a run does to a lab.
const text = `---
title: Who says "refused"
timeout: 2s
lab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}
---

# Who says "refused"

> **Claim 1:** A server answers the second request.

` + "```console" + `
guinness:~$ server --seed 7
Listening
[running]
$ hostlab fault drop guinness udp/1060 --first 1
laptop:~$ ask
yes at {port}
guinness | asked
$ hostlab fault list
drop udp/1060
` + "```" + `

` + "```mermaid" + `
sequenceDiagram
    laptop-xguinness: UDP to 1060, 23 bytes
    laptop->>guinness: UDP to 1060, 23 bytes
` + "```" + `

> **Verdict:** confirmed

## Without a server

> **Claim 2:** Nobody tells the client.

` + "```console book" + `
laptop:~$ client
I think the server is down
` + "```" + `

` + "```console" + `
guinness | ^C
laptop:~$ client
Connection refused
[exit 1]
` + "```" + `

> **Verdict:** contradicted

## Some programs stay for a while

> **Claim 3:** A program ends when it likes.

` + "```console" + `
laptop:2$ brief
begun
[running]
guinness:2$ end
laptop:2 | ended
laptop:2 | [exit 1]
laptop:2$ idle
[running]
laptop:~$ true
` + "```" + `

> **Verdict:** confirmed
`

// script is what the lab does.
const script = `guinness$ server --seed 7
Listening
[running]
$ hostlab fault drop guinness udp/1060 --first 1
$ hostlab fault list
drop udp/1060
laptop$ ask
lost laptop guinness 23
wire laptop guinness 23
guinness | asked
yes at 4000
laptop$ client
Connection refused
[exit 1]
laptop$ brief
begun
[running]
guinness$ end
laptop:2 | ended
laptop:2 | [exit 1]
laptop$ idle
[running]
laptop$ true
`

// variants are scripts of which most are not what the lesson says.
var variants = map[string]func(string) string{
	"as stated":      func(s string) string { return s },
	"other line":     replace("yes at 4000", "no"),
	"late line":      replace("guinness | asked", "guinness | asked\nguinness | and more"),
	"many lines":     replace("guinness | asked", "guinness | asked"+strings.Repeat("\nguinness | and more", 700)),
	"book is right":  replace("Connection refused", "I think the server is down"),
	"packet more":    replace("wire laptop guinness 23", "wire laptop guinness 23\nwire guinness laptop 9"),
	"packet lost":    replace("wire laptop guinness 23", "lost laptop guinness 23"),
	"never ends":     replace("laptop:2 | [exit 1]\n", "laptop:2 | [exit 0]\n"),
	"packet late":    replace("wire laptop guinness 23", "late laptop guinness 23"),
	"late, and more": replace("wire laptop guinness 23", "late laptop guinness 23\nwire guinness laptop 9"),
	"packet blind":   replace("wire laptop guinness 23", "late laptop guinness 23\nblind guinness"),
	"doubt":          replace("wire laptop guinness 23", "wire laptop guinness 23\ndoubt guinness"),
	"ends by itself": replace("begun\n[running]\nguinness$ end\n", "begun\nended\n[exit 1]\nguinness$ end\n"),
	"idle ends":      replace("laptop$ idle\n[running]", "laptop$ idle"),
	"idle prints":    replace("laptop$ idle\n[running]", "laptop$ idle\nhum\n[running]"),
	"breaks":         replace("Connection refused", "Connection refused\n[gone]"),
	"engine gone":    replace("drop udp/1060\n", "[gone]\n"),
	"no text":        replace("yes at 4000", "yes at 40\xff00"),
}

func replace(old, is string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, is, 1) }
}

// document is a run as JSON has it, without the wording of what broke.
func document(run *report.Run) *report.Document {
	d := report.NewDocument(run)
	for i := range d.Lessons {
		d.Lessons[i].Error = fmt.Sprint(d.Lessons[i].Error != "")
	}
	return d
}

// TestReplay records each variant in runs of which no two are alike, and wants
// the replay to report the same, to the last line, time and packet.
func TestReplay(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for name, change := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range rounds {
				agrees(t, text, change(script), i > 0)
			}
		})
	}
}

// agrees records a lesson and replays it.
func agrees(t *testing.T, source, script string, jitter bool) report.Outcome {
	t.Helper()
	bundle, run := record(t, source, script, jitter)
	v := replay(t, bundle)
	if len(v.Contradictions) > 0 {
		t.Fatalf("contradictions: %s", strings.Join(v.Contradictions, "\n"))
	}
	tolerance := cmpopts.EquateApprox(0, 0.0011)
	if d := cmp.Diff(document(run), document(v.Run), tolerance); d != "" {
		t.Fatalf("the replay differs (-run +replay):\n%s", d)
	}
	return run.Lessons[0].Outcome()
}

// TestLook replays a program that has ended, or has not quite, when the run
// looks whether it still runs: both happen, and each is replayed as it was.
func TestLook(t *testing.T) {
	const source = "---\nlab: {laptop: 192.168.5.10/24}\n---\n\n> **Claim 1:** It takes a while.\n\n" +
		"```console\nlaptop:~$ brief\nbegun\n[running]\nended\n[exit 1]\n```\n\n> **Verdict:** confirmed\n"
	seen := map[report.Outcome]int{}
	for range 40 {
		seen[agrees(t, source, "laptop$ brief\nbegun\nended\n[exit 1]\n", true)]++
	}
	if seen[report.AsStated] == 0 || seen[report.Differs] == 0 {
		t.Errorf("only one of the two happened: %v", seen)
	}
}

// TestOutcomes holds the variants to what they are meant to be, so that the
// replays above agree about something.
func TestOutcomes(t *testing.T) {
	for name, want := range map[string]report.Outcome{
		"as stated": report.AsStated, "other line": report.Differs, "late line": report.Differs, "book is right": report.Differs,
		"packet more": report.Differs, "packet lost": report.Differs, "never ends": report.Differs, "packet late": report.Differs, "packet blind": report.Inconclusive, "doubt": report.Inconclusive, "breaks": report.Broken, "engine gone": report.Broken,
	} {
		bundle, _ := record(t, text, variants[name](script), false)
		if got := replay(t, bundle).Run.Lessons[0].Outcome(); got != want && got != report.Inconclusive {
			t.Errorf("%s: %s; want %s", name, got, want)
		}
	}
}

// TestHang replays a program that does not end in time: the replay has no more
// to go by than the run had.
func TestHang(t *testing.T) {
	source := strings.Replace(text, "timeout: 2s", "timeout: 100ms", 1)
	for name, change := range map[string]func(string) string{
		"window":  replace("yes at 4000\n", "[running]\n"),
		"hostlab": replace("drop udp/1060\nlaptop", "[running]\nlaptop"),
	} {
		bundle, run := record(t, source, change(script), false)
		v := replay(t, bundle)
		if len(v.Contradictions) > 0 || run.Lessons[0].Result.Stopped == nil {
			t.Errorf("%s: stopped at %v; contradictions: %q", name, run.Lessons[0].Result.Stopped, v.Contradictions)
		}
	}
}

// TestUntil records a lesson that was run as far as a claim.
func TestUntil(t *testing.T) {
	les, err := lesson.Parse("lesson.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cut, err := les.Until("1")
	if err != nil {
		t.Fatal(err)
	}
	lab := newFakeLab(t, les, script)
	c, l := &Collector{}, &report.Lesson{}
	r := c.Record()
	if l.Result, err = lesson.Run(t.Context(), cut, r.Around(lab), lesson.Options{}); err != nil {
		t.Fatal(err)
	}
	r.Done(l, lab.ran, &lab.trace)
	var b bytes.Buffer
	m, err := c.Write(&b, "v0", &report.Run{Lessons: []*report.Lesson{l}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Lessons[0].Until != "1" {
		t.Errorf("until %q; want 1", m.Lessons[0].Until)
	}
	v := replay(t, b.Bytes())
	if n := len(v.Run.Lessons[0].Result.Claims); n != 1 || len(v.Contradictions) > 0 {
		t.Errorf("%d claims, %q", n, v.Contradictions)
	}
}

// TestAttempts keeps the last attempt at a lesson only.
func TestAttempts(t *testing.T) {
	les, err := lesson.Parse("lesson.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, l := &Collector{}, &report.Lesson{Attempts: 2}
	r := c.Record()
	for _, name := range []string{"other line", "as stated"} {
		lab := newFakeLab(t, les, variants[name](script))
		if l.Result, err = lesson.Run(t.Context(), les, r.Around(lab), lesson.Options{}); err != nil {
			t.Fatal(err)
		}
		r.Done(l, lab.ran, &lab.trace)
	}
	var b bytes.Buffer
	if _, err := c.Write(&b, "v0", &report.Run{Lessons: []*report.Lesson{l}}); err != nil {
		t.Fatal(err)
	}
	if v := replay(t, b.Bytes()); len(v.Contradictions) > 0 || v.Run.Lessons[0].Attempts != 2 {
		t.Errorf("%d attempts, %q", v.Run.Lessons[0].Attempts, v.Contradictions)
	}
}

// TestManifest wants what a reader of a bundle asks for first.
func TestManifest(t *testing.T) {
	bundle, _ := record(t, text, script, false)
	b, err := Read(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	m := b.Manifest
	if len(m.SHA256) != 64 || m.Engine != "fake 1" || m.Hostlab != "v0" || m.Created.IsZero() {
		t.Errorf("manifest %+v", m)
	}
	if len(m.Seeds) != 1 || m.Seeds[0] != "server --seed 7" {
		t.Errorf("seeds %q; want the server's command", m.Seeds)
	}
	var names []string
	for _, f := range m.Members {
		names = append(names, f.Name)
	}
	want := "report.json lessons/01-lesson/lesson.md lessons/01-lesson/lab.json lessons/01-lesson/log.jsonl lessons/01-lesson/capture.pcapng lessons/01-lesson/transcript.txt"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("members %s; want %s", got, want)
	}
	if text, err := b.read("lessons/01-lesson/transcript.txt"); err != nil || !strings.Contains(string(text), "laptop:~$ ask\n") {
		t.Errorf("transcript %s, %v", text, err)
	}
}

// TestNothing records nothing: a nil Collector, and a run without recordings.
func TestNothing(t *testing.T) {
	var none *Collector
	lab := newFakeLab(t, &lesson.Lesson{Topology: &topology.Topology{}}, "")
	if none.Record().Around(lab) != lesson.Runner(lab) {
		t.Error("a nil collector stands between a lesson and its lab")
	}
	none.Record().Done(&report.Lesson{}, nil, nil)
	var b bytes.Buffer
	if _, err := new(Collector).Write(&b, "v0", &report.Run{Lessons: []*report.Lesson{{File: "x.md", Skipped: "no IPv6"}}}); err != nil {
		t.Fatal(err)
	}
	v := replay(t, b.Bytes())
	if len(v.Contradictions) > 0 || v.Run.Lessons[0].Outcome() != report.Skipped {
		t.Errorf("%q, %v", v.Contradictions, v.Run.Lessons[0])
	}
}

// TestDecodeLog refuses logs that no recording has.
func TestDecodeLog(t *testing.T) {
	for line, want := range map[string]string{
		`{"kind":"came","window":1,"event":"line"}`: "window 1 has not been opened",
		`{"kind":"opened","window":2}`:              "window 2 is opened",
		`{"kind":"sang"}`:                           "kind \"sang\" is unknown",
		`{"kind":"fenced"}`:                         "without what it saw",
		`{"kind":"opened","window":1,"color":1}`:    "unknown field",
		`{"kind":"opened","window":1}` + "\n" + `{"kind":"came","window":1,"event":"x"}`: "line 2: event \"x\" is unknown",
		`[`: "line 1",
	} {
		if _, err := decodeLog([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", line, err, want)
		}
	}
}

// TestLookMissing places a look whose frames are not the first of the capture.
func TestLookMissing(t *testing.T) {
	l := &Look{seen: 3}
	l.place([]int{0, 3, 1, 4, 2, 5})
	if got, _ := json.Marshal(l); l.Frames != 5 || fmt.Sprint(l.Missing) != "[1 3]" {
		t.Errorf("%s", got)
	}
}
