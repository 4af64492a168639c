package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hostlab/lab/topology"
)

// A Direction says which way a frame crossed an interface.
type Direction int

// The directions. The zero value is not known.
const (
	In Direction = iota + 1
	Out
)

// String returns "in", "out", or "?".
func (d Direction) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	}
	return "?"
}

// A Frame is some bytes at one interface of one host.
type Frame struct {
	Host      string
	Interface string // "eth0"; "lo" is no network
	Direction Direction
	Other     bool      // In: addressed to somebody else's MAC, so that the host did not take it
	Time      time.Time // by the clock that all hosts of the lab share
	Length    int       // bytes on the wire; 0 means len(Data)
	Data      []byte    // from the Ethernet header on

	// Fault is the fault that took the frame after it came in, before any
	// program could hear of it: "drop udp/1060 --first 2". "" means none.
	Fault string

	// Comment is for whoever reads the capture: "two-servers.md:29".
	Comment string
}

// Loopback is the name of the interface by which a host speaks to itself.
const Loopback = "lo"

// A Loss is a packet that a fault took in the host that it came to, as the
// host's log of such packets has it. The same packet is among the frames.
type Loss struct {
	Host  string
	Time  time.Time // when it came in, or a little later
	Fault string    // "drop udp/1060 --first 2"
	Data  []byte    // from the IP header on
}

// A Note is a comment on all that the hosts saw from its time on.
type Note struct {
	Time time.Time
	Text string
}

// A Trace is what the hosts of a lab saw on their interfaces. The zero value
// saw nothing.
type Trace struct {
	// Topology says which address is whose. Nil means that no address is known;
	// hosts are then only what their captures show.
	Topology *topology.Topology

	// Since and Until bound the packets in question by the time at which they
	// were sent: Since is the first instant, Until the one behind the last.
	// The zero Time is no bound.
	Since, Until time.Time

	Frames []Frame // all there are, in any order; also those outside the bounds
	Losses []Loss
	Notes  []Note // in the order of their times

	// Dropped counts, by host, the frames that a capture has lost in or
	// before the bounds. Then no packet can be said to have been missing.
	Dropped map[string]uint64

	// Blind says, by host, why a capture could not be read up to Until: the
	// host is paused.
	Blind map[string]string

	// Doubts are further reasons not to trust the trace: the clock was set.
	Doubts []string
}

// Between returns the same trace with other bounds.
func (t *Trace) Between(since, until time.Time) *Trace {
	u := *t
	u.Since, u.Until = since, until
	return &u
}

// Doubt says why nothing can be concluded from the trace, in one line; "" when
// it can. Blind is not among the reasons: it concerns one host only.
func (t *Trace) Doubt() string {
	why := slices.Clone(t.Doubts)
	for _, host := range slices.Sorted(maps.Keys(t.Dropped)) {
		if n := t.Dropped[host]; n > 0 {
			why = append(why, fmt.Sprintf("the capture on %s lost %d frames", host, n))
		}
	}
	return strings.Join(why, "; ")
}

// A Passage is one packet on its way from a host to others.
type Passage struct {
	*Packet

	// From is the host that sent it, by its capture, or, where that has not
	// seen it go, by its source address; "" when that is nobody's. A router
	// that passes a packet on has not sent it; one that rewrites addresses
	// has sent a new one.
	From string

	// To is the host that it is for, by the destination address or, when no
	// host has that, by the frame's; "" when it is for several, or for none.
	To string

	// Sent is the time of the first sighting.
	Sent time.Time

	// Sightings are all of them, in the order of their times.
	Sightings []Sighting
}

// A Sighting is a packet at one interface.
type Sighting struct {
	Host      string
	Interface string
	Direction Direction
	Time      time.Time // of the first of its frames
	Whole     bool      // every fragment is there
	Other     bool      // see Frame
	Fault     string    // the fault that took it there
	Frames    []int     // indexes into Trace.Frames
}

// arrived reports whether the packet came into the host whole and for it.
func (s *Sighting) arrived() bool {
	return s.Direction == In && s.Whole && !s.Other && s.Fault == ""
}

// Left reports whether the sender's capture has seen the packet go.
func (p *Passage) Left() bool {
	return slices.ContainsFunc(p.Sightings, func(s Sighting) bool { return s.Direction == Out && s.Host == p.From })
}

// Arrived reports whether the packet came into the host, whole, and no fault
// took it there.
func (p *Passage) Arrived(host string) bool {
	return slices.ContainsFunc(p.Sightings, func(s Sighting) bool { return s.Host == host && s.arrived() })
}

// Arrivals returns the hosts into which the packet came. When one of them is
// the one that it is for, the routers before it are left out.
func (p *Passage) Arrivals() []string {
	if p.To != "" && p.Arrived(p.To) {
		return []string{p.To}
	}
	var hosts []string
	for i := range p.Sightings {
		s := &p.Sightings[i]
		if s.arrived() && !p.passedOn(s.Host) && !slices.Contains(hosts, s.Host) {
			hosts = append(hosts, s.Host)
		}
	}
	return hosts
}

// passedOn reports whether a host that is not the sender sent the packet on.
func (p *Passage) passedOn(host string) bool {
	return host != p.From && slices.ContainsFunc(p.Sightings, func(s Sighting) bool { return s.Host == host && s.Direction == Out })
}

// Loopback reports whether the packet never left its host.
func (p *Passage) Loopback() bool {
	return len(p.Sightings) > 0 && p.Sightings[0].Interface == Loopback
}

// Group reports whether the packet is for several hosts: broadcast or
// multicast.
func (p *Passage) Group() bool { return p.DstMAC.Group() }

// Fault returns the fault that took the packet, with the host where it did; ""
// when none did.
func (p *Passage) Fault() (fault, host string) {
	for _, s := range p.Sightings {
		if s.Fault != "" {
			return s.Fault, s.Host
		}
	}
	return "", ""
}

// Lines returns the packet as a diagram draws it: one arrow, or for a
// broadcast one to each host into which it came. A host that is not known is
// "?", a destination that is none of the hosts its address.
func (p *Passage) Lines() []string {
	from := p.From
	if from == "" {
		from = "?"
	}
	arrivals := p.Arrivals()
	if p.To != "" && !slices.Contains(arrivals, p.To) {
		arrivals = nil
	}
	if len(arrivals) == 0 {
		to := p.To
		if to == "" {
			to = p.Dst.String()
		}
		return []string{fmt.Sprintf("%s-x%s: %s", from, to, p.Packet)}
	}
	var lines []string
	for _, to := range arrivals {
		lines = append(lines, fmt.Sprintf("%s->>%s: %s", from, to, p.Packet))
	}
	return lines
}

// String returns Lines on one line.
func (p *Passage) String() string { return strings.Join(p.Lines(), "; ") }
