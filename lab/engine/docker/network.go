package docker

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"

	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// A wire is a network of the lab as the engine has it.
type wire struct {
	spec     topology.Network
	name     string         // the engine's: "hostlab-1a2b3c4d-00-lan"
	id       string         // the engine's; "" before it is made
	wished   []netip.Prefix // from the topology, at most one of each family
	prefixes []netip.Prefix // in use, in the order of wished
	hidden   netip.Prefix   // an IPv4 prefix that only the engine knows, see addHidden
	gateways []netip.Addr   // the engine's own address in each of prefixes
}

// chosenBits is the length of the prefix of a network that has none.
const chosenBits = 24

// makeNetworks creates the lab's networks and returns the topology with the
// prefixes and addresses that it got.
func (l *lab) makeNetworks(ctx context.Context) (*topology.Topology, error) {
	free, err := l.c.takenPrefixes(ctx)
	if err != nil {
		return nil, err
	}
	for i, n := range l.topology.Networks {
		w := &wire{spec: n, name: fmt.Sprintf("hostlab-%s-%02d-%s", l.id, i, n.Name), wished: n.Prefixes}
		l.wires = append(l.wires, w)
	}
	if err := l.plan(free); err != nil {
		return nil, err
	}
	var g errgroup.Group
	g.SetLimit(l.c.atOnce())
	for _, w := range l.wires {
		g.Go(func() error { return l.makeNetwork(ctx, w, free) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return l.settle()
}

// plan gives each network its wished prefixes where they are free, and only
// then other ones: these must not take what a later network wishes.
func (l *lab) plan(free *subnets) error {
	blocked := map[netip.Prefix]taken{}
	for _, w := range l.wires {
		w.prefixes = slices.Clone(w.wished)
		for _, p := range w.wished {
			if by, ok := free.claim(p); !ok {
				blocked[p] = by
			}
		}
	}
	for _, w := range l.wires {
		for i, p := range w.wished {
			if by, ok := blocked[p]; ok {
				if err := l.moveNetwork(w, i, by, free); err != nil {
					return err
				}
			}
		}
		if err := l.addPrefix(w, free); err != nil {
			return err
		}
		if err := w.chooseGateways(l.topology); err != nil {
			return err
		}
	}
	return nil
}

// moveNetwork gives a network another prefix for its i-th and says so.
func (l *lab) moveNetwork(w *wire, i int, by taken, free *subnets) error {
	p, err := free.claimOther(w.prefixes[i])
	if err != nil {
		return fmt.Errorf("docker: network %s: %s is in use by %s: %w", w.spec.Name, w.prefixes[i], by.by, err)
	}
	l.say("network %s: %s is in use by %s; this lab has %s instead", w.spec.Name, w.prefixes[i], by.by, p)
	w.prefixes[i] = p
	return nil
}

// addPrefix chooses a prefix for a network that has none, and a hidden one for
// a network that has none of IPv4: the engine, before version 28, has no
// network without. Hosts get addresses in it that nobody speaks of.
func (l *lab) addPrefix(w *wire, free *subnets) error {
	if slices.ContainsFunc(w.prefixes, func(p netip.Prefix) bool { return p.Addr().Is4() }) {
		return nil
	}
	p, err := free.claimOther(netip.PrefixFrom(privateRanges[0].Addr(), chosenBits))
	if err != nil {
		return fmt.Errorf("docker: network %s: %w", w.spec.Name, err)
	}
	if len(w.wished) > 0 {
		w.hidden = p
		return nil
	}
	w.prefixes = []netip.Prefix{p}
	return nil
}

// chooseGateways finds, in each prefix, an address that no host has for the
// engine itself. An engine insists on one, though nothing ever answers there:
// the one that the topology gives away, or else the highest, .254 in a /24.
func (w *wire) chooseGateways(t *topology.Topology) error {
	w.gateways = nil
	for i, p := range w.prefixes {
		old := p
		if i < len(w.wished) {
			old = w.wished[i]
		}
		g, ok := t.FreeGateway(w.spec, old)
		if !ok {
			err := fmt.Errorf("docker: network %s: the hosts have every address of %s, and the engine needs one for itself", w.spec.Name, old)
			return hint.Add(err, "give network %s the prefix %s", w.spec.Name, netip.PrefixFrom(old.Addr(), old.Bits()-1).Masked())
		}
		w.gateways = append(w.gateways, moved(g, p))
	}
	return nil
}

// makeNetwork creates a network. Between the look at what is taken and here,
// another lab may have taken a prefix: then the next one is tried.
func (l *lab) makeNetwork(ctx context.Context, w *wire, free *subnets) error {
	for {
		if err := ctx.Err(); err != nil {
			return l.c.wrap("network "+w.spec.Name, err)
		}
		answer, err := l.c.api.NetworkCreate(l.work, w.name, l.networkOptions(w))
		if err == nil {
			w.id = answer.ID
			l.c.starter.networks.Store(w.name, w.id)
			return nil
		}
		if !overlaps(err) {
			return l.c.wrap("create network "+w.spec.Name, err)
		}
		// The engine does not say which of the prefixes it means.
		for i := range w.prefixes {
			if err := l.moveNetwork(w, i, taken{by: "another lab since a moment ago"}, free); err != nil {
				return err
			}
		}
		if w.hidden.IsValid() {
			if w.hidden, err = free.claimOther(w.hidden); err != nil {
				return fmt.Errorf("docker: network %s: %w", w.spec.Name, err)
			}
		}
		if err := w.chooseGateways(l.topology); err != nil {
			return err
		}
	}
}

// networkOptions: inhibit_ipv4, so the computer has no address and no route in
// the network, and nothing there answers for the gateway that the engine wants;
// and internal, so that the computer's firewall lets nothing out either.
//
// An engine keeps an internal network by a firewall rule against packets from
// or to another prefix, and where br_netfilter is on, that rule also takes
// such packets that only pass from one host to another: to a router, or to a
// host's address in another network. So a lab of several networks goes without.
// It has no way out all the same: no gateway answers, nothing is masqueraded,
// and package lab takes the default route away.
func (l *lab) networkOptions(w *wire) network.CreateOptions {
	o := network.CreateOptions{
		Driver:   "bridge",
		Internal: len(l.wires) == 1,
		IPAM:     &network.IPAM{Driver: "default"},
		Options: map[string]string{
			"com.docker.network.bridge.inhibit_ipv4":         "true",
			"com.docker.network.bridge.enable_ip_masquerade": "false",
		},
		Labels: l.labels(labelNetwork, w.spec.Name),
	}
	if w.spec.MTU > 0 {
		o.Options["com.docker.network.driver.mtu"] = strconv.Itoa(w.spec.MTU)
	}
	v6 := false
	for i, p := range w.prefixes {
		v6 = v6 || p.Addr().Is6()
		o.IPAM.Config = append(o.IPAM.Config, network.IPAMConfig{Subnet: p.String(), Gateway: w.gateways[i].String()})
	}
	if w.hidden.IsValid() {
		o.IPAM.Config = append(o.IPAM.Config, network.IPAMConfig{Subnet: w.hidden.String()})
	}
	o.EnableIPv6 = &v6
	return o
}

// hasIPv6 says whether hosts on the wire speak IPv6 there.
func (w *wire) hasIPv6() bool {
	return slices.ContainsFunc(w.prefixes, func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// settle returns the topology as the networks came out: renumbered, and with
// an address of each family for every interface.
func (l *lab) settle() (*topology.Topology, error) {
	changed := map[netip.Prefix]netip.Prefix{}
	for _, w := range l.wires {
		for i, p := range w.wished {
			if w.prefixes[i] != p {
				changed[p] = w.prefixes[i]
			}
		}
	}
	t := l.topology
	if len(changed) > 0 {
		var err error
		if t, err = t.Renumber(changed); err != nil {
			return nil, err
		}
	}
	t = t.Clone()
	for i, w := range l.wires {
		t.Networks[i].Prefixes = slices.Clone(w.prefixes)
		t.Networks[i].Gateways = slices.Clone(w.gateways)
		if err := w.fill(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// fill gives every interface on the wire an address in each of its prefixes,
// the lowest that is free.
func (w *wire) fill(t *topology.Topology) error {
	for n, p := range w.prefixes {
		used := map[netip.Addr]bool{w.gateways[n]: true, topology.Last(p): true}
		for _, h := range t.Hosts {
			for _, a := range h.Addrs() {
				used[a] = true
			}
		}
		next := p.Masked().Addr().Next()
		for i := range t.Hosts {
			h := &t.Hosts[i]
			for j := range h.Interfaces {
				at := &h.Interfaces[j]
				if at.Network != w.spec.Name || slices.ContainsFunc(at.Addrs, p.Contains) {
					continue
				}
				for used[next] {
					next = next.Next()
				}
				if !p.Contains(next) {
					return fmt.Errorf("docker: host %s: network %s has no address left in %s", h.Name, w.spec.Name, p)
				}
				at.Addrs = append(at.Addrs, next)
				used[next] = true
			}
		}
	}
	return nil
}
