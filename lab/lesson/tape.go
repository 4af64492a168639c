package lesson

// A Looker is a Window that is told when a run takes what has come without
// waiting for more. All else that a run takes it waits for; with this, and the
// order of a window's events, a run can be played again as it was.
type Looker interface {
	Window

	// Look is given how many of the window's events, from the first one on,
	// have come so far, and returns how many the run goes on with. A recorder
	// returns n. A tape returns what was recorded; it may be more than n when
	// these are sure to come, and is never less than the run has taken.
	Look(n int) int
}

// A Tape is a Window that plays back what was recorded.
type Tape interface {
	Looker

	// Cause returns the line of the command that was the lesson's latest one
	// when the event that Next returned last came; 0 when there was none. It is
	// called by the caller of Next.
	Cause() int
}

// causeOf returns how to find the command that was the latest one when an event
// of a terminal came.
func (r *run) causeOf(term Window) func() *Step {
	if t, ok := term.(Tape); ok {
		return func() *Step { return r.l.commandIn(t.Cause()) }
	}
	return r.latest.Load
}

// commandIn returns the command that a lesson has in a line; nil when it has
// none there.
func (l *Lesson) commandIn(line int) *Step {
	for _, section := range l.Sections {
		for _, b := range section.Blocks {
			for _, s := range b.Steps {
				if s.Pos.Line == line && b.Kind == Console && (s.Kind == Command || s.Kind == Hostlab) {
					return s
				}
			}
		}
	}
	return nil
}
