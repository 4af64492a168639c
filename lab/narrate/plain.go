package narrate

import (
	"context"
	"fmt"
	"io"
	"strings"

	"hostlab/lab/lesson"
)

// plainColumns is how wide prose becomes in a plain narration. Output of
// programs is not broken.
const plainColumns = 78

// Plain writes the narration as plain lines, each when its time has come. Tell
// is told when the narration waits for the lab, and for what; nil means that
// nobody listens. The error is ctx's, w's, or why there was no lab.
func (n *Narration) Plain(ctx context.Context, w io.Writer, tell func(string)) error {
	out := &plain{painter: painter(n.color), player: n.player}
	told := ""
	for {
		n.receive()
		if err := n.player.failed(); err != nil {
			return err
		}
		var text strings.Builder
		n.player.tick(n.clock.Now(), func(b *beat) { text.WriteString(out.beat(b)) })
		if _, err := io.WriteString(w, text.String()); err != nil {
			return fmt.Errorf("narrate: %w", err)
		}
		if n.player.over {
			return nil
		}
		pause, byItself := n.player.wait()
		if !byItself {
			pause = spin
			if lab := n.player.state.Lab; tell != nil && n.player.state.Idle >= patience && lab != told {
				tell("waiting for the lab: " + lab)
				told = lab
			}
		}
		if pause == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-n.mail:
		case <-n.clock.After(pause):
		}
	}
}

// A plain writes beats as text. Everything that happened before a beat is in
// the player's state.
type plain struct {
	painter
	player *player
	inside bool // a transcript is open
}

// beat returns what a beat adds to the text.
func (p *plain) beat(b *beat) string {
	if b.kind == entry {
		return p.entry(b.entry)
	}
	p.inside = false
	var lines []string
	switch b.kind {
	case slide:
		s := p.player.state
		lines = p.headline(s.Title, "=")
		for _, h := range s.Hosts {
			lines = append(lines, "  "+h)
		}
	case tell:
		lines = p.tell(b)
	case claim:
		c := p.player.state.Claim
		lines = p.flow(append([]lesson.Span{{Text: "Claim " + c.ID + ":", Style: lesson.Strong}, {Text: " "}}, c.Text...), plainColumns)
	case aside, problem:
		a := p.player.state.Asides[len(p.player.state.Asides)-1]
		lines = []string{p.paint(dim, upper(a.Title)+":")}
		for _, l := range a.Lines {
			lines = append(lines, "  "+p.tone(l.Tone, "| "+l.Text))
		}
	case verdict:
		c := p.player.state.Claim
		lines = []string{p.tone(c.Tone, fmt.Sprintf("Verdict on claim %s: %s", c.ID, c.Verdict))}
		for _, l := range c.Notes {
			lines = append(lines, "  "+p.tone(l.Tone, l.Text))
		}
	case notice:
		lines = p.flow([]lesson.Span{{Text: b.text}}, plainColumns)
	case end:
		for _, l := range p.player.state.Summary {
			if l.Prompt == "" && l.Tone != Good {
				lines = append(lines, p.summaryLine(l, plainColumns)...)
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	if b.kind == slide {
		return strings.Join(lines, "\n") + "\n"
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}

// tell writes a passage of prose.
func (p *plain) tell(b *beat) []string {
	s := p.player.state
	if b.passage.Kind == lesson.Heading {
		return p.headline(s.Section, "-")
	}
	return p.passage(&s.Prose[len(s.Prose)-1], plainColumns)
}

func (p *plain) headline(text, rule string) []string {
	lines := p.flow([]lesson.Span{{Text: text, Style: lesson.Strong}}, plainColumns)
	return append(lines, strings.Repeat(rule, min(len([]rune(text)), plainColumns)))
}

// entry writes a line of a transcript as a lesson has it.
func (p *plain) entry(e *lesson.Entry) string {
	if e.Plain() {
		return ""
	}
	gap := ""
	if !p.inside {
		gap, p.inside = "\n", true
	}
	if e.Kind == lesson.Typed {
		return fmt.Sprintf("%s  %s %s\n", gap, p.paint(dim, e.Step.Prompt), p.paint(bold, visible(e.Text)))
	}
	return gap + "  " + visible(e.String()) + "\n"
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
