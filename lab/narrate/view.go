package narrate

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"hostlab/lab/lesson"
)

// The least that a part of the picture needs.
const (
	paneColumns = 38 // a window beside another one
	paneRows    = 4  // two lines in it
	goodRows    = 6  // … when there is a choice
	leastWidth  = 24 // of a picture with boxes
	leastHeight = 14
	mostText    = 96 // columns of prose: longer lines are hard to read
)

// Render returns the picture of a moment for a terminal of a size: exactly
// rows lines, none wider than columns.
func Render(s *State, columns, rows int, color bool) string {
	v := &view{painter(color), s, columns, rows}
	lines := v.lines()
	for len(lines) < rows {
		lines = append(lines, "")
	}
	lines = lines[:max(rows, 0)]
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, columns, "")
	}
	return strings.Join(lines, "\n")
}

// A view is one picture being made.
type view struct {
	painter
	*State
	columns, rows int
}

func (v *view) lines() []string {
	if v.columns < leastWidth || v.rows < leastHeight {
		return v.small()
	}
	lines := append([]string{v.titleBar(), ""}, v.body(v.rows-4)...)
	for len(lines) < v.rows-1 {
		lines = append(lines, "")
	}
	return append(lines[:v.rows-1], v.statusBar())
}

// small is all that a very small terminal has room for: what is said or shown
// last.
func (v *view) small() []string {
	switch {
	case v.Summary != nil:
		return v.summary(v.rows)
	case v.Opening:
		return v.opening()
	}
	var lines []string
	for _, p := range v.Prose {
		lines = append(lines, v.passage(&p, v.columns)...)
	}
	if panes := latest(append(v.windows(), v.asides()...), 1); v.stale && len(panes) > 0 {
		lines = panes[0].lines(v.columns)
	}
	if v.Claim != nil && (v.Claim.Verdict != "" || len(lines) == 0) {
		lines = append(lines, trimBlank(v.claim())...)
	}
	if words := v.status(); words != "" {
		lines = append(lines, words)
	}
	return last(lines, v.rows)
}

func (v *view) titleBar() string {
	left := " " + v.Title
	if v.Section != "" && v.Section != v.Title {
		left += " · " + v.Section
	}
	return v.paint(reverse, pad(left, v.columns))
}

const (
	keys    = "space next · p pause · + - speed · q end"
	endKeys = "space or q end"
)

// statusBar says what the lab is doing when that matters, and the keys.
func (v *view) statusBar() string {
	left, keys := v.status(), keys
	if v.Summary != nil {
		keys = endKeys
	}
	room := v.columns - ansi.StringWidth(keys) - 3
	if room < ansi.StringWidth(left) {
		if left == "" {
			return " " + v.paint(dim, keys)
		}
		return " " + ansi.Truncate(left, v.columns-2, "…")
	}
	return " " + pad(left, room) + " " + v.paint(dim, keys)
}

// patience is how long a wait for the lab goes without a word.
const patience = 300 * time.Millisecond

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

func (v *view) status() string {
	var words []string
	switch {
	case v.Summary != nil:
		return "the end"
	case v.Paused:
		words = append(words, "paused")
	case v.Idle >= patience:
		frame := spinner[int(v.Idle/spin)%len(spinner)]
		words = append(words, string(frame)+" waiting for the lab: "+v.Lab)
	case v.Opening && v.Lab != "":
		words = append(words, v.Lab)
	}
	if v.Speed != 1 {
		words = append(words, fmt.Sprintf("speed %.3g", v.Speed))
	}
	return strings.Join(words, " · ")
}

// spin is how long a spinner's picture stays.
const spin = 120 * time.Millisecond

