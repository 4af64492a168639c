package lab

import (
	"context"
	"errors"
	"time"

	"hostlab/lab/wire"
)

const (
	// followEvery is how often Follow hands out what came.
	followEvery = 200 * time.Millisecond

	// followMemory is how much of the piece before, and of those before it, a
	// piece shows: far more than a packet is on its way.
	followMemory = time.Second
)

// Follow records what crosses the lab's wires and hands it out piece by piece:
// a trace whose bounds begin where those of the one before ended, at first an
// empty one, when nothing is missed any more. Some frames are those of the
// pieces before and behind, so that all sightings of a packet are there. It
// returns nil when ctx ends, after a last piece; or the error of
// take, or of a capture that broke.
func (l *Lab) Follow(ctx context.Context, take func(*wire.Trace) error) (err error) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)() // a lab that ends takes its captures along
	r, err := l.Record(work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := take(&wire.Trace{Topology: l.Topology()}); err != nil {
		return err
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			last = true
		}
		t, err := r.Fence(work)
		if err != nil {
			return err
		}
		if err := take(t); err != nil {
			return err
		}
		r.Forget(t.Until.Add(-followMemory))
	}
	return nil
}
