// Package record joins what the captures of a lab's hosts see: it reads their
// streams, makes fences between what was sent before and what comes after, and
// hands out traces for package wire to judge.
//
// A Recorder begins with a running program capture on each host and ends them.
// It is told what the lab does to its hosts (Pause, Cut, …), for a host that
// can't answer must not be waited for, and proves nothing.
package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// A Stream is a running program capture.
type Stream struct {
	Host string
	Out  io.ReadCloser  // its standard output; Close must end a Read under way
	In   io.WriteCloser // its standard input
}

// Options say what is recorded.
type Options struct {
	// Lab is the word that was given to every capture, as capture.Args has it.
	Lab string

	// Topology is the lab as it runs: who shares a network with whom.
	Topology *topology.Topology

	// MaxBytes is how much is kept, headers of Go's included; 0 means 256 MiB.
	// What comes beyond it counts as dropped.
	MaxBytes int64

	// Patience is how long a fence, the begin and the end wait at most; 0
	// means 10 s.
	Patience time.Duration
}

const (
	defaultMaxBytes = 256 << 20
	defaultPatience = 10 * time.Second
	frameOverhead   = 160 // bytes of a wire.Frame beside its data, about
)

// A Recorder collects what the hosts of a lab see. Its methods may be called
// concurrently.
type Recorder struct {
	o     Options
	retry time.Duration // see retry

	fencing sync.Mutex // one fence at a time
	readers sync.WaitGroup

	mu     sync.Mutex // of all that follows
	change chan struct{}
	hosts  map[string]*host
	order  []string // their names, sorted
	closed bool

	frames []wire.Frame
	losses []wire.Loss
	notes  []wire.Note // by this computer's clock
	bytes  int64
	ahead  time.Duration // the hosts' clock against this computer's

	fence  uint64    // the latest number
	cut    time.Time // where the latest fence stands
	doubts []string  // of the whole
	told   int       // how many of them the latest fence told
}

// Start returns when every stream is ready: nothing that happens on those
// hosts from then on is missed. The recorder owns the streams, and closes them
// also when Start fails.
func Start(ctx context.Context, o Options, streams ...Stream) (*Recorder, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	r := &Recorder{o: o, retry: retry, change: make(chan struct{}), hosts: map[string]*host{}}
	for _, s := range streams {
		h := newHost(s)
		r.hosts[s.Host] = h
		r.order = append(r.order, s.Host)
		go h.write()
		r.readers.Go(func() { r.read(h) })
	}
	slices.Sort(r.order)
	err := r.wait(ctx, "start", nil, func() (string, error) {
		return r.each(func(h *host) string {
			if !h.ready {
				return h.Host + " is not ready"
			}
			return ""
		})
	})
	if err != nil {
		r.abandon()
		return nil, err
	}
	return r, nil
}

// each returns the first word that f has about a host that can answer, or the
// error of one that ended. It is called with mu held.
func (r *Recorder) each(f func(*host) string) (string, error) {
	for _, name := range r.order {
		h := r.hosts[name]
		if h.killed || h.paused {
			continue
		}
		if h.ended {
			return "", h.failure()
		}
		if missing := f(h); missing != "" {
			return missing, nil
		}
	}
	return "", nil
}

// wait waits until missing has no more to say. It is called after each change
// with mu held. Again is called, without mu, from time to time when nothing
// changes any more.
func (r *Recorder) wait(ctx context.Context, what string, again func(), missing func() (string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.Patience)
	defer cancel()
	tick := time.NewTicker(r.retry)
	defer tick.Stop()
	moving := false // since the last tick
	for {
		r.mu.Lock()
		text, err := missing()
		change := r.change
		if r.closed {
			err = errors.New("the recorder is closed")
		}
		r.mu.Unlock()
		if err != nil || text == "" {
			if err != nil {
				err = fmt.Errorf("record: %s: %w", what, err)
			}
			return err
		}
		select {
		case <-change:
			moving = true
		case <-tick.C:
			if again != nil && !moving {
				again()
			}
			moving = false
		case <-ctx.Done():
			return fmt.Errorf("record: %s: %s: %w", what, text, context.Cause(ctx))
		}
	}
}

