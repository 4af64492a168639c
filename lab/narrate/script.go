package narrate

import (
	"math"

	"hostlab/lab/lesson"
)

// A beat is one thing that the narration does.
type beat struct {
	kind    beatKind
	passage lesson.Passage      // tell, claim, verdict; aside: the block's place
	places  []lesson.Place      // slide, and tell with a heading: the section's windows
	block   *lesson.Block       // window, aside
	result  *lesson.BlockResult // aside
	entry   *lesson.Entry       // entry
	problem *lesson.Problem     // problem
	text    string              // notice
	outcome *Outcome            // end
}

type beatKind int

const (
	slide   beatKind = iota + 1 // the title
	tell                        // a passage of prose
	claim                       // a claim is made
	windows                     // a console block begins
	entry                       // something happens in a window
	aside                       // what the book predicts, what crossed the wires
	verdict                     // what a claim came to
	problem                     // something is not as the lesson says
	notice                      // a word of the narrator's own
	end                         // all is told
)

// A script makes beats of a lesson and of what happens when it is played, in
// the order of the file. Prose is told as early as it can be, so that the lab
// has time to start and to work meanwhile.
type script struct {
	passages []lesson.Passage
	next     int // the first passage that is not told
}

// newScript returns a script, its first beats, and the title as text.
func newScript(les *lesson.Lesson) (s *script, beats []beat, title string) {
	s, title = &script{passages: les.Passages()}, visible(les.Title)
	if len(s.passages) > 0 && len(les.Sections) > 0 {
		if first := s.passages[0]; first.Kind == lesson.Heading && les.Sections[0].Heading == les.Title {
			s.next, title = 1, visible(lesson.Plaintext(first.Text)) // the slide says it
		}
	}
	beats = []beat{{kind: slide, places: s.places(s.next)}}
	return s, append(beats, s.tell(func(p *lesson.Passage) bool { return p.Kind != lesson.Experiment })...), title
}

// event returns the beats of an event.
func (s *script) event(e lesson.Event) []beat {
	switch e.Kind {
	case lesson.SectionBegan:
		return append(s.until(e.Section.Pos.Offset), s.onward(true)...)
	case lesson.BlockBegan:
		beats := s.until(e.Block.Pos.Offset)
		if e.Block.Kind == lesson.Console {
			beats = append(beats, beat{kind: windows, block: e.Block})
		}
		return beats
	case lesson.BlockEnded:
		var beats []beat
		if p := s.pass(e.Block); e.Block.Kind != lesson.Console {
			beats = append(beats, beat{kind: aside, passage: p, block: e.Block, result: e.Result})
		}
		return append(beats, s.onward(false)...)
	case lesson.EntryTaken:
		return []beat{{kind: entry, entry: e.Entry}}
	case lesson.ProblemFound:
		return []beat{{kind: problem, problem: e.Problem}}
	case lesson.ClaimJudged:
		return s.until(e.Claim.Claim.VerdictPos.Offset)
	}
	return nil
}

// end returns the last beats: the rest of the lesson when all of it was run.
func (s *script) end(o *Outcome) []beat {
	var beats []beat
	if o.Result != nil && o.Result.Stopped == nil && o.Err == nil {
		beats = s.until(math.MaxInt)
	}
	return append(beats, beat{kind: end, outcome: o})
}

// until tells what stands before an offset.
func (s *script) until(offset int) []beat {
	return s.tell(func(p *lesson.Passage) bool { return p.Pos.Offset < offset })
}

// pass leaves the place of a block behind and returns it.
func (s *script) pass(b *lesson.Block) lesson.Passage {
	for s.next < len(s.passages) {
		p := s.passages[s.next]
		if s.next++; p.Block == b {
			return p
		}
	}
	return lesson.Passage{}
}

// onward tells on as long as nothing that the lab may still say comes before
// it: to the next block, heading or verdict. A new section's heading is told.
func (s *script) onward(section bool) []beat {
	return s.tell(func(p *lesson.Passage) bool {
		stop := p.Kind == lesson.Experiment || p.Kind == lesson.Judged || p.Kind == lesson.Heading && !section
		section = false
		return !stop
	})
}

// tell makes beats of the next passages while a condition holds.
func (s *script) tell(goOn func(*lesson.Passage) bool) []beat {
	var beats []beat
	for ; s.next < len(s.passages) && goOn(&s.passages[s.next]); s.next++ {
		b := beat{kind: tell, passage: s.passages[s.next]}
		switch b.passage.Kind {
		case lesson.Experiment:
			continue // told by events
		case lesson.Stated:
			b.kind = claim
		case lesson.Judged:
			b.kind = verdict
		case lesson.Heading:
			b.places = s.places(s.next + 1)
		}
		beats = append(beats, b)
	}
	return beats
}

// places returns the windows that the blocks up to the next heading use, in
// the order of their use.
func (s *script) places(from int) []lesson.Place {
	var places []lesson.Place
	seen := map[lesson.Place]bool{}
	for _, p := range s.passages[from:] {
		if p.Kind == lesson.Heading {
			break
		}
		if p.Kind != lesson.Experiment || p.Block.Kind != lesson.Console {
			continue
		}
		for _, step := range p.Block.Steps {
			if !seen[step.Place] {
				seen[step.Place] = true
				places = append(places, step.Place)
			}
		}
	}
	return places
}
