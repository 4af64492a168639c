package narrate

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"hostlab/lab/lesson"
)

// rewriteSpans returns spans with the lab's addresses, and nothing in them that
// a terminal would act on.
func rewriteSpans(spans []lesson.Span, rewrite func(string) string) []lesson.Span {
	var out []lesson.Span
	for _, s := range spans {
		for i, line := range strings.Split(rewrite(s.Text), "\n") {
			if i > 0 {
				out = append(out, lesson.Span{Text: "\n"})
			}
			out = append(out, lesson.Span{Text: visible(line), Style: s.Style})
		}
	}
	return out
}

// rewritePassage does the same for all of a passage.
func rewritePassage(p lesson.Passage, rewrite func(string) string) lesson.Passage {
	p.Text = rewriteSpans(p.Text, rewrite)
	lines, rows := p.Lines, p.Rows
	p.Lines, p.Rows = nil, nil
	for _, line := range lines {
		p.Lines = append(p.Lines, visible(rewrite(line)))
	}
	for _, row := range rows {
		var cells [][]lesson.Span
		for _, cell := range row {
			cells = append(cells, rewriteSpans(cell, rewrite))
		}
		p.Rows = append(p.Rows, cells)
	}
	return p
}

// A painter writes text with or without colours.
type painter bool

// The colours: ECMA-48 8.3.117, "select graphic rendition".
const (
	bold    = "1"
	dim     = "2"
	italic  = "3"
	reverse = "7"
	red     = "1;31"
	green   = "32"
	yellow  = "33"
	cyan    = "36"
)

func (c painter) paint(code, s string) string {
	if !bool(c) || s == "" || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (c painter) tone(t Tone, s string) string {
	return c.paint([...]string{Normal: "", Quiet: dim, Loud: bold, Good: green, Warning: yellow, Bad: red}[t], s)
}

func (c painter) span(s lesson.Span) string {
	return c.paint([...]string{lesson.Plain: "", lesson.Emphasized: italic, lesson.Strong: bold, lesson.Code: cyan}[s.Style], s.Text)
}

func (c painter) spans(all []lesson.Span) string {
	var b strings.Builder
	for i := 0; i < len(all); {
		one := all[i]
		for i++; i < len(all) && all[i].Style == one.Style; i++ {
			one.Text += all[i].Text
		}
		b.WriteString(c.span(one))
	}
	return b.String()
}

// flow breaks spans at blanks into lines of at most so many columns, and a
// word that is longer than that too.
func (c painter) flow(spans []lesson.Span, columns int) []string {
	columns = max(columns, 1)
	var lines []string
	var line []lesson.Span
	used := 0
	end := func() {
		lines = append(lines, c.spans(line))
		line, used = nil, 0
	}
	for _, word := range c.words(spans) {
		switch n := width(word); {
		case len(word) == 1 && word[0].Text == "\n":
			end()
			continue
		case used > 0 && used+1+n > columns:
			end()
		case used > 0:
			line = append(line, lesson.Span{Text: " ", Style: glue(line, word)})
			used++
		}
		for width(word) > columns {
			head, tail := split(word, columns)
			line, word = head, tail
			end()
		}
		line, used = append(line, word...), used+width(word)
	}
	if used > 0 || len(lines) == 0 {
		end()
	}
	return lines
}

// glue is the style of the blank between a line and its next word.
func glue(line, word []lesson.Span) lesson.Style {
	if before := line[len(line)-1].Style; before == word[0].Style {
		return before
	}
	return lesson.Plain
}

// words splits spans at blanks. A word has one span or several: "`laptop`'s".
// Without colours code keeps its backquotes.
func (c painter) words(spans []lesson.Span) [][]lesson.Span {
	var words [][]lesson.Span
	open := false // the last word goes on
	for _, s := range spans {
		if s.Style == lesson.Code && !bool(c) {
			s.Text = "`" + s.Text + "`"
		}
		if s.Text == "\n" {
			words, open = append(words, []lesson.Span{s}), false
			continue
		}
		for i, text := range strings.Split(s.Text, " ") {
			open = open && i == 0
			if text == "" {
				continue
			}
			word := lesson.Span{Text: text, Style: s.Style}
			if open {
				words[len(words)-1] = append(words[len(words)-1], word)
			} else {
				words = append(words, []lesson.Span{word})
			}
			open = true
		}
		open = open && !strings.HasSuffix(s.Text, " ")
	}
	return words
}

func width(spans []lesson.Span) int {
	n := 0
	for _, s := range spans {
		n += ansi.StringWidth(s.Text)
	}
	return n
}

// split cuts a word behind so many columns; the head has at least one letter.
func split(word []lesson.Span, columns int) (head, tail []lesson.Span) {
	text := lesson.Plaintext(word)
	cut := len(ansi.Truncate(text, columns, ""))
	if cut == 0 {
		cut = len(string([]rune(text)[:1]))
	}
	for _, s := range word {
		n := min(cut, len(s.Text))
		if n > 0 {
			head = append(head, lesson.Span{Text: s.Text[:n], Style: s.Style})
		}
		if n < len(s.Text) {
			tail = append(tail, lesson.Span{Text: s.Text[n:], Style: s.Style})
		}
		cut -= n
	}
	return head, tail
}