// body is what stands between the two bars.
func (v *view) body(rows int) []string {
	switch {
	case v.Summary != nil:
		return v.summary(rows)
	case v.Opening:
		return v.opening()
	}
	claim := v.claim()
	if len(v.windows())+len(v.Asides) == 0 {
		return append(claim, v.prose(rows-len(claim))...)
	}
	if most := max(1, rows/3); len(claim) > most {
		claim = claim[:most]
	}
	// The windows stand still as long as boxes beside them do not need the room.
	most := max(2, (rows-len(claim))*2/5)
	said := v.prose(most)
	if len(v.Asides) > 0 {
		said = append(trimBlank(said), "")
	}
	lines := append(claim, said...)
	return append(lines, v.panes(rows-len(lines))...)
}

// opening is the slide with the title.
func (v *view) opening() []string {
	lines := []string{""}
	for _, line := range v.flow([]lesson.Span{{Text: v.Title, Style: lesson.Strong}}, v.text()) {
		lines = append(lines, "  "+line)
	}
	lines = append(lines, "")
	for _, h := range v.Hosts {
		lines = append(lines, "  "+h)
	}
	switch v.Claims {
	case 0:
	case 1:
		lines = append(lines, "", "  1 claim to be judged")
	default:
		lines = append(lines, "", fmt.Sprintf("  %d claims to be judged", v.Claims))
	}
	return lines
}

func (v *view) summary(rows int) []string {
	lines := []string{"", "  " + v.paint(bold, "What the network said"), ""}
	for _, l := range v.Summary {
		lines = append(lines, v.summaryLine(l, v.text())...)
	}
	return lines[:min(len(lines), rows)]
}

// summaryLine writes a word in front, and the text beside it.
func (c painter) summaryLine(l Line, columns int) []string {
	if l.Prompt == "" {
		var lines []string
		for _, line := range c.flow([]lesson.Span{{Text: l.Text}}, columns-2) {
			lines = append(lines, "  "+c.tone(l.Tone, line))
		}
		return lines
	}
	indent := strings.Repeat(" ", ansi.StringWidth(l.Prompt)+4)
	lines := c.flow([]lesson.Span{{Text: l.Text}}, columns-len(indent))
	for i := range lines {
		if i == 0 {
			lines[i] = "  " + c.tone(l.Tone, l.Prompt) + "  " + lines[i]
		} else {
			lines[i] = indent + lines[i]
		}
	}
	return lines
}

// text is how wide prose becomes.
func (v *view) text() int { return min(v.columns-4, mostText) }

// claim is the claim on trial, and the verdict once there is one.
func (v *view) claim() []string {
	if v.Claim == nil {
		return nil
	}
	spans := append([]lesson.Span{{Text: "Claim " + v.Claim.ID + ":", Style: lesson.Strong}, {Text: " "}}, v.Claim.Text...)
	var lines []string
	for _, line := range v.flow(spans, v.text()-2) {
		lines = append(lines, "  "+v.paint(cyan, "▌")+" "+line)
	}
	if v.Claim.Verdict == "" {
		return append(lines, "")
	}
	lines = append(lines, "  "+v.paint(cyan, "▌")+" "+v.tone(v.Claim.Tone, "Verdict: "+v.Claim.Verdict))
	for _, n := range v.Claim.Notes {
		lines = append(lines, "    "+v.tone(n.Tone, ansi.Truncate(n.Text, v.columns-6, "…")))
	}
	return append(lines, "")
}

// prose is what is said, in exactly so many rows; the last words when there is
// not room for all.
func (v *view) prose(rows int) []string {
	var lines []string
	if len(v.Prose) == 0 && v.Claim == nil {
		lines = append(lines, "  "+v.paint(bold, v.Section), "")
	}
	for _, p := range v.Prose {
		for _, line := range v.passage(&p, v.text()) {
			lines = append(lines, "  "+line)
		}
		lines = append(lines, "")
	}
	lines = last(lines, rows)
	for len(lines) < rows {
		lines = append(lines, "")
	}
	return lines
}

// trimBlank returns lines without the empty ones at their end.
func trimBlank(lines []string) []string {
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
