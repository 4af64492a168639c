package lesson

import (
	"context"
	"sync"
	"time"

	"hostlab/lab/mark"
)

// startTime is how long an unhurried run waits for the first line of a program.
const startTime = 300 * time.Millisecond

// Unhurried returns a lab on which nothing is typed and nothing is done before
// every program that was started has shown its first line, or has had 0.3 s for
// it. It is for Update only, which reads lessons that do not yet say what to wait
// for: a server shall listen before its client asks, and its lines come first.
// Nothing is judged by that time, and a run of the updated lesson waits for the
// line itself.
func Unhurried(lab Runner) Runner {
	return &unhurried{Runner: lab, starting: map[*unhurriedWindow]time.Time{}, changed: make(chan struct{})}
}

type unhurried struct {
	Runner
	mu       sync.Mutex
	starting map[*unhurriedWindow]time.Time // programs that have shown nothing, and until when they may
	changed  chan struct{}                  // closed, and made anew, when one of them has
}

// set notes that a window's program begins to start, or that it has shown
// something.
func (u *unhurried) set(w *unhurriedWindow, starting bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !starting {
		delete(u.starting, w)
	} else {
		u.starting[w] = time.Now().Add(startTime)
	}
	close(u.changed)
	u.changed = make(chan struct{})
}

// latest returns until when the programs may start, and what to wait for.
func (u *unhurried) latest() (end time.Time, changed <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.starting {
		if t.After(end) {
			end = t
		}
	}
	return end, u.changed
}

// wait returns when all programs have shown something, or have had their time. A
// run calls it before each command.
func (u *unhurried) wait() {
	for {
		end, changed := u.latest()
		rest := time.Until(end)
		if rest <= 0 {
			return
		}
		select {
		case <-changed:
		case <-time.After(rest):
		}
	}
}

func (u *unhurried) Window(ctx context.Context, host, name string) (Window, error) {
	w, err := u.Runner.Window(ctx, host, name)
	if err != nil {
		return nil, err
	}
	return &unhurriedWindow{w, u}, nil
}

type unhurriedWindow struct {
	Window
	lab *unhurried
}

func (w *unhurriedWindow) Type(line string) error {
	w.lab.set(w, true)
	return w.Window.Type(line)
}

func (w *unhurriedWindow) Next(ctx context.Context) (mark.Event, error) {
	e, err := w.Window.Next(ctx)
	if err != nil || e.Kind != mark.Start && e.Kind != mark.Prompt {
		w.lab.set(w, false)
	}
	return e, err
}
