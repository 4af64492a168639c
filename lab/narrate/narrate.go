// Package narrate types a lesson out for an audience: its prose, its commands
// letter by letter, and what came of them, with pauses that leave time to read.
//
// The lesson is played on a lab at full speed, and what happens there is told
// to a Narration, which keeps it: Progress, Ready, Event, Again and Done never
// wait.
// The Narration plays it back at a person's pace, on a full screen (Screen) or
// as plain lines (Plain). It waits for the lab only where the lab is the slower
// one, and says so.
//
// A player decides what happens when, by the time that it is told; Render
// makes a picture of its State. Both do no I/O.
package narrate

import (
	"context"
	"sync"
	"time"

	"hostlab/lab/lesson"
)

// The bounds of a narration's speed.
const (
	MinSpeed = 0.1
	MaxSpeed = 20.0
)

// Options are the choices of a Narration. Nil means the defaults.
type Options struct {
	Speed float64 // of a person's; 0 means 1; else MinSpeed to MaxSpeed
	Fast  bool    // no pauses at all
	Color bool    // the output is a terminal that wants colours
	Clock Clock   // nil means the computer's
}

// A Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time // as time.After
}

// A Narration is one lesson being narrated, once. Its lab may run on another
// goroutine.
type Narration struct {
	color  bool
	clock  Clock
	player *player

	mu    sync.Mutex
	inbox []message
	mail  chan struct{} // holds one when the inbox is not empty
}

// New returns the narration of a lesson.
func New(les *lesson.Lesson, o *Options) *Narration {
	if o == nil {
		o = &Options{}
	}
	n := &Narration{color: o.Color, clock: o.Clock, mail: make(chan struct{}, 1)}
	if n.clock == nil {
		n.clock = wallClock{}
	}
	n.player = newPlayer(les, n.clock.Now(), o.Fast)
	n.player.setSpeed(o.Speed)
	return n
}

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// A message is something that happened on the lab. One of its parts is set.
type message struct {
	event    lesson.Event
	judged   *lesson.ClaimResult
	progress string
	rewrite  func(string) string
	again    bool
	outcome  *Outcome
}

// An Outcome is how a lesson ended on its lab.
type Outcome struct {
	Result *lesson.Result // nil when there was no lab
	Err    error          // there was no lab, or it broke
}

// Progress tells what the lab is doing while it starts.
func (n *Narration) Progress(line string) { n.post(message{progress: line}) }

// Ready tells that the lab runs. Rewrite replaces the lesson's addresses by
// those that the lab has; see lesson.Runner. Nil means that they are the same.
func (n *Narration) Ready(rewrite func(string) string) {
	if rewrite == nil {
		rewrite = func(s string) string { return s }
	}
	n.post(message{rewrite: rewrite})
}

// Event tells what happened in the lesson. It keeps no reference to what the
// run may still change.
func (n *Narration) Event(e lesson.Event) {
	m := message{event: e}
	if e.Claim != nil {
		c := *e.Claim
		m.judged = &c
	}
	if e.Result != nil {
		r := *e.Result
		m.event.Result = &r
	}
	n.post(m)
}

// Again tells that the lesson begins again on a fresh lab, because what came
// out says nothing. So does the narration.
func (n *Narration) Again(int) { n.post(message{again: true}) }

// Done tells that the lesson has ended on its lab. Nothing may be told after
// it.
func (n *Narration) Done(o Outcome) { n.post(message{outcome: &o}) }

func (n *Narration) post(m message) {
	n.mu.Lock()
	n.inbox = append(n.inbox, m)
	n.mu.Unlock()
	select {
	case n.mail <- struct{}{}:
	default:
	}
}

// receive hands what has been told to the player.
func (n *Narration) receive() {
	n.mu.Lock()
	all := n.inbox
	n.inbox = nil
	n.mu.Unlock()
	for _, m := range all {
		n.player.receive(m)
	}
}

// errInterrupted says that the audience has had enough.
var errInterrupted = context.Canceled
