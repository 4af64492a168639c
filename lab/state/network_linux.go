package state

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// network returns interfaces, addresses, routes, policy rules, permanent
// neighbours, and what the kernel has learnt of paths. Neighbours that it
// found by asking are no facts: they come and go with the traffic.
func network() ([]string, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	var all []string
	for _, l := range links {
		a := l.Attrs()
		all = append(all, fmt.Sprintf("interface %s %s mtu %d %s %s", a.Name, a.HardwareAddr, a.MTU, a.Flags, a.OperState))
		addrs, err := netlink.AddrList(l, netlink.FAMILY_ALL)
		if err != nil {
			return all, fmt.Errorf("addresses: %w", err)
		}
		for _, x := range addrs {
			all = append(all, fmt.Sprintf("address %s %s", a.Name, x.IPNet))
		}
	}
	routes, err := paths()
	all = append(all, routes...)
	if err != nil {
		return all, err
	}
	policies, err := netlink.RuleList(netlink.FAMILY_ALL)
	if err != nil {
		return all, fmt.Errorf("rules: %w", err)
	}
	for _, p := range policies {
		all = append(all, fmt.Sprintf("policy %v", p))
	}
	neighbours, err := netlink.NeighList(0, netlink.FAMILY_ALL)
	if err != nil {
		return all, fmt.Errorf("neighbours: %w", err)
	}
	for _, n := range neighbours {
		if n.State&netlink.NUD_PERMANENT != 0 {
			all = append(all, fmt.Sprintf("neighbour %d %s %s", n.LinkIndex, n.IP, n.HardwareAddr))
		}
	}
	return all, nil
}

// paths returns the routes of every table, and those that the kernel made for
// itself when it learnt that a path takes less (RFC 1191, RFC 8201).
func paths() ([]string, error) {
	var all []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
		if err != nil {
			return all, fmt.Errorf("routes: %w", err)
		}
		for _, r := range routes {
			if ownLinkLocal(r) {
				continue
			}
			all = append(all, fmt.Sprintf("route table %d %v via %v dev %d metric %d type %d", r.Table, r.Dst, r.Gw, r.LinkIndex, r.Priority, r.Type))
		}
		learnt, err := learntPaths(family)
		if err != nil {
			return all, fmt.Errorf("learnt routes: %w", err)
		}
		all = append(all, learnt...)
	}
	return all, nil
}

// ownLinkLocal reports whether a route is the kernel's own to a link-local
// address of the host. The address is a fact already. The route comes only when
// the kernel has made sure that nobody else has it, a second or two after the
// host's start (RFC 4862 section 5.4).
func ownLinkLocal(r netlink.Route) bool {
	return r.Table == unix.RT_TABLE_LOCAL && r.Type == unix.RTN_LOCAL && r.Dst != nil && r.Dst.IP.To4() == nil && r.Dst.IP.IsLinkLocalUnicast()
}

// learntPaths asks for the exceptions of routes, rtnetlink(7) with
// RTM_F_CLONED, which the netlink library leaves out.
func learntPaths(family int) ([]string, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family), Flags: unix.RTM_F_CLONED}})
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, m := range msgs {
		rt := nl.DeserializeRtMsg(m)
		if rt.Flags&unix.RTM_F_CLONED == 0 {
			continue
		}
		attrs, err := nl.ParseRouteAttr(m[rt.Len():])
		if err != nil {
			return all, err
		}
		for _, a := range attrs {
			if a.Attr.Type == unix.RTA_DST {
				dst, _ := netip.AddrFromSlice(a.Value)
				all = append(all, fmt.Sprintf("learnt path to %s", dst))
			}
		}
	}
	return all, nil
}

// rules returns the tables of nf_tables with the number of their rules.
func rules() ([]string, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("nf_tables: %w", err)
	}
	chains, err := c.ListChains()
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return nil, nil // a kernel without nf_tables, or a host that may not: no rules of ours
	}
	if err != nil {
		return nil, fmt.Errorf("nf_tables: %w", err)
	}
	var all []string
	for _, chain := range chains {
		list, err := c.GetRules(chain.Table, chain)
		if err != nil {
			return all, fmt.Errorf("nf_tables: chain %s: %w", chain.Name, err)
		}
		all = append(all, fmt.Sprintf("rules %d %s %s: %d", chain.Table.Family, chain.Table.Name, chain.Name, len(list)))
	}
	return all, nil
}
