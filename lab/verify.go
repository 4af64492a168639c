package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// An inside is what a host's own kernel says of its network: the parts of
// "ip -j addr" and "ip -j route" that a topology speaks of (ip-address(8)).
type inside struct {
	links  []link
	routes []route // of both families
}

type link struct {
	Name  string `json:"ifname"`
	MTU   int    `json:"mtu"`
	State string `json:"operstate"`
	Addrs []struct {
		Local  netip.Addr `json:"local"`
		Length int        `json:"prefixlen"`
	} `json:"addr_info"`
}

type route struct {
	To  string `json:"dst"`
	Via string `json:"gateway"`
}

// settle gives the host its routes and verifies it from inside, unless the
// engine has done so.
func (h *Host) settle(ctx context.Context) error {
	if s, ok := h.lab.instance.(engine.Settled); ok && s.Settled() {
		return nil
	}
	in, err := h.look(ctx)
	if err != nil {
		return err
	}
	changed, err := h.setRoutes(ctx, in)
	if err != nil {
		return err
	}
	if changed {
		if in, err = h.look(ctx); err != nil {
			return err
		}
	}
	return h.verify(in)
}

// look asks the host's kernel.
func (h *Host) look(ctx context.Context) (inside, error) {
	var in inside
	if err := h.ask(ctx, &in.links, "ip", "-j", "addr"); err != nil {
		return in, err
	}
	for _, family := range []string{"-4", "-6"} {
		var routes []route
		if err := h.ask(ctx, &routes, "ip", family, "-j", "route"); err != nil {
			return in, err
		}
		in.routes = append(in.routes, routes...)
	}
	return in, nil
}

// ask runs a program that prints JSON.
func (h *Host) ask(ctx context.Context, into any, args ...string) error {
	res, err := h.within(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(res.Stdout), into); err != nil {
		return h.errorf("%s: %w", strings.Join(args, " "), err)
	}
	return nil
}

func (in inside) has(want topology.Route) bool {
	return slices.ContainsFunc(in.routes, func(got route) bool { return got.is(want) })
}

// setRoutes gives the host's kernel the routes of the topology and takes away
// any other default route: an engine sets one that leads to a gateway which is
// not there, and then a datagram to nowhere is lost where a host without the
// route says ENETUNREACH. It reports whether anything had to be changed.
func (h *Host) setRoutes(ctx context.Context, in inside) (changed bool, err error) {
	wanted := h.Spec().Routes
	for _, r := range in.routes {
		if r.To != "default" || slices.ContainsFunc(wanted, r.is) {
			continue
		}
		changed = true
		if _, err := h.within(ctx, "ip", "route", "del", "default", "via", r.Via); err != nil {
			return changed, err
		}
	}
	for _, want := range wanted {
		if in.has(want) {
			continue
		}
		changed = true
		if _, err := h.within(ctx, "ip", "route", "add", want.To.String(), "via", want.Via.String()); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// verify holds what the host's kernel says against the topology: engines
// attach less than they were asked to without an error.
func (h *Host) verify(in inside) error {
	var errs []error
	spec, t := h.Spec(), h.lab.Topology()
	for _, i := range spec.Interfaces {
		n, _ := t.Network(i.Network)
		for _, a := range i.Addrs {
			errs = append(errs, h.verifyAddr(in, n, a))
		}
	}
	for _, r := range spec.Routes {
		if !in.has(r) {
			errs = append(errs, h.errorf("route %s via %s: asked for and not there", r.To, r.Via))
		}
	}
	return errors.Join(errs...)
}

func (h *Host) verifyAddr(in inside, n topology.Network, a netip.Addr) error {
	for _, l := range in.links {
		for _, got := range l.Addrs {
			if got.Local != a {
				continue
			}
			if !slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) && p.Bits() == got.Length }) {
				return h.errorf("interface %s: address %s/%d is not of network %s %v", l.Name, a, got.Length, n.Name, n.Prefixes)
			}
			if n.MTU != 0 && l.MTU != n.MTU {
				return h.errorf("interface %s: MTU %d; want %d of network %s", l.Name, l.MTU, n.MTU, n.Name)
			}
			return nil
		}
	}
	return h.errorf("network %s: address %s asked for and on no interface", n.Name, a)
}

// is tells whether the kernel's route is the one wanted. The kernel writes a
// prefix of one address without its length and the default route as a word.
func (r route) is(want topology.Route) bool {
	to, err := netip.ParsePrefix(r.To)
	if addr, aerr := netip.ParseAddr(r.To); aerr == nil {
		to, err = addr.Prefix(addr.BitLen())
	}
	if r.To == "default" && want.Via.IsValid() {
		to, err = netip.PrefixFrom(want.To.Addr(), 0).Masked(), nil
	}
	return err == nil && to == want.To.Masked() && r.Via == want.Via.String()
}
