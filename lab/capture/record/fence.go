package record

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hostlab/lab/capture"
	"hostlab/lab/wire"
)

const (
	// rounds is how often the markers of one fence go round. The first round
	// is behind everything that programs sent before the fence; but a host's
	// kernel may answer such a packet, with ICMP, behind its own marker. The
	// second round, which begins when the first has been seen everywhere, is
	// behind that answer.
	rounds = 2

	// retry is after how long without news markers are asked for again: a
	// switch that is flooded may lose one.
	retry = 300 * time.Millisecond

	// keepFences is for how many rounds marks are kept.
	keepFences = 2 * rounds
)

// Fence waits until every capture has seen every marker that can reach it, so
// that whatever was sent before is in. It returns the trace of what was sent
// between the fence before, or the beginning, and this one. The error says
// which host has not seen whose markers within the recorder's patience, or
// which capture broke; the next Fence then reaches back to the one before.
func (r *Recorder) Fence(ctx context.Context) (*wire.Trace, error) {
	r.fencing.Lock()
	defer r.fencing.Unlock()
	var fence uint64
	for range rounds {
		var err error
		if fence, err = r.round(ctx); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.trace()
	t.Since, t.Until = r.cut, r.cutAt(fence)
	for _, h := range r.hosts {
		t.Dropped[h.Host] = h.dropped + h.overflow - h.reported
		h.reported = h.dropped + h.overflow
	}
	t.Doubts = r.newDoubts()
	r.cut = t.Until
	return t, nil
}

// cutAt returns when a fence's first marker was about to be sent. Everything
// sent earlier is in: it went before its sender's markers. It is called with mu
// held.
func (r *Recorder) cutAt(fence uint64) time.Time {
	var cut time.Time
	for _, h := range r.hosts {
		if a, ok := h.fences[fence]; ok && (cut.IsZero() || a.at.Before(cut)) {
			cut = a.at
		}
	}
	if cut.IsZero() { // nobody can answer
		cut = time.Now().Add(r.ahead)
	}
	return cut
}

// newDoubts returns the doubts since the fence before.
func (r *Recorder) newDoubts() []string {
	d := slices.Clone(r.doubts[r.told:])
	r.told = len(r.doubts)
	return d
}

// round sends markers round once.
func (r *Recorder) round(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	r.fence++
	fence := r.fence
	for _, h := range r.hosts {
		h.forget(fence)
	}
	r.mu.Unlock()
	began := time.Now()
	ask := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.each(func(h *host) string {
			h.command(fmt.Sprintf("fence %d\n", fence))
			return ""
		})
	}
	ask()
	seen := map[string]*int{}
	for _, name := range r.order {
		seen[name] = new(int)
	}
	err := r.wait(ctx, "fence", ask, func() (string, error) {
		text, err := r.each(func(h *host) string { return h.unsent(fence) })
		if text == "" && err == nil {
			return r.each(func(h *host) string { return r.missing(h, fence, seen[h.Host]) })
		}
		return text, err
	})
	if err == nil {
		r.setClock(fence, began)
	}
	return fence, err
}

// forget drops what is known of old fences.
func (h *host) forget(fence uint64) {
	old := func(n uint64) bool { return n+keepFences < fence }
	maps.DeleteFunc(h.fences, func(n uint64, _ answer) bool { return old(n) })
	maps.DeleteFunc(h.arrivals, func(a arrival, _ map[string]*parts) bool { return old(a.fence) })
}

// unsent says what a host has not sent of a fence yet; "" when that is
// nothing.
func (h *host) unsent(fence uint64) string {
	a, ok := h.fences[fence]
	if !ok {
		return h.Host + " has not sent its markers"
	}
	own := 0
	for _, p := range h.arrivals[arrival{fence, h.Host, wire.Out}] {
		own += len(p.seen)
	}
	if own < a.sent {
		return h.Host + " has not seen its own markers go"
	}
	return ""
}

// missing says what a host has not seen of the others' markers yet; "" when
// that is nothing. The first so many others it has seen. It is called with mu
// held.
func (r *Recorder) missing(h *host, fence uint64, seen *int) string {
	for ; *seen < len(r.order); *seen++ {
		name := r.order[*seen]
		from := r.hosts[name]
		if from == h || from.killed || from.paused {
			continue
		}
		if want := r.shared(h, from); h.whole(fence, name) < want {
			return fmt.Sprintf("%s has not seen the markers of %s on every network (%d of %d)", h.Host, name, h.whole(fence, name), want)
		}
	}
	return ""
}

// whole returns at how many interfaces every part of a host's marker came in.
func (h *host) whole(fence uint64, from string) int {
	n := 0
	for _, p := range h.arrivals[arrival{fence, from, wire.In}] {
		if len(p.seen) == p.of {
			n++
		}
	}
	return n
}

// shared returns on how many networks both hosts have their cables in.
func (r *Recorder) shared(a, b *host) int {
	n := 0
	for _, network := range r.networks(a) {
		if slices.Contains(r.networks(b), network) {
			n++
		}
	}
	return n
}

// networks returns the networks that a host has its cables in.
func (r *Recorder) networks(h *host) []string {
	if r.o.Topology == nil {
		return nil
	}
	var all []string
	spec, _ := r.o.Topology.Host(h.Host)
	for _, i := range spec.Interfaces {
		if !slices.Contains(h.cut, i.Network) {
			all = append(all, i.Network)
		}
	}
	return all
}

// setClock compares the hosts' clock with this computer's, which may be
// another machine's: each answer was made between began and its coming. Where
// that leaves room for none, there is no difference.
func (r *Recorder) setClock(fence uint64, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.hosts {
		a, ok := h.fences[fence]
		if !ok {
			continue
		}
		low, high := a.at.Sub(a.received), a.at.Sub(began)
		if low > 0 || high < 0 {
			r.ahead = (low + high) / 2
		} else {
			r.ahead = 0
		}
		return
	}
}

// tell changes what is known of a host.
func (r *Recorder) tell(name string, f func(*host)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.hosts[name]; h != nil {
		f(h)
		r.changed()
	}
}

// Pause says that a host is about to be frozen: it is not waited for until
// Resume, and packets for it are in doubt.
func (r *Recorder) Pause(name string) { r.tell(name, func(h *host) { h.paused = true }) }

// Resume says that a host runs again.
func (r *Recorder) Resume(name string) { r.tell(name, func(h *host) { h.paused = false }) }

// Fault says that a fault acts on a host. Where the capture can't know what it
// takes, that is a doubt: packets that it took seem to have arrived.
func (r *Recorder) Fault(name string) {
	r.tell(name, func(h *host) {
		for _, remark := range h.remarks {
			if strings.HasPrefix(remark, capture.NoLosses) {
				r.doubts = append(r.doubts, name+": "+remark)
			}
		}
	})
}

// Kill says that a host is about to end. Nothing arrives there any more.
func (r *Recorder) Kill(name string) { r.tell(name, func(h *host) { h.killed = true }) }

// Cut says that a host's cable is about to be taken out of a network.
func (r *Recorder) Cut(name, network string) {
	r.tell(name, func(h *host) { h.cut = append(h.cut, network) })
}

// Join says that the cable is in again.
func (r *Recorder) Join(name, network string) {
	r.tell(name, func(h *host) { h.cut = slices.DeleteFunc(h.cut, func(n string) bool { return n == network }) })
}
