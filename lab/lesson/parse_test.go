package lesson

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const small = `---
title: Small
lab: {laptop: 192.168.5.10/24}
timeout: 3s
---
Before.

# First *heading*

> **Claim 1:** A claim
> of two lines.

` + "```console" + `
laptop:2$ udp_remote \
>  client guinness
Waiting for {port}
laptop:2 | ^Z
[stopped]
` + "```" + `

> **Verdict:** contradicted

## Second
`

// TestParse reads a lesson and writes down what became of it, with positions.
func TestParse(t *testing.T) {
	l, err := Parse("small.md", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %v, %d hosts\n", l.Title, l.Timeout, len(l.Topology.Hosts))
	for _, s := range l.Sections {
		fmt.Fprintf(&b, "%d:%d %d %s\n", s.Pos.Line, s.Pos.Column, s.Level, s.Heading)
		for _, bl := range s.Blocks {
			fmt.Fprintf(&b, " %d:%d kind %d claim %s\n", bl.Pos.Line, bl.Pos.Column, bl.Kind, bl.Claim.ID)
			for _, st := range bl.Steps {
				fmt.Fprintf(&b, "  %d:%d kind %d %v %q %q %q, text at %d:%d, all %q\n", st.Pos.Line, st.Pos.Column, st.Kind,
					st.Place.numbered(), st.Prompt, st.Label, st.Text, st.TextPos.Line, st.TextPos.Column, small[st.Pos.Offset:st.End])
			}
		}
	}
	for _, c := range l.Claims {
		fmt.Fprintf(&b, "%d:%d claim %s %q %s at %d:%d\n", c.Pos.Line, c.Pos.Column, c.ID, c.Text, c.Stated, c.VerdictPos.Line, c.VerdictPos.Column)
	}
	want := `Small, 3s, 1 hosts
8:1 1 First *heading*
 13:1 kind 1 claim 1
  14:1 kind 1 laptop:2 "laptop:2$" "" "udp_remote  client guinness", text at 14:11, all "laptop:2$ udp_remote \\\n>  client guinness"
  16:1 kind 3 laptop:2 "" "" "Waiting for {port}", text at 16:1, all "Waiting for {port}"
  17:1 kind 5 laptop:2 "" "laptop:2" "^Z", text at 17:12, all "laptop:2 | ^Z"
  18:1 kind 6 laptop:2 "" "" "[stopped]", text at 18:1, all "[stopped]"
23:1 2 Second
10:3 claim 1 "A claim of two lines." contradicted at 21:16
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("lesson differs (-want +got):\n%s", d)
	}
}

func TestParseDiagram(t *testing.T) {
	l, err := Parse("d.md", []byte("---\nlab: {a: 10.0.0.1/24, my-box: 10.0.0.2/24}\n---\n```mermaid\nsequenceDiagram\n"+
		"%% partial\nloop 3 times\na-xmy-box: UDP to {port}, 1 bytes\nend\nmy-box->>a : TCP SYN\nNote over a, my-box: no packets\nparticipant a\n```\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := l.Sections[0].Blocks[0].Diagram
	want := &Diagram{Partial: true, Statements: []*Statement{
		{Kind: Loop, Times: 3, Body: []*Statement{{Kind: Packet, Lost: true, Hosts: []string{"a", "my-box"}, Text: "UDP to {port}, 1 bytes"}}},
		{Kind: Packet, Hosts: []string{"my-box", "a"}, Text: "TCP SYN"},
		{Kind: Note, Hosts: []string{"a", "my-box"}, Text: "no packets"},
		{Kind: Participant, Hosts: []string{"a"}},
	}}
	noPos := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Pos" || p.Last().String() == ".End" }, cmp.Ignore())
	if d := cmp.Diff(want, got, noPos); d != "" {
		t.Errorf("diagram differs (-want +got):\n%s", d)
	}
	if end := l.source.pos(got.Statements[0].End); end.Line != 9 || end.Column != 4 {
		t.Errorf("loop ends at %d:%d; want 9:4", end.Line, end.Column)
	}
	if p := got.Statements[0].Body[0].Pos; p.Line != 8 || p.Column != 1 {
		t.Errorf("statement at %d:%d; want 8:1", p.Line, p.Column)
	}
}

func TestParseTitle(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"---\ntitle: A\n---\n# B\n", "A"},
		{"x\n\n# B\n", "B"},
		{"> # not this\n\nC\n=\n", "C"},
		{"x\n", "t.md"},
	} {
		l, err := Parse("t.md", []byte(test.text))
		if err != nil || l.Title != test.want {
			t.Errorf("%q: title %q, %v; want %q", test.text, l.Title, err, test.want)
		}
	}
}

