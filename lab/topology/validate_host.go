package topology

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

func (c *checker) checkHosts() {
	if len(c.t.Hosts) == 0 {
		c.problem(c.file(), "no hosts: want at least one")
	}
	for _, h := range c.t.Hosts {
		if why := badLabel(h.Name); why != "" {
			c.problem(h.Pos, "host %q: the name %s", h.Name, why)
		}
		c.checkName(h, h.Name, h.Pos)
		for _, a := range h.Aliases {
			at := c.lines.at(h.Pos, "alias", h.Name, a)
			if why := badName(a); why != "" {
				c.problem(at, "host %s: alias %q %s", h.Name, a, why)
			}
			c.checkName(h, a, at)
		}
		c.checkInterfaces(h)
	}
	for _, h := range c.t.Hosts { // now that every address is known
		c.checkRoutes(h)
	}
}

// label is one part of a host name: RFC 1123 section 2.1 lets RFC 952's letters,
// digits and inner hyphens also begin with a digit; 63 octets are RFC 1035's.
var label = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)

var digits = regexp.MustCompile(`^[0-9]+$`)

// badLabel says why a host can't have a name. A number is refused since it
// would be read as an address, which RFC 1123 section 2.1 tries first.
func badLabel(name string) string {
	switch {
	case name == "":
		return "is missing"
	case !label.MatchString(name):
		return "is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)"
	case digits.MatchString(name):
		return "is a number, which programs read as an address: want a letter in it"
	case strings.EqualFold(name, "localhost"):
		return "means each host itself (RFC 6761 section 6.3): want another"
	}
	return ""
}

// badName is badLabel for an alias, which may have several labels.
func badName(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return "is an address: want a name"
	}
	if len(name) > 253 {
		return "is longer than 253 characters (RFC 1035 section 2.3.4)"
	}
	labels := strings.Split(name, ".")
	if len(labels) == 1 {
		return badLabel(name)
	}
	for _, l := range labels {
		if !label.MatchString(l) {
			return "is no DNS name: want labels of letters, digits and hyphens with dots between them (RFC 1123 section 2.1)"
		}
	}
	return ""
}

// checkName refuses a name that another host has. That a host gives a name to
// itself twice does no harm.
func (c *checker) checkName(h Host, name string, at Pos) {
	if name == "" {
		return
	}
	key := strings.ToLower(name)
	owner, taken := c.names[key]
	switch {
	case taken && owner == h.Name && name == h.Name && c.hostCount(h.Name) > 1:
		c.problem(at, "host %s: the name is taken by another host", h.Name)
	case taken && owner != h.Name:
		c.problem(at, "host %s: the name %s is taken by host %s", h.Name, name, owner)
	case !taken:
		c.names[key] = h.Name
	}
}

func (c *checker) hostCount(name string) int {
	n := 0
	for _, h := range c.t.Hosts {
		if h.Name == name {
			n++
		}
	}
	return n
}

func (c *checker) checkInterfaces(h Host) {
	if len(h.Interfaces) == 0 && !c.lines.has("unread", "host", h.Name) {
		c.problem(h.Pos, "host %s: stands on no network", h.Name)
	}
	seen := map[string]bool{}
	for _, i := range h.Interfaces {
		n, known := c.t.Network(i.Network)
		switch {
		case !known:
			c.problem(i.Pos, "host %s: unknown network %s%s", h.Name, i.Network, near(i.Network, c.t.networkNames()))
		case seen[i.Network]:
			c.problem(i.Pos, "host %s: a second interface on network %s: want one on each network", h.Name, i.Network)
		}
		seen[i.Network] = true
		families := map[bool]netip.Addr{}
		for _, a := range i.Addrs {
			at := c.lines.at(i.Pos, "addr", h.Name, i.Network, a)
			if other, ok := families[a.Is4()]; ok {
				c.problem(at, "host %s: interface %s: address %s beside %s: want at most one %s address", h.Name, i.Network, a, other, family(a))
			}
			families[a.Is4()] = a
			c.checkAddr(h, n, known, a, at)
		}
	}
}

func (c *checker) checkAddr(h Host, n Network, known bool, a netip.Addr, at Pos) {
	complain := func(format string, args ...any) {
		c.problem(at, "host %s: interface %s: "+format, append([]any{h.Name, n.Name}, args...)...)
	}
	if !a.IsValid() {
		complain("an address is missing")
		return
	}
	if owner, taken := c.addrs[a]; taken {
		complain("address %s is taken by host %s", a, owner)
	} else {
		c.addrs[a] = h.Name
	}
	if c.lines.has("unread", "network", n.Name) || !known {
		return
	}
	p, inside := n.PrefixOf(a)
	switch {
	case len(n.Prefixes) == 0:
		complain("address %s on a network without a prefix: want the network to have one", a)
	case !inside:
		complain("address %s is outside %s", a, n.ranges())
	case slices.Contains(n.Gateways, a):
		complain("address %s is the gateway of network %s: want another for one of them", a, n.Name)
	default:
		if why := reserved(a, p); why != "" {
			complain("address %s is %s", a, why)
		}
	}
}

func (c *checker) checkRoutes(h Host) {
	seen := map[netip.Prefix]bool{}
	for _, r := range h.Routes {
		switch {
		case !r.To.IsValid() || !r.Via.IsValid():
			c.problem(r.Pos, "host %s: a route without a destination or a neighbour: want both", h.Name)
			continue
		case r.To != r.To.Masked():
			c.problem(r.Pos, "host %s: route to %s has bits set behind its length: want %s", h.Name, r.To, r.To.Masked())
		case r.To.Addr().Is4() != r.Via.Is4():
			c.problem(r.Pos, "host %s: route to %s via %s: want both IPv4 or both IPv6", h.Name, r.To, r.Via)
		case seen[r.To]:
			c.problem(r.Pos, "host %s: route to %s: a second one: want one per destination", h.Name, r.To)
		case slices.Contains(h.Addrs(), r.Via):
			c.problem(r.Pos, "host %s: route to %s via %s: that is the host itself", h.Name, r.To, r.Via)
		case !c.neighbour(h, r.Via):
			c.problem(r.Pos, "host %s: route to %s via %s: that is no address of a host on its networks", h.Name, r.To, r.Via)
		}
		seen[r.To] = true
	}
}

// neighbour tells whether another host has the address on a network of h.
func (c *checker) neighbour(h Host, a netip.Addr) bool {
	for _, other := range c.t.Hosts {
		for _, i := range other.Interfaces {
			if _, shared := h.Interface(i.Network); shared && slices.Contains(i.Addrs, a) {
				return true
			}
		}
	}
	return false
}

func (t *Topology) networkNames() []string {
	var names []string
	for _, n := range t.Networks {
		names = append(names, n.Name)
	}
	return names
}
