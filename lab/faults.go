package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"hostlab/lab/capture/record"
	"hostlab/lab/fault"
	"hostlab/lab/hint"
)

// A Broken is one thing that is wrong with a host on purpose.
type Broken struct {
	Host string
	What string // "drop udp/1060 --first 2", "partition laptop guinness", "paused", "cut from lan"

	// Active is the fault that does it, with what it did so far. Its Fault is
	// nil where no fault does: the host is paused, or its cable is out.
	fault.Active
}

// A condition is what was done to a host from outside.
type condition struct {
	mu             sync.Mutex
	paused, killed bool
	cut            []string // networks
}

func (c *condition) get() (paused, killed bool, cut []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused, c.killed, slices.Clone(c.cut)
}

func (c *condition) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// A ConditionError says that a host can't do what it was asked to as it is
// now: it is paused or killed, or its cable is not where that needs it.
type ConditionError struct{ Err error }

func (e *ConditionError) Error() string { return e.Err.Error() }
func (e *ConditionError) Unwrap() error { return e.Err }

func (h *Host) refuse(format string, args ...any) error {
	return &ConditionError{h.errorf(format, args...)}
}

// Reachable is a *ConditionError when the host's agent can't answer: it is
// paused, or was killed.
func (h *Host) Reachable() error {
	switch paused, killed, _ := h.condition.get(); {
	case killed:
		return h.refuse("it was killed")
	case paused:
		return hint.Add(h.refuse("it is paused"), "hostlab fault resume %s", h.Name)
	}
	return nil
}

// gone reports whether the host was killed.
func (h *Host) gone() bool {
	_, killed, _ := h.condition.get()
	return killed
}

// Pause freezes every process of the host; its kernel still answers ARP.
// ClearFaults ends it too.
func (h *Host) Pause(ctx context.Context) error {
	if err := h.Reachable(); err != nil {
		return err
	}
	h.lab.tell(func(r *record.Recorder) { r.Pause(h.Name) })
	if err := h.lab.instance.Pause(ctx, h.Name); err != nil {
		h.lab.tell(func(r *record.Recorder) { r.Resume(h.Name) })
		return err
	}
	h.condition.set(func() { h.condition.paused = true })
	return nil
}

// Resume ends a Pause.
func (h *Host) Resume(ctx context.Context) error {
	if paused, _, _ := h.condition.get(); !paused {
		return h.refuse("it is not paused")
	}
	if err := h.lab.instance.Resume(ctx, h.Name); err != nil {
		return err
	}
	h.condition.set(func() { h.condition.paused = false })
	h.lab.tell(func(r *record.Recorder) { r.Resume(h.Name) })
	return nil
}

// Kill ends the host at once, as when its plug is pulled.
func (h *Host) Kill(ctx context.Context) error {
	h.lab.tell(func(r *record.Recorder) { r.Kill(h.Name) })
	h.condition.set(func() { h.condition.killed = true })
	return h.lab.instance.Kill(ctx, h.Name)
}

// Cut takes the host's cable out of a network. ClearFaults puts it back.
func (h *Host) Cut(ctx context.Context, network string) error {
	if _, ok := h.Spec().Interface(network); !ok {
		return h.refuse("network %q: the host is not on it; it is on %s", network, strings.Join(h.networks(), ", "))
	}
	if _, _, cut := h.condition.get(); slices.Contains(cut, network) {
		return h.refuse("network %s: its cable is out already", network)
	}
	h.lab.tell(func(r *record.Recorder) { r.Cut(h.Name, network) })
	if err := h.lab.instance.Cut(ctx, h.Name, network); err != nil {
		h.lab.tell(func(r *record.Recorder) { r.Join(h.Name, network) })
		return err
	}
	h.condition.set(func() { h.condition.cut = append(h.condition.cut, network) })
	return nil
}

func (h *Host) networks() []string {
	var names []string
	for _, i := range h.Spec().Interfaces {
		names = append(names, i.Network)
	}
	return names
}

// Join puts the cable back, with the same addresses and routes.
func (h *Host) Join(ctx context.Context, network string) error {
	if _, _, cut := h.condition.get(); !slices.Contains(cut, network) {
		return h.refuse("network %q: no cable of the host was taken out of it", network)
	}
	if err := h.lab.instance.Join(ctx, h.Name, network); err != nil {
		return err
	}
	if err := h.settle(ctx); err != nil {
		return err
	}
	h.condition.set(func() {
		h.condition.cut = slices.DeleteFunc(h.condition.cut, func(n string) bool { return n == network })
	})
	h.lab.tell(func(r *record.Recorder) { r.Join(h.Name, network) })
	return nil
}

// Fault makes a fault act on what arrives at the host, beside those that are
// there. It ends with ClearFaults or with the lab. The error is an *ExitError
// when the host's kernel refused.
func (h *Host) Fault(ctx context.Context, f fault.Fault) error {
	if err := errors.Join(f.Validate(), h.Reachable()); err != nil {
		return err
	}
	h.lab.tell(func(r *record.Recorder) { r.Fault(h.Name) })
	_, err := h.within(ctx, append([]string{"fault"}, f.Args()...)...)
	return err
}

