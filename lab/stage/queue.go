package stage

import (
	"cmp"
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"time"
)

// A request is a lesson that waits for a lab.
type request struct {
	key   string // see keyOf
	takes time.Duration
	last  bool // nobody plays on its lab behind it
	fresh bool
	until time.Time // when it will probably have ended; of those that play

	// granted gets a lab that is idle, or nil: the lesson is to start one.
	granted chan *kept
}

// mostStarting is how many labs start at a time. More would all be there later,
// while those that are there already could let lessons wait for their clocks.
var mostStarting = runtime.NumCPU()

// enter puts lessons in line: those that take longest first, those that take
// the same in the order of their arrival. Where one lab is enough for all
// lessons of the same hosts, for it will hardly take longer than the longest
// lesson, the first of them counts for all: they will play one after the other.
func (s *Stage) enter(rs ...*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rs {
		r.granted = make(chan *kept, 1)
		s.waiting = append(s.waiting, r)
		s.longest = max(s.longest, r.takes)
	}
	s.sort()
	s.dispatch()
}

// sort brings the line in order, see enter. It is called with mu held.
func (s *Stage) sort() {
	by := func(weight func(*request) time.Duration) {
		slices.SortStableFunc(s.waiting, func(a, b *request) int { return cmp.Compare(weight(b), weight(a)) })
	}
	by(func(r *request) time.Duration { return r.takes })
	all, first := map[string]time.Duration{}, map[string]*request{}
	for _, r := range s.waiting {
		all[r.key] += r.takes
		first[r.key] = cmp.Or(first[r.key], r)
	}
	oneLab := s.longest + 2*s.aStart()
	by(func(r *request) time.Duration {
		if r == first[r.key] && all[r.key] <= oneLab {
			return all[r.key]
		}
		return r.takes
	})
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
		s.release(r, k)
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
		s.playing = append(s.playing, r)
		r.until = time.Now().Add(r.takes)
		if k == nil {
			r.until = r.until.Add(s.aStart())
		}
		r.granted <- k
	}
}

// grant finds an idle lab for a lesson, or the room to start one.
func (s *Stage) grant(r *request) (k *kept, ok bool) {
	if s.Labs > 0 && len(s.playing) >= s.Labs {
		return nil, false
	}
	if idle := s.idle[r.key]; !r.fresh && len(idle) > 0 {
		s.idle[r.key] = idle[:len(idle)-1]
		return idle[len(idle)-1], true
	}
	if s.starting == mostStarting {
		return nil, false
	}
	if r.takes > 0 && !r.fresh && !s.worthLab(r.key) {
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

// started is told how long a lesson's lab took to start, or to fail to.
func (s *Stage) started(r *request, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starting--
	s.startTakes = took
	r.until = time.Now().Add(r.takes)
	s.dispatch()
}

// release takes a lab back from a lesson, to be kept unless it is nil. It is
// called with mu held.
func (s *Stage) release(r *request, k *kept) {
	s.playing = slices.DeleteFunc(s.playing, func(p *request) bool { return p == r })
	switch {
	case k == nil:
	case s.wanted(r.key):
		if s.idle == nil {
			s.idle = map[string][]*kept{}
		}
		s.idle[r.key] = append(s.idle[r.key], k)
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
		begin := time.Now()
		err := k.end()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.endTakes = min(cmp.Or(s.endTakes, math.MaxInt64), time.Since(begin))
		if err != nil {
			s.errs = append(s.errs, err)
		}
	})
}

// Close ends every lab, and returns when they are gone. No Play may be under
// way.
func (s *Stage) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
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
