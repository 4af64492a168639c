package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"hostlab/lab/topology"
)

// An inside is what a host's own kernel says of its network: the parts of
// "ip -j addr" and "ip -j route" that a topology speaks of (ip-address(8)).
type inside struct {
	links   []link
	routes  []route
	routes6 []route
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

// look asks the host's kernel.
func (h *Host) look(ctx context.Context) (inside, error) {
	var in inside
	for _, q := range []struct {
		into any
		args []string
	}{
		{&in.links, []string{"ip", "-j", "addr"}},
		{&in.routes, []string{"ip", "-j", "route"}},
		{&in.routes6, []string{"ip", "-6", "-j", "route"}},
	} {
		res, err := h.Run(ctx, q.args...)
		if err != nil {
			return in, err
		}
		if err := json.Unmarshal([]byte(res.Stdout), q.into); err != nil {
			return in, h.errorf("%s: %w", strings.Join(q.args, " "), err)
		}
	}
	return in, nil
}

// addRoutes tells the host's kernel the routes of the topology.
func (h *Host) addRoutes(ctx context.Context) error {
	for _, r := range h.Spec().Routes {
		if _, err := h.Run(ctx, "ip", "route", "add", r.To.String(), "via", r.Via.String()); err != nil {
			return err
		}
	}
	return nil
}

// verify holds what the host's kernel says against the topology: engines
// attach less than they were asked to without an error.
func (h *Host) verify(ctx context.Context) error {
	in, err := h.look(ctx)
	if err != nil {
		return err
	}
	var errs []error
	spec, t := h.Spec(), h.lab.Topology()
	for _, i := range spec.Interfaces {
		n, _ := t.Network(i.Network)
		for _, a := range i.Addrs {
			errs = append(errs, h.verifyAddr(in, n, a))
		}
	}
	for _, r := range spec.Routes {
		if !slices.ContainsFunc(slices.Concat(in.routes, in.routes6), func(got route) bool { return got.is(r) }) {
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
