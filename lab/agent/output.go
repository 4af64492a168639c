package agent

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// An output hands a program's output to a writer of the caller, which may
// block or fail, and stops when it is told to.
type output struct {
	w    io.Writer
	turn chan struct{} // holds a token while nobody writes

	mu  sync.Mutex
	end bool
	err error
}

func newOutput(w io.Writer) *output {
	if w == nil {
		w = io.Discard
	}
	o := &output{w: w, turn: make(chan struct{}, 1)}
	o.turn <- struct{}{}
	return o
}

// copy writes all of r. After an error of the writer it reads on, so that the
// program does not stand still.
func (o *output) copy(r io.Reader) {
	if _, err := io.Copy(o, r); err != nil {
		io.Copy(io.Discard, r)
	}
}

func (o *output) Write(b []byte) (int, error) {
	<-o.turn
	defer func() { o.turn <- struct{}{} }()
	o.mu.Lock()
	end := o.end
	o.mu.Unlock()
	if end {
		return 0, io.ErrClosedPipe
	}
	n, err := o.w.Write(b)
	if err != nil {
		o.mu.Lock()
		o.err = fmt.Errorf("agent: output: %w", err)
		o.mu.Unlock()
	}
	return n, err
}

// abandon lets no further Write begin. It waits for one under way, but not for
// one that blocks.
func (o *output) abandon() {
	o.mu.Lock()
	o.end = true
	o.mu.Unlock()
	timer := time.NewTimer(Grace)
	defer timer.Stop()
	select {
	case <-o.turn:
		o.turn <- struct{}{}
	case <-timer.C:
	}
}

// failure returns the writer's error.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// same reports whether two writers are one, as os/exec does.
func same(a, b io.Writer) bool {
	defer func() { recover() }() // two of one type that cannot be compared
	return a != nil && a == b
}
