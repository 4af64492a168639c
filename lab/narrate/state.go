package narrate

import (
	"slices"
	"strings"
	"time"

	"hostlab/lab/lesson"
)

// A State is what the audience sees at one moment. It is data; Render makes a
// picture of it.
type State struct {
	Title   string
	Hosts   []string // "guinness  192.168.5.130"
	Claims  int      // in the whole lesson
	Opening bool     // the slide with the title is shown

	Section string
	Claim   *Claim // the one that is being tried; nil when none is
	Prose   []lesson.Passage
	Windows []*Window
	Asides  []Aside

	Lab    string        // what the lab said last; "" when it has ended
	Idle   time.Duration // how long the narration has been waiting for the lab
	Paused bool
	Speed  float64 // of a person's

	Summary []Line // at the end; nil before

	stale bool // the prose belongs to what is over
	clock int  // counts what happens in windows
}

// A Claim is a claim on trial.
type Claim struct {
	ID      string
	Text    []lesson.Span
	Verdict string // "" as long as there is none
	Tone    Tone
	Notes   []Line // what the book and the network say, or what went wrong
}

// A Window is a terminal of a host, or the reader's own.
type Window struct {
	Place   lesson.Place
	Prompt  string
	Lines   []Line
	Typing  bool // the last line is being typed
	Running bool // a program has the window
	Shown   bool // the section uses it

	used int // when it was used last
}

// A Line is one line of a window or of a box.
type Line struct {
	Prompt string // before Text, when it was typed
	Text   string
	Tone   Tone
}

// An Aside is a box beside the windows.
type Aside struct {
	Title string
	Lines []Line
}

// A Tone is how a text is coloured where there are colours.
type Tone int

// The tones.
const (
	Normal Tone = iota
	Quiet
	Loud
	Good
	Warning
	Bad
)

// mostLines is how many lines a window keeps.
const mostLines = 200

// window returns the window of a place.
func (s *State) window(p lesson.Place) *Window {
	for _, w := range s.Windows {
		if w.Place == p {
			return w
		}
	}
	w := &Window{Place: p, Prompt: p.String() + "$"}
	if p == (lesson.Place{}) {
		w.Prompt = "$"
	}
	s.Windows = append(s.Windows, w)
	return w
}

// use returns the window of a place, which is in use now.
func (s *State) use(p lesson.Place) *Window {
	w := s.window(p)
	s.clock++
	w.used, w.Shown = s.clock, true
	return w
}

func (w *Window) add(l Line) {
	w.Lines = append(w.Lines, l)
	if n := len(w.Lines) - mostLines; n > 0 {
		w.Lines = slices.Delete(w.Lines, 0, n)
	}
}

// Name is what a window is called.
func (w *Window) Name() string {
	if w.Place == (lesson.Place{}) {
		return "your own machine"
	}
	return w.Place.String()
}

// enter begins a section, with the windows that it uses and those in which a
// program still runs.
func (s *State) enter(heading string, places []lesson.Place) {
	s.Section, s.Prose, s.Asides, s.Claim = heading, nil, nil, nil
	for _, w := range s.Windows {
		w.Shown = w.Running
	}
	for _, p := range places {
		s.window(p).Shown = true
	}
}

// say adds prose; what was said before the last experiment gives way.
func (s *State) say(p lesson.Passage) {
	if s.stale {
		s.Prose, s.stale = nil, false
	}
	s.Prose = append(s.Prose, p)
}

// happen shows what happens in a window, but for a typed line: see type.
func (s *State) happen(e *lesson.Entry) {
	s.stale = true
	w := s.use(e.Place)
	switch e.Kind {
	case lesson.Pressed:
		w.add(Line{Text: e.Text, Tone: Loud})
	case lesson.Printed:
		w.add(Line{Text: visible(e.Text)})
	case lesson.Ended:
		w.Running = e.Text == lesson.Status{Kind: lesson.Running}.String()
		if !e.Plain() {
			w.add(Line{Text: e.Text, Tone: Quiet})
		}
	}
}

// visible returns a text without what a terminal would act on.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0:
			return '\ufffd'
		}
		return r
	}, s)
}
