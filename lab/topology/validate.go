package topology

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Validate returns every problem of the topology at once, joined with
// errors.Join, each a *Problem with file and line where they are known; nil
// when an engine can make the lab. Parse and LAN have called it already.
func (t *Topology) Validate() error {
	return join(t.problems(nil))
}

// problems returns what is wrong. The map of precise positions may be nil:
// then the nearest Pos field counts.
func (t *Topology) problems(lines lines) []error {
	c := &checker{
		t:      t,
		lines:  lines,
		prefix: map[netip.Prefix]string{},
		addrs:  map[netip.Addr]string{},
		names:  map[string]string{},
	}
	c.checkNetworks()
	c.checkHosts()
	return c.found
}

// lines knows the line of a detail that has no Pos field of its own: of an
// address, say. The key is made by line.
type lines map[string]Pos

func (l lines) at(fallback Pos, detail ...any) Pos {
	if p, ok := l[lineKey(detail...)]; ok {
		return p
	}
	return fallback
}

// has tells whether a detail is known. "unread" is said of what was complained
// about already and left out, to spare a second complaint that follows from it.
func (l lines) has(detail ...any) bool {
	_, ok := l[lineKey(detail...)]
	return ok
}

func lineKey(detail ...any) string { return fmt.Sprintf("%q", detail) }

// A checker goes over a topology once and remembers what it has seen.
type checker struct {
	t     *Topology
	lines lines
	found []error

	prefix map[netip.Prefix]string // prefix -> its network
	addrs  map[netip.Addr]string   // address -> its host
	names  map[string]string       // name or alias in lower case -> its host
}

func (c *checker) problem(at Pos, format string, args ...any) {
	c.found = append(c.found, problem(at, format, args...))
}

func (c *checker) checkNetworks() {
	if len(c.t.Networks) == 0 {
		c.problem(c.file(), "no networks: want at least one for the hosts to stand on")
	}
	seen := map[string]bool{}
	for _, n := range c.t.Networks {
		if !networkName.MatchString(n.Name) {
			c.problem(n.Pos, "network %q: the name is not letters, digits, '_', '.' and '-' after a letter or digit", n.Name)
		} else if seen[n.Name] {
			c.problem(n.Pos, "network %s: the name is taken by another network", n.Name)
		}
		seen[n.Name] = true
		c.checkPrefixes(n)
		c.checkGateways(n)
		c.checkMTU(n)
	}
}

// networkName is what Docker takes as a name.
var networkName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

func (c *checker) checkPrefixes(n Network) {
	families := map[bool]netip.Prefix{} // Is4 -> prefix
	for _, p := range n.Prefixes {
		at := c.lines.at(n.Pos, "prefix", n.Name, p)
		if why := badPrefix(p); why != "" {
			c.problem(at, "network %s: prefix %s %s", n.Name, p, why)
			continue
		}
		if other, ok := families[p.Addr().Is4()]; ok {
			c.problem(at, "network %s: prefix %s beside %s: want at most one %s prefix on a network", n.Name, p, other, family(p.Addr()))
			continue
		}
		families[p.Addr().Is4()] = p
		for _, m := range c.t.Networks {
			for _, q := range m.Prefixes {
				if owner, ok := c.prefix[q]; ok && q.Overlaps(p) && owner == m.Name {
					c.problem(at, "network %s: prefix %s overlaps %s of network %s", n.Name, p, q, m.Name)
				}
			}
		}
		c.prefix[p] = n.Name
	}
}

// badPrefix says what is wrong with a network's prefix by itself.
func badPrefix(p netip.Prefix) string {
	switch a := p.Addr(); {
	case !p.IsValid():
		return "is missing"
	case p != p.Masked():
		return fmt.Sprintf("has bits set behind its length: want %s", p.Masked())
	case a.Is4In6():
		return "is IPv4 written as IPv6: want it as IPv4"
	case a.IsUnspecified(), a.IsLoopback(), a.IsMulticast():
		return "is no range for hosts of a network"
	}
	return ""
}

func (c *checker) checkGateways(n Network) {
	used := map[netip.Prefix]netip.Addr{}
	for _, g := range n.Gateways {
		at := c.lines.at(n.Pos, "gateway", n.Name, g)
		p, ok := n.PrefixOf(g)
		if !ok {
			c.problem(at, "network %s: gateway %s is outside %s", n.Name, g, n.ranges())
			continue
		}
		if other, ok := used[p]; ok {
			c.problem(at, "network %s: gateway %s beside %s: want at most one in %s", n.Name, g, other, p)
		}
		used[p] = g
		if why := reserved(g, p); why != "" {
			c.problem(at, "network %s: gateway %s is %s", n.Name, g, why)
		}
	}
}

// checkMTU holds to the least that IPv4 (RFC 791 section 3.2: 68) and IPv6
// (RFC 8200 section 5: 1280) ask of a link, and the most that an IPv4 header
// can say.
func (c *checker) checkMTU(n Network) {
	least := 68
	if slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
		least = 1280
	}
	if n.MTU != 0 && (n.MTU < least || n.MTU > 65535) {
		c.problem(c.lines.at(n.Pos, "mtu", n.Name), "network %s: MTU %d: want %d to 65535 bytes", n.Name, n.MTU, least)
	}
}

// reserved says why no host can have an address of a prefix, or "".
func reserved(a netip.Addr, p netip.Prefix) string {
	b, hasBroadcast := Broadcast(p)
	switch {
	case hasBroadcast && a == b:
		return fmt.Sprintf("the broadcast address of %s", p)
	case a == p.Masked().Addr() && hasBroadcast:
		return fmt.Sprintf("the address of the network %s itself", p)
	case a == p.Masked().Addr() && a.Is6() && p.Bits() < 127: // RFC 4291 section 2.6.1, RFC 6164
		return fmt.Sprintf("the subnet-router anycast address of %s", p)
	}
	return ""
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// ranges returns "network wan 10.0.9.0/24".
func (n Network) ranges() string {
	s := make([]string, 0, len(n.Prefixes))
	for _, p := range n.Prefixes {
		s = append(s, p.String())
	}
	return fmt.Sprintf("network %s %s", n.Name, strings.Join(s, " "))
}

// file is where a problem of the whole topology stands.
func (c *checker) file() Pos {
	var at Pos
	for _, h := range c.t.Hosts {
		at.File = h.Pos.File
	}
	for _, n := range c.t.Networks {
		at.File = n.Pos.File
	}
	return c.lines.at(at, "file")
}
