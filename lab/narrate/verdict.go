package narrate

import (
	"fmt"
	"strings"

	"hostlab/lab/lesson"
)

// judgement is the word for what a claim came to, and what is to be said of it.
func judgement(c *lesson.ClaimResult) (word string, tone Tone, notes []Line) {
	if c == nil {
		return "not run", Bad, nil
	}
	for _, d := range c.Differs {
		notes = append(notes,
			Line{Text: "the book says     " + visible(d.Want)},
			Line{Text: "the network says  " + visible(d.Got)})
	}
	word, tone = string(c.Verdict), Good
	if c.Verdict == lesson.Contradicted {
		tone = Warning
	}
	if c.OK() {
		return word, tone, notes
	}
	if word == "" {
		word = "differs"
	}
	if len(c.Problems) == 0 {
		word = "not run"
	}
	for _, p := range c.Problems {
		notes = append(notes, problemLines(p)...)
	}
	return word, Bad, notes
}

func problemLines(p *lesson.Problem) []Line {
	var lines []Line
	for line := range strings.SplitSeq(p.Error(), "\n") {
		lines = append(lines, Line{Text: visible(line), Tone: Bad})
	}
	return lines
}

// summary says how the whole lesson came out.
func summary(o *Outcome) []Line {
	var lines []Line
	for _, c := range o.Result.Claims {
		word, tone, _ := judgement(c)
		lines = append(lines, Line{Prompt: fmt.Sprintf("%-12s", word), Text: "claim " + c.Claim.ID + ": " + visible(c.Claim.Text), Tone: tone})
	}
	for _, u := range o.Result.NotChecked() {
		lines = append(lines, Line{Text: fmt.Sprintf("line %d: %s", u.Pos.Line, u.Why), Tone: Quiet})
	}
	switch {
	case o.Err != nil:
		lines = append(lines, Line{Text: "the lab broke: " + visible(o.Err.Error()), Tone: Bad})
	case o.Result.Stopped != nil:
		lines = append(lines, Line{Text: fmt.Sprintf("nothing was run beyond line %d", o.Result.Stopped.Pos.Line), Tone: Bad})
	}
	if o.Result.Inconclusive() {
		lines = append(lines, Line{Text: "this machine stood still during the run: what differs may be due to that; try again", Tone: Warning})
	}
	if o.Result.OK() {
		lines = append(lines, Line{Text: "all as stated", Tone: Good})
	}
	return lines
}
