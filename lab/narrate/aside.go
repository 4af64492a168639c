package narrate

import (
	"fmt"
	"strings"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/wire"
)

// asideOf returns what stands beside the windows where a block of the book or
// a diagram stands.
func asideOf(b *beat) Aside {
	if b.block.Kind == lesson.Book {
		a := Aside{Title: "the book predicts"}
		for _, line := range b.result.Predicted {
			a.Lines = append(a.Lines, Line{Text: visible(line), Tone: Quiet})
		}
		return a
	}
	if b.block.Diagram.Drawing {
		return Aside{Title: "a drawing", Lines: drawn(b.passage.Lines)}
	}
	a := Aside{Title: "on the wire", Lines: []Line{{Text: "no packets"}}}
	switch w := b.result.Wire; {
	case w == nil:
		a.Lines[0] = Line{Text: "not looked at", Tone: Bad}
	case len(w.Packets) > 0:
		a.Lines = packets(w.Packets)
	}
	return a
}

// packets returns the packets that crossed the wires, a line for each, with
// the time since the first one.
func packets(all []*wire.Passage) []Line {
	var lines []Line
	for _, p := range all {
		since := p.Sent.Sub(all[0].Sent).Round(time.Millisecond)
		for _, line := range p.Lines() {
			l := Line{Text: fmt.Sprintf("%.3f s  %s", since.Seconds(), arrow(line, p.From))}
			if fault, host := p.Fault(); fault != "" {
				l.Text += fmt.Sprintf(", taken at %s: %s", host, fault)
			}
			lines = append(lines, Line{Text: visible(l.Text)})
		}
	}
	return lines
}

// arrow returns a diagram's line in words that can be read aloud: the host that
// sent comes first.
func arrow(line, from string) string {
	if from == "" {
		from = "?"
	}
	rest := strings.TrimPrefix(line, from)
	if to, ok := strings.CutPrefix(rest, "->>"); ok {
		return from + " to " + to
	}
	to, packet, _ := strings.Cut(strings.TrimPrefix(rest, "-x"), ": ")
	return fmt.Sprintf("%s to %s, lost: %s", from, to, packet)
}

// drawn returns a diagram that nobody checks, as the lesson writes it.
func drawn(source []string) []Line {
	var lines []Line
	for _, line := range source {
		if text := strings.TrimSpace(line); text != "" && text != "sequenceDiagram" && !strings.HasPrefix(text, "%%") {
			lines = append(lines, Line{Text: visible(text), Tone: Quiet})
		}
	}
	return lines
}
