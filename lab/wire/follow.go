package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Passages returns the packets of the trace that were sent within its bounds,
// in the order of their sending; markers are left out. Identical packets are
// told apart by their order: of several that a host could have sent before one
// came in, the latest is the one.
func (t *Trace) Passages() []*Passage {
	f := follower{t: t, hosts: map[netip.Addr]string{}, stations: map[MAC]string{}}
	if t.Topology != nil {
		for _, h := range t.Topology.Hosts {
			for _, a := range h.Addrs() {
				f.hosts[a] = h.Name
			}
		}
	}
	var all []*Passage
	for _, j := range f.journeys(f.appearances()) {
		if p := f.passage(j); f.inBounds(p.Sent) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b *Passage) int { return a.Sent.Compare(b.Sent) })
	return all
}

// A follower joins the sightings of a trace's packets.
type follower struct {
	t        *Trace
	hosts    map[netip.Addr]string
	stations map[MAC]string // whose interface a MAC is
}

func (f *follower) inBounds(sent time.Time) bool {
	return !sent.Before(f.t.Since) && (f.t.Until.IsZero() || sent.Before(f.t.Until))
}

// appearances returns every packet at every interface, fragments put together
// and faults noted, in the order of their times.
func (f *follower) appearances() []*appearance {
	var single []*appearance
	for _, i := range f.t.order() {
		fr := &f.t.Frames[i]
		p := Decode(fr.Data)
		if p.Kind == Marker {
			continue
		}
		if _, known := f.stations[p.SrcMAC]; fr.Direction == Out && fr.Interface != Loopback && !known {
			f.stations[p.SrcMAC] = fr.Host
		}
		single = append(single, &appearance{packet: p, Sighting: Sighting{
			Host: fr.Host, Interface: fr.Interface, Direction: fr.Direction,
			Time: fr.Time, Other: fr.Other, Fault: fr.Fault, Frames: []int{i},
		}})
	}
	f.blame(single, func(p *Packet) bool { return p.Fragment() })
	s := assembler{open: map[fragmentKey]*assembly{}}
	for _, a := range single {
		s.add(a)
	}
	all := s.finish()
	slices.SortStableFunc(all, func(a, b *appearance) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Frames[0], b.Frames[0]))
	})
	f.blame(all, func(p *Packet) bool { return !p.Fragment() })
	return all
}

// order returns the indexes of the frames in the order of their times.
func (t *Trace) order() []int {
	order := make([]int, len(t.Frames))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.Frames[a].Time.Compare(t.Frames[b].Time) })
	return order
}

// logPrecision is what the kernel's packet log rounds times down to.
const logPrecision = time.Microsecond

// blame notes on appearances which fault took them, by the losses that fit.
func (f *follower) blame(all []*appearance, fit func(*Packet) bool) {
	type place struct{ host, packet string }
	losses := map[place][]*Loss{}
	for i := range f.t.Losses {
		l := &f.t.Losses[i]
		if p := decodeIP(l.Data); fit(p) {
			at := place{l.Host, p.identity()}
			losses[at] = append(losses[at], l)
		}
	}
	if len(losses) == 0 {
		return
	}
	came := map[place][]*appearance{}
	for _, a := range all {
		at := place{a.Host, a.packet.identity()}
		if a.Direction == In && !a.Other && a.Fault == "" && losses[at] != nil {
			came[at] = append(came[at], a)
		}
	}
	for at, ls := range losses {
		slices.SortStableFunc(ls, func(a, b *Loss) int { return b.Time.Compare(a.Time) }) // latest first
		rest := came[at]
		for _, l := range ls {
			i := len(rest) - 1
			for i > 0 && rest[i].Time.After(l.Time.Add(logPrecision)) {
				i--
			}
			if i < 0 {
				break // the frame was not captured
			}
			rest[i].Fault = l.Fault
			rest = rest[:i]
		}
	}
}

// decodeIP decodes a packet from the IP header on.
func decodeIP(data []byte) *Packet {
	p := &Packet{Fragments: 1, EtherType: etherIPv4}
	if len(data) > 0 && data[0]>>4 == 6 {
		p.EtherType = etherIPv6
	}
	p.network(data)
	return p
}

// identity returns what stays equal on a packet's way: not the time to live,
// nor the checksums, which a sender may leave to its network card. Resent
// packets have equal identities when even the bytes are equal.
func (p *Packet) identity() string {
	if !p.IsIP() {
		return fmt.Sprint("frame ", p.DstMAC, p.SrcMAC, p.EtherType, " ") + string(p.transport)
	}
	if p.Fragment() {
		return fmt.Sprint("fragment ", p.datagram(), p.Offset)
	}
	b := p.Dst.AppendTo(append(p.Src.AppendTo([]byte("packet ")), ' '))
	b = append(b, ' ', p.Protocol)
	if p.EtherType == etherIPv4 {
		b = binary.BigEndian.AppendUint32(b, p.ID)
	}
	from := len(b)
	b = append(b, p.transport...)
	at, known := map[Kind]int{UDP: 6, TCP: 16, ICMP: 2}[p.Kind] // of the checksum
	if known && from+at+2 <= len(b) {
		b[from+at], b[from+at+1] = 0, 0
	}
	return string(b)
}

