package netns

import (
	"os"
	"sync"
	"time"
)

// A spare is the process 1 of a lab that nobody has asked for yet. To start one
// takes twice as long as to make a small lab in it, so an engine starts the
// next lab's when it has made one. It ends soon when no lab follows, and in any
// case with this process.
type spare struct {
	mu   sync.Mutex
	p    *process
	due  bool // one is about to start
	late *time.Timer
}

const (
	// spareDelay leaves the processors to the lab that has just started.
	spareDelay = 50 * time.Millisecond

	// spareLife is how long a spare waits for a lab.
	spareLife = 3 * time.Second
)

// take returns the spare, or nil when there is none. Somebody may have killed
// it. The caller ends it.
func (s *spare) take() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.p
	if p != nil {
		s.p = nil
		s.late.Stop()
	}
	return p
}

// prepare has a spare started unless there is one.
func (s *spare) prepare(binary *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due || s.p != nil {
		return
	}
	s.due = true
	time.AfterFunc(spareDelay, func() {
		p, err := start(binary)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.due = false
		if err != nil {
			return // whoever asks for a lab is told
		}
		s.p = p
		s.late = time.AfterFunc(spareLife, func() { s.drop(p) })
	})
}

// drop ends a spare that nobody has taken.
func (s *spare) drop(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p == p {
		s.p = nil
		p.end()
	}
}
