package lab

import (
	"context"
	"errors"
	"time"

	"hostlab/lab/capture/record"
	"hostlab/lab/wire"
)

const (
	// followEvery is how often Follow hands out what came.
	followEvery = 200 * time.Millisecond

	// followFrames is after how many frames Follow changes recorders, so that
	// neither memory nor the time for a look grows for ever.
	followFrames = 50_000
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
	var since time.Time
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			last = true
		}
		var t *wire.Trace
		if t, r, err = l.piece(work, r, last); err != nil {
			return err
		}
		if t.Since.Before(since) {
			t.Since = since
		}
		since = t.Until
		if err := take(around(t)); err != nil {
			return err
		}
	}
	return nil
}

// piece returns what came since the fence before, and the recorder for the
// next piece: another one when this one has become full.
func (l *Lab) piece(ctx context.Context, r *record.Recorder, last bool) (*wire.Trace, *record.Recorder, error) {
	next := r
	if len(r.Trace().Frames) > followFrames && !last {
		var err error
		if next, err = l.Record(ctx); err != nil {
			return nil, r, err
		}
	}
	t, err := r.Fence(ctx)
	if next != r { // whose frames begin before this fence
		err = errors.Join(err, r.Close())
	}
	return t, next, err
}

// around returns the trace without what is long before its bounds.
func around(t *wire.Trace) *wire.Trace {
	u := *t
	u.Frames, u.Losses = nil, nil
	begin := t.Since.Add(-time.Second)
	for i := range t.Frames {
		if !t.Frames[i].Time.Before(begin) {
			u.Frames = append(u.Frames, t.Frames[i])
		}
	}
	for _, loss := range t.Losses {
		if !loss.Time.Before(begin) {
			u.Losses = append(u.Losses, loss)
		}
	}
	return &u
}
