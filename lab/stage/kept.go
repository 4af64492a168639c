package stage

import (
	"context"
	"encoding/json"
	"errors"

	"hostlab/lab"
	"hostlab/lab/lesson"
)

// A kept lab is one that lessons play on one after the other.
type kept struct {
	lab    *lab.Lab
	key    string       // see keyOf
	before lab.Snapshot // how it was before the first lesson
}

// keyOf returns what makes the labs of two lessons the same: the engine, and
// all of the topology but its name, wherever the lessons say so.
func keyOf(les *lesson.Lesson, o *Options) string {
	same := les.Topology.Clone()
	same.Name = ""
	text, _ := json.Marshal(same) // it is plain data
	if o.Lab.Engine != nil {
		return o.Lab.Engine.Name() + string(text)
	}
	return string(text)
}

// take returns an idle lab of a lesson's hosts; nil when there is none.
func (s *Stage) take(les *lesson.Lesson, o *Options) *kept {
	if o.Fresh {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := keyOf(les, o)
	idle := s.idle[key]
	if len(idle) == 0 {
		return nil
	}
	k := idle[len(idle)-1]
	s.idle[key] = idle[:len(idle)-1]
	return k
}

// start starts a lab and remembers how it is.
func (s *Stage) start(ctx context.Context, les *lesson.Lesson, o *Options) (*kept, error) {
	l, err := lab.Start(ctx, les.Topology, &o.Lab)
	if err != nil || s.once {
		return &kept{lab: l}, err
	}
	k := &kept{lab: l, key: keyOf(les, o)}
	if k.before, err = l.Snapshot(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return k, nil
}

// put keeps a lab for the next lesson, if it is as it was; else it ends.
func (s *Stage) put(ctx context.Context, k *kept) {
	if s.once || k.lab.Restore(ctx, k.before) != nil {
		s.end(k.lab)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = map[string][]*kept{}
	}
	s.idle[k.key] = append(s.idle[k.key], k)
}

// end ends a lab without waiting for it; Close does.
func (s *Stage) end(l *lab.Lab) {
	s.ending.Go(func() {
		if err := l.Close(); err != nil {
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
	s.idle = nil
	s.mu.Unlock()
	for _, labs := range idle {
		for _, k := range labs {
			s.end(k.lab)
		}
	}
	s.ending.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.errs...)
	s.errs = nil
	return err
}
