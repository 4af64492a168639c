package lesson

import (
	"sync"
	"time"
)

const (
	// stallTick is how often the watchdog wants to run.
	stallTick = 10 * time.Millisecond

	// stallLimit is a quarter of the shortest patience of the book's programs,
	// the 0.1 s of udp_remote's first wait: on the way of a request and its reply
	// four processes and kernel threads may wait for a processor in turn.
	stallLimit = 25 * time.Millisecond
)

// A watchdog measures how long this machine did not let the process run: its
// ticks come late by as much.
type watchdog struct {
	stop, done chan struct{}

	mu    sync.Mutex
	last  time.Time
	worst time.Duration // since the last reset
	ever  time.Duration // since the last diagram
}

func newWatchdog() *watchdog {
	w := &watchdog{stop: make(chan struct{}), done: make(chan struct{}), last: time.Now()}
	go w.run()
	return w
}

func (w *watchdog) run() {
	defer close(w.done)
	t := time.NewTicker(stallTick)
	defer t.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-t.C:
			w.tick(time.Now())
		}
	}
}

func (w *watchdog) tick(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.worst = max(w.worst, now.Sub(w.last)-stallTick)
	w.last = now
}

// reset forgets what was: a new step begins.
func (w *watchdog) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ever = max(w.ever, w.worst)
	w.worst = 0
}

// diagramEnded returns the longest stall in all the steps since it was called
// before, or 0 when it was too short to matter.
func (w *watchdog) diagramEnded() time.Duration {
	w.tick(time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	longest := max(w.ever, w.worst)
	w.ever = 0
	if longest < stallLimit {
		return 0
	}
	return longest
}

// stall returns the longest stall since the last reset, the one that goes on
// included, or 0 when it was too short to matter.
func (w *watchdog) stall() time.Duration {
	w.tick(time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.worst < stallLimit {
		return 0
	}
	return w.worst
}

func (w *watchdog) close() {
	close(w.stop)
	<-w.done
}