// TestParseSize holds the largest lesson, and that reading it takes no time
// worth a word.
func TestParseSize(t *testing.T) {
	_, err := Parse("big.md", []byte(strings.Repeat("x\n", 5<<20)))
	if err == nil || !strings.HasPrefix(err.Error(), "big.md:1:1: the lesson has 10485760 bytes; 262144 is the most") {
		t.Errorf("10 MB: %v", err)
	}
	line := "```console\nlaptop:~$ a\n{port}\n```\n\n"
	head := "---\nlab: {laptop: 192.168.5.10/24}\n---\n"
	if _, err := Parse("big.md", []byte(head+strings.Repeat(line, (MaxSize-len(head))/len(line)))); err != nil {
		t.Errorf("the largest: %v", err)
	}
}

const composeLab = `
networks:
  lan: {ipam: {config: [{subnet: 192.168.5.0/24}]}}
services:
  laptop: {networks: {lan: {ipv4_address: 192.168.5.10}}}
`

func TestLoad(t *testing.T) {
	console := "```console\nlaptop:~$ a\n```\n"
	dir := fstest.MapFS{
		"x/plain.md":  {Data: []byte("---\nlab: {laptop: 192.168.5.10/24}\n---\n" + console)},
		"x/file.md":   {Data: []byte("---\nlab: ../labs/compose.yaml\n---\n" + console)},
		"x/guest.md":  {Data: []byte("---\nlab: ../labs/compose.yaml\n---\n" + console + "```console\nmodem:~$ a\n```\n")},
		"x/none.md":   {Data: []byte("---\nlab: none.yaml\n---\n")},
		"x/broken.md": {Data: []byte("---\nlab: broken.yaml\n---\n")},

		"labs/compose.yaml": {Data: []byte(composeLab)},
		"x/broken.yaml":     {Data: []byte("networks: 3\n")},
	}
	for _, test := range []struct{ file, want string }{
		{"x/plain.md", ""},
		{"x/file.md", ""},
		{"x/guest.md", `x/guest.md:8:1: no host "modem" in the lab (laptop)`},
		{"x/none.md", "x/none.md:2:6: lab: open x/none.yaml"},
		{"x/broken.md", "x/broken.yaml"},
		{"x/absent.md", "lesson: open x/absent.md"},
	} {
		l, err := Load(t.Context(), test.file, dir.ReadFile)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.file, err)
		case test.want == "" && len(l.Topology.Hosts) != 1:
			t.Errorf("%s: %d hosts; want 1", test.file, len(l.Topology.Hosts))
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v; want %q", test.file, err, test.want)
		}
	}
	if _, err := Load(t.Context(), "y", dir.ReadFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v; want fs.ErrNotExist", err)
	}
}

