package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"hostlab/lab/lesson"
)

// width is how wide text becomes at most, in columns. Output of programs is
// not broken.
const width = 80

// WriteLesson writes one lesson for a terminal: each section's transcripts as
// they really came out, the verdict of each claim behind its last one, and an
// empty line.
func WriteLesson(w io.Writer, l *Lesson, color bool) error {
	t := &terminal{color: color, l: l}
	t.heading(l.title(), l.file())
	for _, n := range l.Notes {
		t.wrapped("", "  ", n)
	}
	if l.Skipped != "" {
		t.wrapped("", "  ", "skipped: "+l.Skipped)
	}
	if l.Result != nil {
		t.sections()
	}
	if err := l.broken(); err != nil {
		t.print("\n  %s\n", t.paint(red, "the lab broke"))
		t.wrapped("", "    ", err.Error())
	}
	t.print("\n")
	_, err := w.Write(t.out.Bytes())
	return err
}

func (l *Lesson) broken() error {
	if l.Err == nil && l.Result != nil {
		return l.Result.Broken
	}
	return l.Err
}

// The colours: ECMA-48 8.3.117, "select graphic rendition".
const (
	bold   = "1"
	dim    = "2"
	red    = "1;31"
	green  = "32"
	yellow = "33"
)

// A terminal writes one lesson.
type terminal struct {
	color bool
	l     *Lesson
	out   bytes.Buffer
}

func (t *terminal) print(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

func (t *terminal) paint(code, s string) string { return paint(t.color, code, s) }

func paint(color bool, code, s string) string {
	if !color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// heading writes the title, with the file at the right margin when it fits.
func (t *terminal) heading(title, file string) {
	if gap := width - utf8.RuneCountInString(title) - utf8.RuneCountInString(file); gap > 1 {
		t.print("%s%s%s\n", t.paint(bold, title), strings.Repeat(" ", gap), t.paint(dim, file))
		return
	}
	t.print("%s\n%s\n", t.paint(bold, title), t.paint(dim, file))
}

// sections writes the blocks in their order, and what was not reached.
func (t *terminal) sections() {
	r := t.l.Result
	var section *lesson.Section
	for i, b := range r.Blocks {
		if s := b.Block.Section; s != section {
			section = s
			if s.Heading != "" && s.Heading != t.l.title() {
				t.print("\n%s\n", t.paint(bold, s.Heading))
			}
		}
		t.block(b)
		last := i == len(r.Blocks)-1 || r.Blocks[i+1].Block.Claim != b.Block.Claim
		if c := claimOf(r, b.Block.Claim); c != nil && last {
			t.claim(c)
		}
	}
	for _, c := range r.Claims {
		if !reached(r, c.Claim) {
			t.claim(c)
		}
	}
	for _, p := range r.Problems {
		t.problem(p)
	}
	if r.Stopped != nil {
		t.print("\n  nothing was run beyond line %d\n", r.Stopped.Pos.Line)
	}
}

func claimOf(r *lesson.Result, c *lesson.Claim) *lesson.ClaimResult {
	for _, cr := range r.Claims {
		if cr.Claim == c {
			return cr
		}
	}
	return nil
}

func reached(r *lesson.Result, c *lesson.Claim) bool {
	for _, b := range r.Blocks {
		if b.Block.Claim == c {
			return true
		}
	}
	return false
}

// block writes a transcript, what the book predicts, or what crossed the wires.
func (t *terminal) block(b *lesson.BlockResult) {
	switch b.Block.Kind {
	case lesson.Book:
		t.print("\n  %s\n", t.paint(dim, "the book predicts"))
		for _, line := range b.Predicted {
			t.print("  %s\n", t.paint(dim, "| "+line))
		}
	case lesson.Console:
		t.print("\n")
		for _, e := range b.Entries {
			switch {
			case e.Plain():
			case e.Kind == lesson.Typed:
				t.print("  %s %s\n", t.paint(dim, e.Step.Prompt), t.paint(bold, visible(e.Text)))
			default:
				t.print("  %s\n", visible(e.String()))
			}
		}
	case lesson.Wire:
		if b.Wire != nil {
			t.wire(b.Wire)
		}
	}
}

// visible returns a line of output without what a terminal would act on.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, s)
}

// claim writes a claim's verdict, what the book and the network say where they
// disagree, and what went wrong.
func (t *terminal) claim(c *lesson.ClaimResult) {
	word := t.l.Verdict(c)
	t.print("\n")
	first := fmt.Sprintf("  %s  ", t.paint(t.colorOf(c, word), word))
	t.wrapped(first, strings.Repeat(" ", 4+len(word)), "claim "+c.Claim.ID+": "+c.Claim.Text)
	for _, d := range c.Differs {
		t.print("    the book says     %s\n", visible(d.Want))
		t.print("    the network says  %s\n", visible(d.Got))
	}
	for _, p := range c.Problems {
		t.problem(p)
	}
}

func (t *terminal) colorOf(c *lesson.ClaimResult, word string) string {
	switch {
	case !c.OK():
		return red
	case word == string(lesson.Contradicted):
		return yellow
	}
	return green
}

// problem writes a complaint, indented. Its packets have been shown where the
// diagram stands.
func (t *terminal) problem(p *lesson.Problem) {
	short := *p
	short.Packets = nil
	for i, line := range strings.Split(short.Error(), "\n") {
		if i == 0 {
			line = t.paint(red, line)
		}
		t.print("    %s\n", line)
	}
}

// wrapped writes text in lines of at most width columns; first stands before
// the first line and is as wide as indent, or empty.
func (t *terminal) wrapped(first, indent, text string) {
	if first == "" {
		first = indent
	}
	for _, line := range wrap(text, width-utf8.RuneCountInString(indent)) {
		t.print("%s%s\n", first, line)
		first = indent
	}
}

// wrap breaks text at blanks and line ends into lines of at most n columns,
// longer only where a word is.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(visible(strings.ReplaceAll(text, "\n", " "))) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
