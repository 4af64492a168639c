package stage

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"hostlab/lab"
	"hostlab/lab/capture/record"
	"hostlab/lab/lesson"
)

// A kept lab is one that lessons play on one after the other.
type kept struct {
	lab      *lab.Lab
	recorder *record.Recorder // of all of them
	before   lab.Snapshot     // how it was before the first lesson
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

// start starts a lesson's lab and remembers how it is.
func (s *Stage) start(ctx context.Context, les *lesson.Lesson, o *Options, r *request) (*kept, error) {
	begin := time.Now()
	defer func() { s.started(r, time.Since(begin)) }()
	l, err := lab.Start(ctx, les.Topology, &o.Lab)
	if err != nil {
		return nil, err
	}
	k := &kept{lab: l}
	k.recorder, err = l.Record(ctx)
	if err == nil && !s.once {
		k.before, err = l.Snapshot(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, k.end())
	}
	return k, nil
}

// end ends the lab, and its captures with it.
func (k *kept) end() error {
	err := k.lab.Close()
	if k.recorder != nil {
		_ = k.recorder.Close() // they have ended, which it would call broken
	}
	return err
}

// renew makes the lab as if it had just started, or says what is left on it.
func (k *kept) renew(ctx context.Context) error {
	if err := k.lab.Restore(ctx, k.before); err != nil {
		return err
	}
	k.recorder.Comment("")
	t, err := k.recorder.Fence(ctx)
	if err == nil {
		k.recorder.Forget(t.Until)
	}
	return err
}

// put gives a lab back, for the next lesson if it is as it was; else it ends.
func (s *Stage) put(ctx context.Context, r *request, k *kept, good bool) {
	s.mu.Lock()
	good = good && !s.once && s.wanted(r.key) && s.worthKeeping(r)
	s.mu.Unlock()
	good = good && k.renew(ctx) == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if !good {
		s.end(k)
		k = nil
	}
	s.release(r, k)
}