// TestParseKeepsNothing holds that a caller may use its buffer again.
func TestParseKeepsNothing(t *testing.T) {
	data := []byte(small)
	l, err := Parse("small.md", data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got := l.Sections[0].Blocks[0].Steps[1].Text; got != "Waiting for {port}" {
		t.Errorf("text %q after the buffer was cleared", got)
	}
}

func TestProblems(t *testing.T) {
	_, err := Parse("x.md", []byte("---\nlab: {a: 10.0.0.1/24}\n---\n```console\nb:~$ x\nc:~$ y\n```\n"))
	wrapped := fmt.Errorf("two: %w", errors.Join(err, context.Canceled))
	var lines []int
	for _, p := range Problems(wrapped) {
		lines = append(lines, p.Pos.Line)
	}
	if d := cmp.Diff([]int{5, 6}, lines); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if got := Problems(nil); got != nil {
		t.Errorf("problems of nil: %v", got)
	}
}

func TestWatchdog(t *testing.T) {
	w := newWatchdog()
	defer w.close()
	now := time.Now()
	w.tick(now)
	w.tick(now.Add(stallTick + stallLimit - 1)) // then its own goroutine ticks in the past, which counts for nothing
	if got := w.stall(); got != 0 {
		t.Errorf("stall %v; want 0", got)
	}
	w.tick(now)
	w.tick(now.Add(stallTick + 3*stallLimit))
	if got := w.stall(); got < 3*stallLimit {
		t.Errorf("stall %v; want at least %v", got, 3*stallLimit)
	}
	w.reset()
	if got := w.diagramEnded(); got < 3*stallLimit {
		t.Errorf("stall %v before a diagram, some steps ago; want at least %v", got, 3*stallLimit)
	}
	if got := w.diagramEnded(); got >= 3*stallLimit {
		t.Errorf("stall %v before a diagram, which was before the last one", got)
	}
	w.tick(time.Now())
	if got := w.stall(); got >= 3*stallLimit {
		t.Errorf("stall %v after reset", got)
	}
}

func TestInconclusive(t *testing.T) {
	stalled, plain := &Problem{Stall: time.Second}, &Problem{}
	for _, test := range []struct {
		first *Problem
		want  bool
	}{{nil, false}, {plain, false}, {stalled, true}} {
		if got := (&Result{first: test.first}).Inconclusive(); got != test.want {
			t.Errorf("inconclusive after %v: %v; want %v", test.first, got, test.want)
		}
	}
}

// TestParseHostile reads files that are made to take long. Nothing here is
// timed: what took time in proportion to the square of the file would outlast
// the test's limit.
func TestParseHostile(t *testing.T) {
	deep := func(f func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < MaxSize; i++ {
			b.WriteString(f(i))
		}
		return b.String()
	}
	console := "---\nlab: {a: 10.0.0.1/24}\n---\n```console\na$ b\n"
	for name, text := range map[string]string{
		"quotes":    strings.Repeat(">", MaxSize),
		"quotes 32": strings.Repeat(strings.Repeat("> ", 32)+"\n", MaxSize/65),
		"lists":     strings.Repeat("- ", MaxSize/2),
		"deep list": deep(func(i int) string { return strings.Repeat(" ", i) + "- a\n" }),
		"links":     strings.Repeat("[a](", MaxSize/4),
		"refs":      strings.Repeat("[a]: b\n", MaxSize/7),
		"stars":     strings.Repeat("**a*", MaxSize/4),
		"ticks":     deep(func(i int) string { return strings.Repeat("`", i) + " " }),
		"claims":    strings.Repeat("> **Claim 1:** x\n\n", MaxSize/18),
		"braces":    console + strings.Repeat("{", MaxSize-100),
		"names":     console + strings.Repeat("{port} ", MaxSize/8),
		"continued": strings.TrimSuffix(console, "\n") + "\\\n" + strings.Repeat("> x\\\n", MaxSize/6),
		"skips":     console + strings.Repeat("...\n", MaxSize/5),
		"yaml list": "---\n" + strings.Repeat("[", maxHeader) + "\n---\n",
		"yaml map":  "---\n" + strings.Repeat("{a: ", maxHeader/4-1) + "\n---\n",
		"yaml rows": "---\n" + strings.Repeat("- ", MaxSize/3) + "\n---\n",
	} {
		t.Run(name, func(t *testing.T) {
			if len(text) > MaxSize {
				text = text[:MaxSize]
			}
			_, err := Parse("x.md", []byte(text))
			t.Logf("%d problems", len(Problems(err)))
		})
	}
}
