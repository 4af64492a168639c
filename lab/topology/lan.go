package topology

import (
	"fmt"
	"net/netip"
	"slices"
)

// A LANHost is a line of a lesson's short form, "guinness: 192.168.5.130/24":
// a host's name and its address with the length of the network's prefix.
type LANHost struct {
	Name  string
	Addrs []netip.Prefix // "192.168.5.130/24", host part included; several for several networks

	Pos Pos // where the lesson says so
}

// LAN makes a topology of hosts that say their own addresses. Hosts of one
// prefix share a network. A single prefix, or one of IPv4 beside one of IPv6,
// makes one network called name ("" means "lan"); where there are more, each
// is a network of its own: lan, lan2, lan3, in the order in which they appear.
// The error joins every problem, as Validate does.
func LAN(name string, hosts ...LANHost) (*Topology, error) {
	if name == "" {
		name = "lan"
	}
	t := &Topology{}
	var problems []error
	complained := lines{}
	for _, h := range hosts {
		for _, a := range h.Addrs {
			if !a.IsValid() {
				complained[lineKey("unread", "host", h.Name)] = h.Pos
				problems = append(problems, problem(h.Pos, "host %s: address is missing or no address with a prefix length: want one like 192.168.5.10/24", h.Name))
			} else if t.prefixNetwork(a) < 0 {
				t.Networks = append(t.Networks, Network{Prefixes: []netip.Prefix{a.Masked()}, Pos: h.Pos})
			}
		}
	}
	t.joinDualStack()
	for i := range t.Networks {
		t.Networks[i].Name = name
		if i > 0 {
			t.Networks[i].Name = fmt.Sprint(name, i+1)
		}
	}
	for _, h := range hosts {
		t.Hosts = append(t.Hosts, t.lanHost(h))
	}
	problems = append(problems, t.problems(complained)...)
	if len(problems) > 0 {
		return nil, join(problems)
	}
	return t, nil
}

// joinDualStack makes one network of two when one is IPv4 and the other IPv6.
func (t *Topology) joinDualStack() {
	if len(t.Networks) != 2 {
		return
	}
	p, q := t.Networks[0].Prefixes[0], t.Networks[1].Prefixes[0]
	if p.Addr().Is4() != q.Addr().Is4() {
		t.Networks[0].Prefixes = []netip.Prefix{p, q}
		t.Networks = t.Networks[:1]
	}
}

func (t *Topology) lanHost(l LANHost) Host {
	h := Host{Name: l.Name, Pos: l.Pos}
	for _, a := range l.Addrs {
		if !a.IsValid() {
			continue
		}
		network := t.Networks[t.prefixNetwork(a)].Name
		i := slices.IndexFunc(h.Interfaces, func(i Interface) bool { return i.Network == network })
		if i < 0 {
			i = len(h.Interfaces)
			h.Interfaces = append(h.Interfaces, Interface{Network: network, Pos: l.Pos})
		}
		h.Interfaces[i].Addrs = append(h.Interfaces[i].Addrs, a.Addr())
	}
	return h
}

// prefixNetwork returns the index of the network with a's prefix, or -1.
func (t *Topology) prefixNetwork(a netip.Prefix) int {
	return slices.IndexFunc(t.Networks, func(n Network) bool {
		return slices.Contains(n.Prefixes, a.Masked())
	})
}
