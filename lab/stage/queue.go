package stage

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"time"
)

// A request is a lesson that waits for a lab.
type request struct {
	key   string // see keyOf
	takes time.Duration
	fresh bool

	// granted gets a lab that is idle, or nil: the lesson is to start one.
	granted chan *kept
}

// aStart is what the start of a lab takes, on the slower engine.
const aStart = time.Second

// brief reports whether a lesson is over sooner than a lab would be there.
func (r *request) brief() bool { return r.takes > 0 && r.takes < aStart }

// line is how many brief lessons stand in line for each lab of their hosts
// before it is worth while to start another.
const line = 4

// mostStarting is how many labs start at a time. More would all be there later,
// while those that are there already could let lessons wait for their clocks.
var mostStarting = runtime.NumCPU()

// enter puts lessons in line: those that take longest first, the others in the
// order of their arrival.
func (s *Stage) enter(rs ...*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rs {
		r.granted = make(chan *kept, 1)
		s.waiting = append(s.waiting, r)
	}
	slices.SortStableFunc(s.waiting, func(a, b *request) int { return cmp.Compare(b.takes, a.takes) })
	s.dispatch()
}

// await returns a request's lab; nil means that the lesson starts one.
func (s *Stage) await(ctx context.Context, r *request) (*kept, error) {
	select {
	case k := <-r.granted:
		return k, nil
	case <-ctx.Done():
		s.leave(r)
		return nil, context.Cause(ctx)
	}
}

// leave takes a lesson out of the line, or gives back what it was granted.
func (s *Stage) leave(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case k := <-r.granted:
		if k == nil {
			s.starting--
		}
		s.release(r.key, k)
	default:
		s.waiting = slices.DeleteFunc(s.waiting, func(w *request) bool { return w == r })
	}
}

// dispatch grants what can be granted. It is called with mu held whenever
// something has changed.
func (s *Stage) dispatch() {
	for i := 0; i < len(s.waiting); {
		r := s.waiting[i]
		k, ok := s.grant(r)
		if !ok {
			i++
			continue
		}
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.playing++
		s.labs[r.key]++
		r.granted <- k
	}
}

// grant finds an idle lab for a lesson, or the room to start one.
func (s *Stage) grant(r *request) (k *kept, ok bool) {
	if s.labs == nil {
		s.labs, s.idle = map[string]int{}, map[string][]*kept{}
	}
	if s.Labs > 0 && s.playing >= s.Labs {
		return nil, false
	}
	if idle := s.idle[r.key]; !r.fresh && len(idle) > 0 {
		s.idle[r.key] = idle[:len(idle)-1]
		return idle[len(idle)-1], true
	}
	if s.starting == mostStarting {
		return nil, false
	}
	if labs := s.labs[r.key]; r.brief() && !r.fresh && labs > 0 && s.inLine(r.key) <= line*labs {
		return nil, false
	}
	s.starting++
	return nil, true
}

// inLine counts the lessons that wait for a lab of some hosts.
func (s *Stage) inLine(key string) int {
	n := 0
	for _, r := range s.waiting {
		if r.key == key && !r.fresh {
			n++
		}
	}
	return n
}

// started is told that a lab has started, or has not.
func (s *Stage) started() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starting--
	s.dispatch()
}

// release takes a lab back from a lesson, to be kept unless it is nil. It is
// called with mu held.
func (s *Stage) release(key string, k *kept) {
	s.playing--
	s.labs[key]--
	switch {
	case k == nil:
	case s.wanted(key):
		s.idle[key] = append(s.idle[key], k)
	default:
		s.end(k)
	}
	s.dispatch()
}

// wanted reports whether one more lab of some hosts is to be kept.
func (s *Stage) wanted(key string) bool {
	return !s.Frugal || len(s.idle[key]) < s.inLine(key)
}

// end ends a lab without waiting for it; Close does.
func (s *Stage) end(k *kept) {
	s.ending.Go(func() {
		if err := k.lab.Close(); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.errs = append(s.errs, err)
		}
	})
}

// Close ends every lab, and returns when they are gone. No Play may be under
// way.
func (s *Stage) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.labs = nil, nil
	s.mu.Unlock()
	for _, labs := range idle {
		for _, k := range labs {
			s.end(k)
		}
	}
	s.ending.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.errs...)
	s.errs = nil
	return err
}
