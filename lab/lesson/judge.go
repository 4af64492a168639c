package lesson

import (
	"context"
	"errors"
	"fmt"

	"hostlab/lab/mark"
)

// fence brings all output of programs that still run into their queues: ^Z
// stops them, and the stop comes behind everything that they have printed.
func (r *run) fence(ctx context.Context) error {
	for _, w := range r.windows {
		if w.command == nil {
			continue
		}
		if err := w.fill(); err != nil {
			return r.broken(ctx, w.last, err)
		}
		if w.ended() >= 0 {
			continue
		}
		if err := w.term.Key(keys["^Z"]); err != nil {
			return r.broken(ctx, w.last, err)
		}
		limited, cancel := r.limited(ctx)
		err := w.until(limited, func() bool { return w.ended() >= 0 || len(w.buf) > queued })
		cancel()
		switch {
		case errors.Is(err, errLimit) && ctx.Err() == nil:
			return r.stop(w.last, w.last.TextPos.Offset, Problem{Host: w.place.String(),
				Text: fmt.Sprintf("%q stays after ^Z at the end of the lesson; end it with ^C", w.command.Text)})
		case err != nil:
			return r.broken(ctx, w.last, err)
		}
		if i := w.ended(); i >= 0 && w.buf[i].Kind == mark.Stopped {
			w.buf = append(w.buf[:i:i], w.buf[i+1:]...)
			w.command = nil
		}
	}
	return nil
}

// leftovers reports lines that no block of the section has shown, and programs
// that were said to stay and did not.
func (r *run) leftovers() error {
	for _, w := range r.windows {
		if err := w.fill(); err != nil {
			return r.broken(r.ctx, w.last, err)
		}
		var lines []item
		for _, i := range w.buf {
			r.takeRest(w, i)
			if i.Kind == mark.Line {
				lines = append(lines, i)
				continue
			}
			if w.command != nil && !w.differed {
				r.wrongEnd(w, w.last, Status{Kind: Running}.String(), statusOf(i.Event))
			}
			w.command, w.lost, w.stays, w.key = nil, true, false, nil
		}
		w.buf = nil
		if len(lines) > 0 && !w.sectionDiffered {
			r.unshown(w, lines)
		}
		w.differed, w.sectionDiffered = false, false
	}
	return nil
}

// unshown reports lines that no block shows, at the command that was the
// latest one when the first of them came.
func (r *run) unshown(w *window, lines []item) {
	text := "prints a line that no block shows"
	if n := len(lines); n > 1 {
		text = fmt.Sprintf("prints %d lines that no block shows", n)
	}
	at := lines[0].cause
	if at == nil {
		at = w.last
	}
	r.fail(at, at.Pos.Offset, Problem{Host: w.place.String(), Text: text, Diff: true, Want: "nothing more", Got: lines[0].Line})
}

// takeRest records what no step has taken in the transcript of the block whose
// command it came after.
func (r *run) takeRest(w *window, i item) {
	if b := r.blocks[i.causeOr(w.last).Block]; b != nil {
		block, here := r.block, r.here
		r.block, r.here = b, Place{}
		r.take(w, i, nil)
		r.block, r.here = block, here
	}
}

func (i item) causeOr(s *Step) *Step {
	if i.cause != nil {
		return i.cause
	}
	return s
}

// leaveRest brings what has come into the transcript when a run ends early.
func (r *run) leaveRest() {
	for _, w := range r.windows {
		_ = w.fill() // the error that ended the run is the one to tell
		for _, i := range w.buf {
			if w.last != nil {
				r.takeRest(w, i)
			}
		}
		w.buf = nil
	}
}

// judge computes the verdict of every claim whose verdict is stated between
// two offsets.
func (r *run) judge(from, to int) {
	for _, c := range r.res.Claims {
		if at := c.Claim.VerdictPos.Offset; at < from || at >= to {
			continue
		}
		differs := r.bookDiffers(c.Claim)
		c.likely = verdictOf(differs)
		if len(c.Problems) == 0 {
			r.verdict(c, differs)
		}
		r.o.Progress(Event{Kind: ClaimJudged, Claim: c})
	}
}

// bookDiffers compares the claim's book blocks with what their commands printed.
func (r *run) bookDiffers(c *Claim) []*Problem {
	var differs []*Problem
	seen := map[string]int{}
	for _, b := range c.Blocks {
		if b.Kind == Book {
			differs = append(differs, r.compareBook(b, seen)...)
		}
	}
	return differs
}

// verdictOf returns what book blocks say of a claim whose other blocks match.
func verdictOf(differs []*Problem) Verdict {
	if len(differs) > 0 {
		return Contradicted
	}
	return Confirmed
}

// verdict compares the claim's verdict with the stated one.
func (r *run) verdict(c *ClaimResult, differs []*Problem) {
	c.Differs, c.Verdict = differs, verdictOf(differs)
	if c.Verdict != c.Claim.Stated {
		p := &Problem{File: r.l.File, Pos: c.Claim.VerdictPos,
			Text: fmt.Sprintf("the lesson says %s, this run says %s", c.Claim.Stated, c.Verdict)}
		if len(c.Differs) > 0 {
			p.Diff, p.Want, p.Got = true, c.Differs[0].Want, c.Differs[0].Got
		}
		c.Problems = append(c.Problems, p)
		if r.res.first == nil {
			r.res.first = p
		}
		r.o.Progress(Event{Kind: ProblemFound, Problem: p})
	}
}
