package docker

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"sync"

	"github.com/docker/docker/api/types/network"

	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// A taken prefix cannot be a lab's, and by says whose it is.
type taken struct {
	prefix netip.Prefix
	by     string // "docker network shop_default"
	mend   string // a command that frees it, "" where there is none to give
}

// subnets hands out prefixes that nobody else has.
type subnets struct {
	mu    sync.Mutex
	taken []taken
}

// takenPrefixes are those of every network of the engine and, when the engine
// is on this computer, of the computer's own routes and interfaces: an engine
// does not look at those for a network without an address of the computer's.
func (c *connection) takenPrefixes(ctx context.Context) (*subnets, error) {
	networks, err := c.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, c.wrap("list networks", err)
	}
	s := &subnets{}
	for _, n := range networks {
		for _, config := range n.IPAM.Config {
			if p, err := netip.ParsePrefix(config.Subnet); err == nil {
				s.taken = append(s.taken, taken{p.Masked(), networkOwner(n), "docker network rm " + n.Name})
			}
		}
	}
	if c.remote() {
		return s, nil
	}
	own, err := ownPrefixes()
	if err != nil {
		return nil, fmt.Errorf("docker: this computer's routes: %w", err)
	}
	for _, t := range own {
		if inTheWay(t.prefix) {
			s.taken = append(s.taken, t)
		}
	}
	return s, nil
}

// networkOwner is how a network is named to a person.
func networkOwner(n network.Summary) string {
	if id := n.Labels[labelLab]; id != "" {
		return fmt.Sprintf("network %s of lab %s", n.Labels[labelNetwork], id)
	}
	return "docker network " + n.Name
}

// inTheWay says whether a route of the computer is to somewhere. Those to
// everywhere are not, also when they come in pieces: VPNs like 0.0.0.0/1 with
// 128.0.0.0/1. Loopback, link-local and multicast are in no lab's way.
func inTheWay(p netip.Prefix) bool {
	a := p.Addr()
	return p.Bits() >= 8 && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
}

// blocker returns what overlaps with p. It is called with mu held.
func (s *subnets) blocker(p netip.Prefix) (taken, bool) {
	for _, t := range s.taken {
		if t.prefix.Overlaps(p) {
			return t, true
		}
	}
	return taken{}, false
}

// claim takes p for this lab, or says what is in its way.
func (s *subnets) claim(p netip.Prefix) (taken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, blocked := s.blocker(p); blocked {
		return t, false
	}
	s.taken = append(s.taken, taken{prefix: p, by: "this lab"})
	return taken{}, true
}

// claimOther takes a free prefix of the length of wish.
func (s *subnets) claimOther(wish netip.Prefix) (netip.Prefix, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range candidates(wish) {
		if _, blocked := s.blocker(p); !blocked {
			s.taken = append(s.taken, taken{prefix: p, by: "this lab"})
			return p, nil
		}
	}
	return netip.Prefix{}, hint.Add(fmt.Errorf("no private prefix of %d bits is free on this computer and its engine", wish.Bits()),
		"docker network prune   # removes networks without a container; docker network ls shows the others")
}

// privateRanges are where another prefix is looked for: the private IPv4
// ranges (RFC 1918), those that homes use first, and a /40 of the IPv6 unique
// local addresses (RFC 4193) that spells "hla" in its global ID.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("fd68:6c61::/40"),
}

// candidates yields prefixes of the family and length of wish, in the order in
// which they are tried: those after it in its own private range, then every
// range from its start. Where the range has many, it ends with the 4096th: an
// engine has far fewer networks.
func candidates(wish netip.Prefix) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for _, r := range privateRanges {
			if r.Overlaps(wish) && r.Bits() <= wish.Bits() && !each(r, wish.Masked(), yield) {
				return
			}
		}
		for _, r := range privateRanges {
			if r.Addr().Is4() == wish.Addr().Is4() && r.Bits() <= wish.Bits() &&
				!each(r, netip.PrefixFrom(r.Addr(), wish.Bits()), yield) {
				return
			}
		}
	}
}

// each yields the prefixes of r from first on. It returns false when yield did.
func each(r, first netip.Prefix, yield func(netip.Prefix) bool) bool {
	p := first
	for range 4096 {
		if !r.Contains(p.Addr()) {
			return true
		}
		if !yield(p) {
			return false
		}
		next := topology.Last(p).Next()
		if !next.IsValid() {
			return true
		}
		p = netip.PrefixFrom(next, p.Bits())
	}
	return true
}

// moved returns a with its prefix replaced and its host part kept.
func moved(a netip.Addr, to netip.Prefix) netip.Addr {
	b, t := a.AsSlice(), to.Masked().Addr().AsSlice()
	for bit := range to.Bits() {
		mask := byte(0x80 >> (bit % 8))
		b[bit/8] = b[bit/8]&^mask | t[bit/8]&mask
	}
	m, _ := netip.AddrFromSlice(b)
	return m
}
