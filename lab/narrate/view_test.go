package narrate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"hostlab/lab/lesson"
)

// moments are the pictures of a narration that tests look at, by the moment at
// which it has reached them.
var moments = []struct {
	name    string
	reached func(*player) bool
}{
	{"title", func(p *player) bool { return p.state.Opening }},
	{"typing", func(p *player) bool { return p.typing != nil && p.typed == 5 }},
	{"running", func(p *player) bool { return len(p.state.window(guinness).Lines) == 3 }},
	{"table", func(p *player) bool { return len(p.state.Prose) == 1 && p.state.Prose[0].Kind == lesson.Table }},
	{"asides", func(p *player) bool { return len(p.state.Asides) == 2 }},
	{"verdict", func(p *player) bool { return p.state.Claim != nil && p.state.Claim.Verdict == "contradicted" }},
	{"end", func(p *player) bool { return p.over }},
}

var guinness = lesson.Place{Host: "guinness", Number: 1}

// at brings a narration to each moment in turn.
func at(t *testing.T, look func(name string, s *State)) {
	t.Helper()
	n, clock, lab := narration(t, Options{})
	lab.tellAll(n)
	n.receive()
	p := n.player
	for _, m := range moments {
		for !m.reached(p) {
			pause, byItself := p.wait()
			if !byItself && !p.over && pause == 0 && clock.passed() > 0 {
				t.Fatalf("%s is never reached", m.name)
			}
			clock.After(max(pause, time.Millisecond))
			p.tick(clock.now, nil)
			if p.over && m.name != "end" {
				t.Fatalf("%s is never reached", m.name)
			}
		}
		look(m.name, p.state)
	}
}

// The pictures of every moment on terminals of several sizes.
func TestRender(t *testing.T) {
	for _, size := range []struct{ columns, rows int }{{160, 40}, {100, 30}, {80, 24}, {50, 16}, {30, 10}, {16, 5}} {
		t.Run(fmt.Sprintf("%dx%d", size.columns, size.rows), func(t *testing.T) {
			var all strings.Builder
			at(t, func(name string, s *State) {
				fmt.Fprintf(&all, "=== %s\n", name)
				for line := range strings.SplitSeq(Render(s, size.columns, size.rows, false), "\n") {
					all.WriteString(strings.TrimRight(line, " ") + "\n")
				}
			})
			golden(t, fmt.Sprintf("screen-%dx%d.txt", size.columns, size.rows), all.String())
		})
	}
}

// A picture has exactly the terminal's lines, none too wide, at any size; with
// colours it is the same picture, and no colour runs over the end of a line.
func TestRenderFits(t *testing.T) {
	at(t, func(name string, s *State) {
		for columns := 0; columns < 130; columns += 1 + columns/12 {
			for rows := 0; rows < 45; rows += 1 + rows/12 {
				plain, color := Render(s, columns, rows, false), Render(s, columns, rows, true)
				if strings.Contains(plain, "\x1b") {
					t.Fatalf("%s: %dx%d: colours where none were asked for", name, columns, rows)
				}
				lines := strings.Split(color, "\n")
				if rows > 0 && len(lines) != rows {
					t.Fatalf("%s: %dx%d: %d lines", name, columns, rows, len(lines))
				}
				for i, line := range lines {
					if got := ansi.StringWidth(line); got > columns {
						t.Fatalf("%s: %dx%d: line %d has %d columns: %q", name, columns, rows, i, got, line)
					}
					if on := strings.LastIndex(line, "\x1b["); on >= 0 && !strings.HasPrefix(line[on:], "\x1b[0m") {
						t.Fatalf("%s: %dx%d: line %d ends in a colour: %q", name, columns, rows, i, line)
					}
				}
			}
		}
	})
}

