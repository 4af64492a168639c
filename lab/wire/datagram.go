package wire

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// A lane is the one place and direction in which a packet is seen once.
type lane struct {
	host, iface string
	direction   Direction
}

// An appearance is a Sighting with what was seen.
type appearance struct {
	Sighting
	packet *Packet
}

func (a *appearance) lane() lane { return lane{a.Host, a.Interface, a.Direction} }

// reassemblyTime is how long the fragments of a datagram may be apart: RFC 791
// says 15 s, RFC 8200 says 60, Linux waits 30.
const reassemblyTime = 30 * time.Second

// A fragmentKey names the datagram that a fragment is of, in one lane. RFC
// 8200 section 4.5 has no protocol in it, and RFC 791's are never equal
// otherwise within one lab.
type fragmentKey struct {
	lane
	src, dst netip.Addr
	id       uint32
}

// An assembler puts the fragments of datagrams together. It is given the
// frames in the order of their times.
type assembler struct {
	open map[fragmentKey]*assembly
	done []*appearance
}

// An assembly is a datagram of which fragments have come.
type assembly struct {
	at    *appearance
	parts []*Packet
}

// add takes a frame's packet. It appears in done when it is whole.
func (s *assembler) add(a *appearance) {
	p := a.packet
	if !p.IsIP() || !p.More && p.Offset == 0 {
		a.Whole = true
		s.done = append(s.done, a)
		return
	}
	k := fragmentKey{a.lane(), p.Src, p.Dst, p.ID}
	f := s.open[k]
	if f != nil && (a.Time.Sub(f.at.Time) > reassemblyTime || f.holds(p.Offset)) {
		s.giveUp(k)
		f = nil
	}
	if f == nil {
		f = &assembly{at: a}
		s.open[k] = f
	} else {
		f.at.Frames = append(f.at.Frames, a.Frames...)
		f.at.Fault = cmp.Or(f.at.Fault, a.Fault)
	}
	f.parts = append(f.parts, p)
	if whole := f.whole(); whole != nil {
		f.at.packet, f.at.Whole = whole, true
		s.done = append(s.done, f.at)
		delete(s.open, k)
	}
}

func (f *assembly) holds(offset int) bool {
	return slices.ContainsFunc(f.parts, func(p *Packet) bool { return p.Offset == offset })
}

// giveUp lets a datagram appear of which not everything has come.
func (s *assembler) giveUp(k fragmentKey) {
	f := s.open[k]
	delete(s.open, k)
	first := slices.MinFunc(f.parts, func(a, b *Packet) int { return cmp.Compare(a.Offset, b.Offset) })
	p := *first
	p.missing, p.Fragments = true, len(f.parts)
	f.at.packet = &p
	s.done = append(s.done, f.at)
}

// finish gives up what is still open.
func (s *assembler) finish() []*appearance {
	for k := range s.open {
		s.giveUp(k)
	}
	return s.done
}

// whole returns the datagram of the parts, or nil when some are missing.
func (f *assembly) whole() *Packet {
	slices.SortFunc(f.parts, func(a, b *Packet) int { return cmp.Compare(a.Offset, b.Offset) })
	last := f.parts[len(f.parts)-1]
	if last.More {
		return nil
	}
	var data []byte
	for _, p := range f.parts {
		if p.Offset != len(data) {
			return nil // missing, overlapping, or not captured as a whole
		}
		data = append(data, p.transport...)
	}
	p := *f.parts[0]
	p.Offset, p.More, p.Fragments = 0, false, len(f.parts)
	p.ICMP, p.Broken = nil, ""
	p.transport = data
	if p.EtherType == etherIPv6 {
		p.extensions(data, len(data), true)
	} else {
		p.upper(len(data), true)
	}
	return &p
}
