package narrate

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"hostlab/lab/lesson"
)

// passage returns a passage of prose as lines of at most so many columns.
// Headings and claims are written by those who know where they stand.
func (c painter) passage(p *lesson.Passage, columns int) []string {
	first := strings.Repeat("  ", max(0, p.Depth-1))
	if p.Quoted {
		first += "| "
	}
	rest := first
	switch {
	case p.Marker != "":
		rest += strings.Repeat(" ", len(p.Marker)+1)
		first += p.Marker + " "
	case p.Depth > 0:
		first += "  "
		rest = first
	}
	var lines []string
	inner := columns - ansi.StringWidth(rest)
	switch p.Kind {
	case lesson.Listing:
		for _, line := range p.Lines {
			lines = append(lines, "  "+c.paint(dim, ansi.Truncate(line, max(inner-2, 1), "…")))
		}
	case lesson.Table:
		lines = c.table(p.Rows, inner)
	default:
		lines = c.flow(p.Text, inner)
	}
	for i := range lines {
		lines[i] = first + lines[i]
		first = rest
	}
	return lines
}

// table returns a table as lines. One that is too wide becomes a list: under
// the first cell of each row, the other cells with their headings.
func (c painter) table(rows [][][]lesson.Span, columns int) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	total := 0
	for _, w := range widths {
		total += w + 2
	}
	if total-2 > columns {
		return c.list(rows, columns)
	}
	var lines []string
	for i, row := range rows {
		var line strings.Builder
		for k, cell := range row {
			line.WriteString(c.spans(cell) + strings.Repeat(" ", widths[k]-width(cell)+2))
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
		if i == 0 {
			var rule strings.Builder
			for _, w := range widths {
				rule.WriteString(strings.Repeat("-", w) + "  ")
			}
			lines = append(lines, c.paint(dim, strings.TrimRight(rule.String(), " ")))
		}
	}
	return lines
}

func (c painter) list(rows [][][]lesson.Span, columns int) []string {
	var lines []string
	for _, row := range rows[min(1, len(rows)):] {
		for i, cell := range row {
			indent := ""
			if i > 0 && i < len(rows[0]) {
				indent = "  "
				cell = append(append([]lesson.Span(nil), rows[0][i]...), append([]lesson.Span{{Text: ": "}}, cell...)...)
			}
			for _, line := range c.flow(cell, columns-len(indent)) {
				lines = append(lines, indent+line)
			}
		}
	}
	return lines
}

// A box is a frame with a title and lines in it.
type box struct {
	title  string
	lines  []string // each at most as wide as the box is inside
	active bool
}

// draw returns a box of a size, frame included. When not all lines fit it
// shows the last ones.
func (c painter) draw(b box, columns, rows int) []string {
	inner := max(columns-4, 1)
	frame := dim
	if b.active {
		frame = cyan
	}
	title := ansi.Truncate(" "+b.title+" ", inner, "… ")
	head := "┌─" + title + strings.Repeat("─", max(columns-3-ansi.StringWidth(title), 0)) + "┐"
	lines := []string{c.paint(frame, head)}
	shown := last(b.lines, rows-2)
	for i := range rows - 2 {
		text := ""
		if i < len(shown) {
			text = shown[i]
		}
		side := c.paint(frame, "│")
		lines = append(lines, side+" "+pad(text, inner)+" "+side)
	}
	return append(lines, c.paint(frame, "└"+strings.Repeat("─", max(columns-2, 0))+"┘"))
}

// last returns the last n lines.
func last(lines []string, n int) []string {
	return lines[max(0, len(lines)-max(n, 0)):]
}

// pad returns a text cut or filled to a width.
func pad(text string, columns int) string {
	text = ansi.Truncate(text, columns, "…")
	return text + strings.Repeat(" ", max(0, columns-ansi.StringWidth(text)))
}

// line breaks a line of a window where the window ends, as a terminal does.
func (c painter) line(l Line, columns int) []string {
	text := l.Text
	if l.Prompt != "" {
		text = l.Prompt + " " + l.Text
	}
	lines := strings.Split(ansi.Hardwrap(text, max(columns, 1), true), "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, l.Prompt); i == 0 && ok {
			lines[i] = c.paint(dim, l.Prompt) + c.tone(l.Tone, rest)
		} else {
			lines[i] = c.tone(l.Tone, line)
		}
	}
	return lines
}