func TestRenderStatus(t *testing.T) {
	for _, c := range []struct {
		state State
		want  string
	}{
		{State{Speed: 1}, ""},
		{State{Speed: 2, Paused: true}, "paused · speed 2"},
		{State{Speed: 1, Idle: patience - 1, Lab: "x"}, ""},
		{State{Speed: 1, Idle: patience, Lab: "host laptop started"}, "waiting for the lab: host laptop started"},
		{State{Speed: 1, Opening: true, Lab: "starting 2 hosts"}, "starting 2 hosts"},
	} {
		picture := Render(&c.state, 100, 24, false)
		last := picture[strings.LastIndexByte(picture, '\n')+1:]
		if !strings.Contains(last, keys) {
			t.Errorf("no keys in %q", last)
		}
		if got := strings.TrimSpace(strings.TrimSuffix(last, keys)); got != c.want && !strings.HasSuffix(got, " "+c.want) {
			t.Errorf("the last line says %q; want %q", got, c.want)
		}
	}
}

// Nothing that a program prints can act on the terminal.
func TestRenderIsSafe(t *testing.T) {
	s := &State{Speed: 1}
	s.happen(&lesson.Entry{Kind: lesson.Printed, Place: guinness, Text: "a\x1b[2Jb\x07c\td\u009be"})
	picture := Render(s, 100, 24, false)
	if strings.ContainsAny(picture, "\x1b\x07\t\u009b") {
		t.Errorf("%q", picture)
	}
}

func TestFlow(t *testing.T) {
	code, text := lesson.Code, lesson.Plain
	for _, c := range []struct {
		spans   []lesson.Span
		columns int
		color   bool
		want    string
	}{
		{nil, 10, false, ""},
		{[]lesson.Span{{Text: "one two three", Style: text}}, 8, false, "one two\nthree"},
		{[]lesson.Span{{Text: "incomprehensibly", Style: text}}, 6, false, "incomp\nrehens\nibly"},
		{[]lesson.Span{{Text: "the ", Style: text}, {Text: "ip addr", Style: code}, {Text: "'s", Style: text}}, 9, false, "the `ip\naddr`'s"},
		{[]lesson.Span{{Text: "the ", Style: text}, {Text: "ip addr", Style: code}, {Text: "'s", Style: text}}, 9, true, "the \x1b[36mip\x1b[0m\n\x1b[36maddr\x1b[0m's"},
		{[]lesson.Span{{Text: "a", Style: text}, {Text: "\n", Style: text}, {Text: "b", Style: text}}, 9, false, "a\nb"},
		{[]lesson.Span{{Text: "日本語", Style: text}}, 4, false, "日本\n語"},
		{[]lesson.Span{{Text: "日本", Style: text}}, 1, false, "日\n本"},
	} {
		if got := strings.Join(painter(c.color).flow(c.spans, c.columns), "\n"); got != c.want {
			t.Errorf("%v in %d columns: %q; want %q", c.spans, c.columns, got, c.want)
		}
	}
}

// A table that is too wide becomes a list.
func TestTable(t *testing.T) {
	cell := func(s string) []lesson.Span { return []lesson.Span{{Text: s}} }
	p := lesson.Passage{Kind: lesson.Table, Rows: [][][]lesson.Span{
		{cell("from"), cell("heard by")},
		{cell("laptop"), cell("everybody on the same network")},
	}}
	for columns, want := range map[int]string{
		40: "from    heard by\n------  -----------------------------\nlaptop  everybody on the same network",
		24: "laptop\n  heard by: everybody on\n  the same network",
	} {
		if got := strings.Join(painter(false).passage(&p, columns), "\n"); got != want {
			t.Errorf("in %d columns:\n%s\nwant:\n%s", columns, got, want)
		}
	}
}

func TestArrow(t *testing.T) {
	for line, want := range map[string]string{
		"web-x1->>b: UDP to 1060, 23 bytes": "web-x1 to b: UDP to 1060, 23 bytes",
		"web-x1-xb: UDP to 1060, 23 bytes":  "web-x1 to b, lost: UDP to 1060, 23 bytes",
	} {
		if got := arrow(line, "web-x1"); got != want {
			t.Errorf("%q: %q; want %q", line, got, want)
		}
	}
	if got := arrow("?->>b: ARP", ""); got != "? to b: ARP" {
		t.Errorf("from nobody: %q", got)
	}
}
