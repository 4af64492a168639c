package lesson

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// show writes a passage as the tests below have it.
func show(p Passage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d ", p.Pos.Line, p.Pos.Column)
	if p.Quoted {
		b.WriteString("> ")
	}
	b.WriteString(strings.Repeat("  ", max(0, p.Depth-1)))
	if p.Marker != "" {
		b.WriteString(p.Marker + " ")
	}
	switch p.Kind {
	case Heading:
		fmt.Fprintf(&b, "h%d %s", p.Level, marked(p.Text))
	case Paragraph:
		b.WriteString(marked(p.Text))
	case Listing:
		fmt.Fprintf(&b, "code %q", p.Lines)
	case Table:
		for _, row := range p.Rows {
			for _, cell := range row {
				b.WriteString("|" + marked(cell))
			}
			b.WriteString("|")
		}
	case Experiment:
		fmt.Fprintf(&b, "block at %d", p.Block.Pos.Line)
	case Stated:
		fmt.Fprintf(&b, "claim %s: %s", p.Claim.ID, marked(p.Text))
	case Judged:
		fmt.Fprintf(&b, "verdict of %s", p.Claim.ID)
	}
	return b.String()
}

func marked(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		mark := [...]string{Plain: "", Emphasized: "*", Strong: "**", Code: "`"}[s.Style]
		b.WriteString(mark + s.Text + mark)
	}
	return b.String()
}

func TestPassages(t *testing.T) {
	l, err := Parse("x.md", []byte(strings.ReplaceAll(`---
title: Prose
lab: {laptop: 192.168.5.10/24}
---
# A *small* 'thing'

Words of **weight** and
'code', a [link](https://example.org/) and &lt;an entity\*.
One line,\
then another. <https://example.org/>

<!-- nobody sees this -->

> **Claim 1:** It *works*
> on two lines.
>
> And a second paragraph.

- one
- two

  still two
  1. inner

'''go
package main
'''

    indented

| what | then |
|------|------|
| 'a'  | b    |

'''console
laptop:~$ true
'''

1. In a list:

   '''console
   laptop:~$ true
   '''

> **Verdict:** confirmed

The end.
`, "'", "`")))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`5:3 h1 A *small* 'thing'
7:1 Words of **weight** and 'code', a link and <an entity*. One line,\nthen another. https://example.org/
14:3 claim 1: It *works* on two lines.
17:3 > And a second paragraph.
19:3 - one
20:3 - two
22:3 still two
23:6   1. inner
25:1 code ["package main"]
29:5 code ["indented"]
31:1 |what|then||'a'|b|
35:1 block at 35
39:4 1. In a list:
41:4 block at 41
45:3 verdict of 1
47:1 The end.
`, "'", "`")
	var got strings.Builder
	for _, p := range l.Passages() {
		got.WriteString(strings.ReplaceAll(show(p), "\n", `\n`) + "\n")
	}
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

// What Until has cut off is not told.
func TestPassagesUntil(t *testing.T) {
	l, err := Parse("x.md", []byte(strings.ReplaceAll(`---
lab: {laptop: 192.168.5.10/24}
---
# One

> **Claim 1:** It works.

'''console
laptop:~$ true
'''

> **Verdict:** confirmed

# Two

> **Claim 2:** So does this.

'''console
laptop:~$ true
'''

> **Verdict:** confirmed
`, "'", "`")))
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string]int{"1": 4, "2": 8} {
		cut, err := l.Until(claim)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(cut.Passages()); got != want {
			t.Errorf("until claim %s: %d passages; want %d", claim, got, want)
		}
	}
}

// A lesson full of brackets is where Markdown may take quadratic time.
func TestPassagesOfHostileText(t *testing.T) {
	paragraph := strings.Repeat("[a](", maxInline/4) + "\n\n"
	for _, piece := range []string{"[a](", "**a*", paragraph} {
		reading := func(size int) time.Duration {
			l, err := Parse("x.md", []byte(strings.Repeat(piece, size/len(piece))))
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if len(l.Passages()) == 0 {
				t.Errorf("%.10q repeated: nothing is left", piece)
			}
			return time.Since(began)
		}
		// Four times the text takes four times as long, not sixteen times.
		if quarter, whole := reading(MaxSize/4), reading(MaxSize); whole > time.Second && whole > 10*quarter {
			t.Errorf("%.10q repeated: %v; a quarter of it %v", piece, whole, quarter)
		}
	}
}