// changed wakes those who wait. It is called with mu held.
func (r *Recorder) changed() {
	close(r.change)
	r.change = make(chan struct{})
}

// Comment has all frames that are seen from now on carry a text in the file
// that WritePcapng makes: "two-servers.md:29". "" ends that.
func (r *Recorder) Comment(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, wire.Note{Time: time.Now(), Text: text})
}

// Remarks returns what the captures could not do, host by host: "laptop:
// eth0: offloads tx stay as they are: operation not permitted".
func (r *Recorder) Remarks() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, name := range r.order {
		for _, remark := range r.hosts[name].remarks {
			all = append(all, name+": "+remark)
		}
	}
	return all
}

// Trace returns all that was seen so far and not forgotten, without bounds.
func (r *Recorder) Trace() *wire.Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.trace()
	for _, h := range r.hosts {
		t.Dropped[h.Host] = h.dropped + h.overflow - h.forgotten
	}
	t.Doubts = slices.Clone(r.doubts)
	return t
}

// Forget drops what was sent before a time by the hosts' clock, and what the
// latest fence told of losses and doubts: a recorder that goes on for long does
// not grow. With the end of the latest fence's trace as the time, traces are
// from then on as if the recorder had begun there. Traces that were handed out
// stay what they are.
func (r *Recorder) Forget(before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = slices.DeleteFunc(slices.Clone(r.frames), func(f wire.Frame) bool { return f.Time.Before(before) })
	r.losses = slices.DeleteFunc(slices.Clone(r.losses), func(l wire.Loss) bool { return l.Time.Before(before) })
	r.bytes = 0
	for _, f := range r.frames {
		r.bytes += int64(len(f.Data)) + frameOverhead
	}
	for _, l := range r.losses {
		r.bytes += int64(len(l.Data)) + frameOverhead
	}
	for len(r.notes) > 1 && r.notes[1].Time.Add(r.ahead).Before(before) {
		r.notes = r.notes[1:] // the first that is left still counts
	}
	for _, h := range r.hosts {
		h.forgotten = h.reported
	}
	r.doubts, r.told = slices.Clone(r.doubts[r.told:]), 0
}

// trace returns what all traces have in common. It is called with mu held.
func (r *Recorder) trace() *wire.Trace {
	t := &wire.Trace{
		Topology: r.o.Topology,
		Frames:   slices.Clip(r.frames), // never changed, only appended to
		Losses:   slices.Clip(r.losses),
		Dropped:  map[string]uint64{},
		Blind:    map[string]string{},
	}
	for _, n := range r.notes {
		t.Notes = append(t.Notes, wire.Note{Time: n.Time.Add(r.ahead), Text: n.Text})
	}
	for _, h := range r.hosts {
		if h.paused {
			t.Blind[h.Host] = "it is paused"
		}
	}
	return t
}

// Close has every capture end, and waits for what it still has to say. The
// traces stay what they are. It is safe to call twice. The error joins those of
// captures that broke.
func (r *Recorder) Close() error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	r.changed()
	var asked []*host
	for _, name := range r.order {
		if h := r.hosts[name]; !h.paused && !h.killed {
			asked = append(asked, h)
		}
	}
	r.mu.Unlock()
	if !first {
		return nil
	}
	limit := time.NewTimer(r.o.Patience)
	defer limit.Stop()
	var errs []error
	for _, h := range asked {
		h.stop()
	}
	late := false
	for _, h := range asked {
		if !late {
			select {
			case <-h.done:
			case <-limit.C:
				late = true
			}
		}
		r.mu.Lock()
		if !h.clean {
			errs = append(errs, fmt.Errorf("record: close: %w", h.failure()))
		}
		r.mu.Unlock()
	}
	r.abandon()
	return errors.Join(errs...)
}

// Closed reports whether Close was called.
func (r *Recorder) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// abandon closes the streams and waits for the readers.
func (r *Recorder) abandon() {
	for _, h := range r.hosts {
		h.stop()
		h.Out.Close() // its end is all that is wanted
	}
	r.readers.Wait()
}
