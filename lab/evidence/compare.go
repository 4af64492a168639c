package evidence

import (
	"fmt"
	"slices"

	"hostlab/lab/report"
)

// differences says where a lesson's report is not what its replay came to. Times
// and the wording of complaints do not count.
func differences(was, is report.DocumentLesson) []string {
	c := comparison{file: was.File}
	c.words("lesson", string(was.Outcome), string(is.Outcome))
	if was.OK != is.OK || was.File != is.File {
		c.words("lesson", fmt.Sprint(was.File, " ok ", was.OK), fmt.Sprint(is.File, " ok ", is.OK))
	}
	c.claims(was.Claims, is.Claims)
	c.lines("what differs", problems(was.Problems), problems(is.Problems))
	c.transcripts(was.Transcript, is.Transcript)
	c.wires(was.Wire, is.Wire)
	return c.found
}

// A comparison collects what differs.
type comparison struct {
	file  string
	found []string
}

func (c *comparison) words(what, was, is string) {
	if was != is {
		c.found = append(c.found, fmt.Sprintf("%s: %s: the report says %s, the replay says %s", c.file, what, said(was), said(is)))
	}
}

// said returns words of a report as a message can show them.
func said(words string) string {
	if words == "" {
		return "nothing"
	}
	return fmt.Sprintf("%.120q", words)
}

func (c *comparison) claims(was, is []report.DocumentClaim) {
	for i := range max(len(was), len(is)) {
		var w, r report.DocumentClaim
		if i < len(was) {
			w = was[i]
		}
		if i < len(is) {
			r = is[i]
		}
		id := "claim " + r.ID
		c.words(id, w.ID, r.ID)
		c.words(id, string(w.Verdict), string(r.Verdict))
		c.words(id+", as stated", string(w.Stated), string(r.Stated))
		if w.OK != r.OK {
			c.words(id, fmt.Sprint("ok ", w.OK), fmt.Sprint("ok ", r.OK))
		}
		c.lines(id+", what differs", problems(w.Problems), problems(r.Problems))
		c.lines(id+", what the book says", problems(w.Book), problems(r.Book))
	}
}

// problems returns complaints by their places and what was compared.
func problems(all []report.DocumentProblem) (lines []string) {
	for _, p := range all {
		line := fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Host)
		if p.Want != nil && p.Got != nil {
			line += fmt.Sprintf(" want %q got %q", *p.Want, *p.Got)
		}
		lines = append(lines, line)
	}
	return lines
}

// lines compares two lists at a line of the lesson: the first place where they
// differ counts.
func (c *comparison) lines(what string, was, is []string) {
	if slices.Equal(was, is) {
		return
	}
	for i := range max(len(was), len(is)) {
		w, r := "", ""
		if i < len(was) {
			w = was[i]
		}
		if i < len(is) {
			r = is[i]
		}
		if w != r {
			c.words(what, w, r)
			return
		}
	}
}

func (c *comparison) transcripts(was, is []report.DocumentBlock) {
	text := func(all []report.DocumentBlock) (lines []string) {
		for _, b := range all {
			lines = append(lines, fmt.Sprintf("block in line %d", b.Line))
			for _, e := range b.Entries {
				lines = append(lines, fmt.Sprintf("%s %s: %s%s", e.Kind, e.Window, e.Prompt, e.Text))
			}
		}
		return lines
	}
	c.lines("transcript", text(was), text(is))
}

func (c *comparison) wires(was, is []report.DocumentWire) {
	text := func(all []report.DocumentWire) (lines []string) {
		for _, w := range all {
			lines = append(lines, fmt.Sprintf("diagram in line %d %s", w.Line, w.Doubt))
			for _, p := range w.Packets {
				lines = append(lines, fmt.Sprintf("%.6f s %s %v %s %s", p.At, p.Text, p.Arrived, p.Fault, p.FaultHost))
			}
		}
		return lines
	}
	c.lines("packets", text(was), text(is))
}
