package netns

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"hostlab/lab/topology"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// complete returns the topology with a prefix for each network and addresses,
// one of each prefix, for each interface: the lowest that is free. What it has
// already stays as it is.
func complete(t *topology.Topology) (*topology.Topology, error) {
	t = t.Clone()
	for i := range t.Networks {
		n := &t.Networks[i]
		if len(n.Prefixes) == 0 {
			n.Prefixes = []netip.Prefix{choose(t, n.Name)}
		}
	}
	used := map[netip.Addr]bool{}
	for _, h := range t.Hosts {
		for _, a := range h.Addrs() {
			used[a] = true
		}
	}
	for _, n := range t.Networks {
		for _, g := range n.Gateways {
			used[g] = true
		}
		for _, p := range n.Prefixes {
			if err := fill(t, n.Name, p, used); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// choose finds a prefix of 10.0.0.0/8 (RFC 1918) for a network that has none,
// with room for its hosts: 24 bits long, or 16 where that is too small.
func choose(t *topology.Topology, network string) netip.Prefix {
	hosts := 0
	for _, h := range t.Hosts {
		if _, ok := h.Interface(network); ok {
			hosts++
		}
	}
	bits, step := 24, 1
	if hosts > 250 {
		bits, step = 16, 1<<8
	}
	taken := func(p netip.Prefix) bool {
		return slices.ContainsFunc(t.Networks, func(n topology.Network) bool {
			return slices.ContainsFunc(n.Prefixes, p.Overlaps)
		})
	}
	p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10}), bits)
	for i := 0; taken(p) && i < 1<<16; i += step {
		p = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i)}), bits)
	}
	return p
}

// fill gives every interface on a network an address of a prefix.
func fill(t *topology.Topology, network string, p netip.Prefix, used map[netip.Addr]bool) error {
	next := p.Masked().Addr().Next()
	last, _ := topology.Broadcast(p)
	for i := range t.Hosts {
		h := &t.Hosts[i]
		for j := range h.Interfaces {
			at := &h.Interfaces[j]
			if at.Network != network || slices.ContainsFunc(at.Addrs, p.Contains) {
				continue
			}
			for used[next] {
				next = next.Next()
			}
			if !p.Contains(next) || next == last {
				return fmt.Errorf("netns: host %s: network %s has no address left in %s", h.Name, network, p)
			}
			at.Addrs = append(at.Addrs, next)
			used[next] = true
		}
	}
	return nil
}

// etc are the files of a host's /etc that are its own. Names are found in
// /etc/hosts and nowhere else: there is no name server, and a name that nobody
// has is refused at once (nsswitch.conf(5)).
func etc(t *topology.Topology, h topology.Host) map[string]string {
	return map[string]string{
		"hostname":      h.Name + "\n",
		"hosts":         hostsFile(t, h),
		"resolv.conf":   "# There is no name server: names are in /etc/hosts.\n",
		"nsswitch.conf": "hosts: files\n",
	}
}

// hostsFile is a host's /etc/hosts (hosts(5)): localhost, what it knows others
// by, and the host itself.
func hostsFile(t *topology.Topology, spec topology.Host) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n")
	for _, n := range t.NamesFor(spec) {
		fmt.Fprintf(&b, "%s\t%s\n", n.Addr, n.Name)
	}
	for _, a := range spec.Addrs() {
		fmt.Fprintf(&b, "%s\t%s\n", a, spec.Name)
	}
	return b.String()
}
