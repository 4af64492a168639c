package topology

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Renumber returns a copy of the topology in which each prefix that is a key
// of to is the prefix it maps to, and every address in it has kept its host
// part: of hosts, gateways and routes. The default route and routes to prefixes
// outside stay as they are. The error says which prefix is no network's or has
// another length or family than its replacement, or what Validate finds in the
// result.
func (t *Topology) Renumber(to map[netip.Prefix]netip.Prefix) (*Topology, error) {
	var problems []error
	for _, from := range slices.SortedFunc(maps.Keys(to), netip.Prefix.Compare) {
		switch p := to[from]; {
		case !t.hasPrefix(from):
			problems = append(problems, problem(Pos{}, "renumber %s: no network has that prefix", from))
		case p != p.Masked() || !p.IsValid():
			problems = append(problems, problem(Pos{}, "renumber %s: %s: want a prefix without bits behind its length", from, p))
		case p.Bits() != from.Bits() || p.Addr().BitLen() != from.Addr().BitLen():
			problems = append(problems, problem(Pos{}, "renumber %s: %s: want an %s prefix of %d bits", from, p, family(from.Addr()), from.Bits()))
		}
	}
	if len(problems) > 0 {
		return nil, join(problems)
	}
	c := t.Clone()
	for i := range c.Networks {
		n := &c.Networks[i]
		for j, p := range n.Prefixes {
			n.Prefixes[j] = moved(to, p)
		}
		moveAll(to, n.Gateways)
	}
	for i := range c.Hosts {
		h := &c.Hosts[i]
		for j := range h.Interfaces {
			moveAll(to, h.Interfaces[j].Addrs)
		}
		for j := range h.Routes {
			r := &h.Routes[j]
			r.To, r.Via = moved(to, r.To), move(to, r.Via)
		}
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("topology: renumber: %w", err)
	}
	return c, nil
}

func (t *Topology) hasPrefix(p netip.Prefix) bool {
	return slices.ContainsFunc(t.Networks, func(n Network) bool { return slices.Contains(n.Prefixes, p) })
}

func moveAll(to map[netip.Prefix]netip.Prefix, addrs []netip.Addr) {
	for i, a := range addrs {
		addrs[i] = move(to, a)
	}
}

// move gives an address the new prefix and keeps its host part.
func move(to map[netip.Prefix]netip.Prefix, a netip.Addr) netip.Addr {
	for from, p := range to {
		if from.Contains(a) {
			return rebase(a, p)
		}
	}
	return a
}

// moved is move for a prefix that is a key of to or lies within one.
func moved(to map[netip.Prefix]netip.Prefix, p netip.Prefix) netip.Prefix {
	for from, target := range to {
		if from.Contains(p.Addr()) && from.Bits() <= p.Bits() {
			return netip.PrefixFrom(rebase(p.Addr(), target), p.Bits())
		}
	}
	return p
}

// rebase returns the first bits of p and the rest of a.
func rebase(a netip.Addr, p netip.Prefix) netip.Addr {
	host, network := a.AsSlice(), p.Addr().AsSlice()
	for i := range host {
		mask := byte(0xff)
		if bits := p.Bits() - i*8; bits < 8 {
			mask = ^(byte(0xff) >> max(bits, 0))
		}
		host[i] = network[i]&mask | host[i]&^mask
	}
	rebased, _ := netip.AddrFromSlice(host)
	return rebased
}