// datagram names the datagram that a fragment is of.
func (p *Packet) datagram() string { return fmt.Sprint(p.Src, " ", p.Dst, " ", p.Protocol, " ", p.ID) }

// A journey is the appearances of one packet; the first is its beginning.
type journey []*appearance

// journeys joins the appearances of each packet. Those that lack fragments go
// with the packet that was whole somewhere, when there is one.
func (f *follower) journeys(all []*appearance) []journey {
	whole, parts := map[string][]*appearance{}, map[string][]*appearance{}
	for _, a := range all {
		within := ""
		if a.Interface == Loopback {
			within = a.Host + " "
		}
		if a.packet.missing {
			k := within + a.packet.datagram()
			parts[k] = append(parts[k], a)
		} else {
			k := within + a.packet.identity()
			whole[k] = append(whole[k], a)
		}
	}
	var js []*journey
	byDatagram := map[string][]*journey{}
	for _, k := range slices.Sorted(maps.Keys(whole)) {
		for _, j := range join(whole[k]) {
			js = append(js, &j)
			if p := j[0].packet; len(parts) > 0 && p.IsIP() {
				byDatagram[p.datagram()] = append(byDatagram[p.datagram()], &j)
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(parts)) {
		rest := slices.DeleteFunc(parts[k], func(a *appearance) bool { return joinLatest(a, byDatagram[k]) })
		for _, j := range join(rest) {
			js = append(js, &j)
		}
	}
	result := make([]journey, len(js))
	for i, j := range js {
		result[i] = *j
	}
	return result
}

// joinLatest adds an appearance to the latest journey before it that has not
// come by there.
func joinLatest(a *appearance, js []*journey) bool {
	for _, j := range slices.Backward(js) {
		at := a.lane()
		if (*j)[0].Time.After(a.Time) || slices.ContainsFunc(*j, func(b *appearance) bool { return b.lane() == at }) {
			continue
		}
		*j = append(*j, a)
		return true
	}
	return false
}

// join tells apart the packets among appearances of equal identity, which are
// in the order of their times.
func join(all []*appearance) []journey {
	if len(all) == 0 {
		return nil
	}
	lanes := map[lane][]*appearance{}
	var order []lane
	heard := map[string]bool{} // hosts into which it came: they do not send it, but pass it on
	for _, a := range all {
		if lanes[a.lane()] == nil {
			order = append(order, a.lane())
		}
		lanes[a.lane()] = append(lanes[a.lane()], a)
		heard[a.Host] = heard[a.Host] || a.Direction == In && !a.Other
	}
	begins := func(l lane) bool { return l.direction == Out && !heard[l.host] }
	if !slices.ContainsFunc(order, begins) {
		begins = func(l lane) bool { return l == order[0] }
	}
	var js []journey
	for _, a := range all {
		if begins(a.lane()) {
			js = append(js, journey{a})
		}
	}
	for _, l := range order {
		if !begins(l) {
			attach(lanes[l], js)
		}
	}
	return js
}

// attach adds the appearances of one lane to the journeys, at most one to
// each, every one to the latest that began before it. What is left over, by a
// clock that is not quite one or by a packet that was doubled, goes to the
// first that has none, or else to the first.
func attach(lane []*appearance, js []journey) {
	taken := make([]bool, len(js))
	next := len(js) - 1
	var rest []*appearance
	for _, a := range slices.Backward(lane) {
		i := next
		for i >= 0 && js[i][0].Time.After(a.Time) {
			i--
		}
		if i < 0 {
			rest = append(rest, a)
			continue
		}
		js[i] = append(js[i], a)
		taken[i], next = true, i-1
	}
	for _, a := range slices.Backward(rest) {
		i := max(0, slices.Index(taken, false))
		js[i] = append(js[i], a)
		taken[i] = true
	}
}

// passage makes the public form of a journey.
func (f *follower) passage(j journey) *Passage {
	p := &Passage{Packet: j[0].packet, Sent: j[0].Time}
	for _, a := range j {
		p.Sightings = append(p.Sightings, a.Sighting)
	}
	slices.SortStableFunc(p.Sightings, func(a, b Sighting) int { return a.Time.Compare(b.Time) })
	if j[0].Direction == Out {
		p.From = j[0].Host
	} else {
		p.From = f.hosts[p.Src]
	}
	switch {
	case p.Loopback():
		p.To = j[0].Host
	case !p.Group():
		p.To = cmp.Or(f.hosts[p.Dst], f.stations[p.DstMAC])
	}
	return p
}
