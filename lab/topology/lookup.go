package topology

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Host returns the host of that name or alias. Names are compared as DNS does,
// without regard to case (RFC 4343).
func (t *Topology) Host(name string) (Host, bool) {
	for _, h := range t.Hosts {
		for _, n := range h.names() {
			if strings.EqualFold(n, name) {
				return h, true
			}
		}
	}
	return Host{}, false
}

// HostOf returns the host that has the address.
func (t *Topology) HostOf(a netip.Addr) (Host, bool) {
	for _, h := range t.Hosts {
		if slices.Contains(h.Addrs(), a) {
			return h, true
		}
	}
	return Host{}, false
}

// Network returns the network of that name.
func (t *Topology) Network(name string) (Network, bool) {
	i := slices.IndexFunc(t.Networks, func(n Network) bool { return n.Name == name })
	if i < 0 {
		return Network{}, false
	}
	return t.Networks[i], true
}

// A NamedAddr is a line of /etc/hosts (hosts(5)).
type NamedAddr struct {
	Name string
	Addr netip.Addr
}

// NamesFor returns the names that a host knows others by, and its own aliases:
// every name of every host, with the addresses on networks that the two share
// before the others. Its own name is not among them.
func (t *Topology) NamesFor(h Host) []NamedAddr {
	var all []NamedAddr
	for _, other := range t.Hosts {
		var near, far []netip.Addr
		for _, i := range other.Interfaces {
			if _, ok := h.Interface(i.Network); ok {
				near = append(near, i.Addrs...)
			} else {
				far = append(far, i.Addrs...)
			}
		}
		names := slices.Concat([]string{other.Name}, other.Aliases)
		if other.Name == h.Name {
			names = other.Aliases
		}
		for _, name := range names {
			for _, a := range slices.Concat(near, far) {
				all = append(all, NamedAddr{name, a})
			}
		}
	}
	return all
}

// Clone returns a deep copy.
func (t *Topology) Clone() *Topology {
	c := *t
	c.Networks = slices.Clone(t.Networks)
	for i := range c.Networks {
		n := &c.Networks[i]
		n.Prefixes = slices.Clone(n.Prefixes)
		n.Gateways = slices.Clone(n.Gateways)
	}
	c.Hosts = slices.Clone(t.Hosts)
	for i := range c.Hosts {
		h := &c.Hosts[i]
		h.Aliases = slices.Clone(h.Aliases)
		h.Sysctls = maps.Clone(h.Sysctls)
		h.Routes = slices.Clone(h.Routes)
		h.Interfaces = slices.Clone(h.Interfaces)
		for j := range h.Interfaces {
			h.Interfaces[j].Addrs = slices.Clone(h.Interfaces[j].Addrs)
		}
	}
	return &c
}

// Addrs returns the fixed addresses of a host, in the order of its interfaces.
func (h Host) Addrs() []netip.Addr {
	var addrs []netip.Addr
	for _, i := range h.Interfaces {
		addrs = append(addrs, i.Addrs...)
	}
	return addrs
}

// Interface returns the host's interface on a network.
func (h Host) Interface(network string) (Interface, bool) {
	i := slices.IndexFunc(h.Interfaces, func(i Interface) bool { return i.Network == network })
	if i < 0 {
		return Interface{}, false
	}
	return h.Interfaces[i], true
}

// Addr returns the host's first address on a network, which is the IPv4 one
// when a Compose file gave both.
func (h Host) Addr(network string) (netip.Addr, bool) {
	if i, ok := h.Interface(network); ok && len(i.Addrs) > 0 {
		return i.Addrs[0], true
	}
	return netip.Addr{}, false
}

func (h Host) names() []string { return append([]string{h.Name}, h.Aliases...) }

// PrefixOf returns the network's prefix that contains the address.
func (n Network) PrefixOf(a netip.Addr) (netip.Prefix, bool) {
	for _, p := range n.Prefixes {
		if p.Contains(a) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// Broadcast returns the directed broadcast address of an IPv4 prefix: the one
// whose host part is all ones (RFC 919 section 7). IPv6 has none, and neither
// has an IPv4 prefix of 31 (RFC 3021) or 32 bits.
func Broadcast(p netip.Prefix) (netip.Addr, bool) {
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	return Last(p), true
}

// Last returns the last address of a prefix: the one whose host part is all
// ones.
func Last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b) // 4 or 16 bytes
	return a
}

// FreeGateway returns an address in one of a network's prefixes that an engine
// may take for itself: the one that the network gives away, or else the highest
// that no host has, .254 in a /24. It reports false when the hosts have them all.
func (t *Topology) FreeGateway(n Network, p netip.Prefix) (netip.Addr, bool) {
	used := map[netip.Addr]bool{p.Masked().Addr(): true, Last(p): true}
	for _, h := range t.Hosts {
		for _, a := range h.Addrs() {
			used[a] = true
		}
	}
	for _, g := range n.Gateways {
		if p.Contains(g) && !used[g] {
			return g, true
		}
	}
	for a := Last(p); p.Contains(a); a = a.Prev() {
		if !used[a] {
			return a, true
		}
	}
	return netip.Addr{}, false
}