// Sources returns the addresses from which the host's packets come: those that
// it has now, link-local ones too, and those of the topology.
func (h *Host) Sources(ctx context.Context) ([]netip.Addr, error) {
	all := h.Spec().Addrs()
	if h.Reachable() == nil {
		var in inside
		if err := h.ask(ctx, &in.links, "ip", "-j", "addr"); err != nil {
			return nil, err
		}
		for _, l := range in.links {
			for _, a := range l.Addrs {
				if !a.Local.IsLoopback() {
					all = append(all, a.Local)
				}
			}
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all), nil
}

// Partition parts the hosts of one side from those of the other: whatever one
// sends to the other is dropped where it arrives, so that the sender's capture
// sees it. ARP and neighbour discovery go on. ClearFaults of the whole lab
// ends it. A host that stands on neither side reaches both.
func (l *Lab) Partition(ctx context.Context, a, b []string) error {
	err := fault.CheckSides(a, b)
	for _, name := range slices.Concat(a, b) {
		if _, ok := l.hosts[name]; !ok {
			err = errors.Join(err, l.unknown(name))
		} else {
			err = errors.Join(err, l.Host(name).Reachable())
		}
	}
	if err != nil {
		return err
	}
	drop := fault.Drop{Proto: fault.IP, As: fault.PartName(a, b)}
	for _, side := range [][2][]string{{a, b}, {b, a}} {
		here, there := side[0], side[1]
		if drop.From, err = l.sources(ctx, there); err != nil {
			return err
		}
		err := l.each(ctx, func(ctx context.Context, h *Host) error {
			if !slices.Contains(here, h.Name) {
				return nil
			}
			return h.Fault(ctx, drop)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sources returns the addresses of several hosts.
func (l *Lab) sources(ctx context.Context, names []string) ([]netip.Addr, error) {
	var mu sync.Mutex
	var all []netip.Addr
	err := l.each(ctx, func(ctx context.Context, h *Host) error {
		if !slices.Contains(names, h.Name) {
			return nil
		}
		addrs, err := h.Sources(ctx)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, addrs...)
		return err
	})
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all), err
}

// Faults returns what is broken now, in the order of the hosts; of the named
// hosts only, when there are any. What a paused host has beside that, nobody
// can ask.
func (l *Lab) Faults(ctx context.Context, hosts ...string) ([]Broken, error) {
	var mu sync.Mutex
	var all []Broken
	err := l.some(ctx, hosts, func(ctx context.Context, h *Host) error {
		found, err := h.faults(ctx)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, found...)
		return err
	})
	order := l.names()
	slices.SortStableFunc(all, func(a, b Broken) int {
		return cmp.Compare(slices.Index(order, a.Host), slices.Index(order, b.Host))
	})
	return all, err
}

func (h *Host) faults(ctx context.Context) ([]Broken, error) {
	var all []Broken
	paused, killed, cut := h.condition.get()
	for _, network := range cut {
		all = append(all, Broken{Host: h.Name, What: "cut from " + network})
	}
	switch {
	case killed:
		return nil, nil // nobody can mend it
	case paused:
		return append(all, Broken{Host: h.Name, What: "paused"}), nil
	}
	res, err := h.within(ctx, "fault", "list", "--json")
	if err != nil {
		return nil, err
	}
	active, err := fault.ParseList([]byte(res.Stdout))
	if err != nil {
		return nil, h.errorf("%w", err)
	}
	for _, a := range active {
		all = append(all, Broken{Host: h.Name, What: a.Fault.String(), Active: a})
	}
	return all, nil
}

// ClearFaults mends the hosts, or all of them when none is named: it resumes
// what is paused, puts cables back and ends every fault there. It looks
// afterwards, and returns an error when anything is left. What was killed
// stays so.
func (l *Lab) ClearFaults(ctx context.Context, hosts ...string) error {
	return l.some(ctx, hosts, func(ctx context.Context, h *Host) error { return h.clearFaults(ctx) })
}

func (h *Host) clearFaults(ctx context.Context) error {
	paused, killed, cut := h.condition.get()
	if killed {
		return nil
	}
	if paused {
		if err := h.Resume(ctx); err != nil {
			return err
		}
	}
	for _, network := range cut {
		if err := h.Join(ctx, network); err != nil {
			return err
		}
	}
	if _, err := h.within(ctx, "fault", "clear"); err != nil {
		return err
	}
	left, err := h.faults(ctx)
	if err == nil && len(left) > 0 {
		err = h.errorf("fault clear: %s is still there", left[0].What)
	}
	return err
}

// some does something on the named hosts, or on all when none is named.
func (l *Lab) some(ctx context.Context, names []string, do func(context.Context, *Host) error) error {
	for _, name := range names {
		if _, ok := l.hosts[name]; !ok {
			return l.unknown(name)
		}
	}
	return l.each(ctx, func(ctx context.Context, h *Host) error {
		if len(names) > 0 && !slices.Contains(names, h.Name) {
			return nil
		}
		return do(ctx, h)
	})
}

func (l *Lab) names() []string {
	var names []string
	for _, h := range l.Topology().Hosts {
		names = append(names, h.Name)
	}
	return names
}

func (l *Lab) unknown(name string) error {
	return fmt.Errorf("lab: no host %q in this lab; there are %s", name, strings.Join(l.names(), ", "))
}
