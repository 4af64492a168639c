package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hostlab/lab/hint"
)

// showAddrs is "ip addr".
func (c *ipCall) showAddrs() error {
	links, err := c.links()
	if err != nil {
		return err
	}
	addrs, err := netlink.AddrList(nil, c.family)
	if err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	shown := []ipLink{}
	for _, l := range links {
		list := []ipAddr{}
		for _, a := range addrs {
			if a.LinkIndex == l.Index {
				list = append(list, newAddr(a))
			}
		}
		if l.Addrs = &list; c.family == unix.AF_UNSPEC || len(list) > 0 {
			shown = append(shown, l.of(c.family))
		}
	}
	switch {
	case c.json:
		return c.printJSON(shown)
	case c.brief:
		for _, l := range shown {
			fmt.Fprintf(c.out, "%-16s %-14s ", l.fullName(), l.State)
			for _, a := range *l.Addrs {
				fmt.Fprintf(c.out, "%s/%d ", a.Local, a.Length)
			}
			fmt.Fprintln(c.out)
		}
		return nil
	}
	for _, l := range shown {
		c.printLink(l)
		for _, a := range *l.Addrs {
			c.printAddr(a)
		}
	}
	return nil
}

// of leaves out what iproute2 does not show when it is asked for one family.
func (l ipLink) of(family int) ipLink {
	if family != unix.AF_UNSPEC {
		l.Type, l.Address, l.Broadcast, l.PeerNetNS = "", "", "", nil
	}
	if family == unix.AF_INET6 {
		l.Qdisc, l.Group = "", ""
	}
	return l
}

func newAddr(a netlink.Addr) ipAddr {
	length, _ := a.Mask.Size()
	addr := ipAddr{
		Family: "inet", Local: a.IP.String(), Length: length, Scope: scopeName(a.Scope), Label: a.Label,
		Flags: addrFlagNames(a), Valid: lifetime(a.ValidLft), Preferred: lifetime(a.PreferedLft),
	}
	if a.IP.To4() == nil {
		addr.Family, addr.Label = "inet6", ""
	} else if a.Broadcast != nil {
		addr.Broadcast = a.Broadcast.String()
	}
	if a.Peer != nil && !a.Peer.IP.Equal(a.IP) {
		addr.Peer = a.Peer.IP.String()
		addr.Length, _ = a.Peer.Mask.Size()
	}
	return addr
}

// lifetime is in seconds. Netlink's library has 0 for an address that stays.
func lifetime(seconds int) uint32 {
	if seconds <= 0 || int64(seconds) >= math.MaxUint32 {
		return math.MaxUint32
	}
	return uint32(seconds)
}

func scopeName(scope int) string {
	switch netlink.Scope(scope) {
	case netlink.SCOPE_UNIVERSE:
		return "global"
	case netlink.SCOPE_SITE:
		return "site"
	case netlink.SCOPE_LINK:
		return "link"
	case netlink.SCOPE_HOST:
		return "host"
	case netlink.SCOPE_NOWHERE:
		return "nowhere"
	}
	return fmt.Sprint(scope)
}

// addrFlagNames are the states of an address, rtnetlink(7) IFA_F_.
func addrFlagNames(a netlink.Addr) addrFlags {
	var names addrFlags
	for _, f := range []struct {
		bit  int
		name string
	}{
		{unix.IFA_F_SECONDARY, "secondary"}, {unix.IFA_F_NODAD, "nodad"}, {unix.IFA_F_OPTIMISTIC, "optimistic"},
		{unix.IFA_F_DADFAILED, "dadfailed"}, {unix.IFA_F_HOMEADDRESS, "home"}, {unix.IFA_F_DEPRECATED, "deprecated"},
		{unix.IFA_F_TENTATIVE, "tentative"}, {unix.IFA_F_MANAGETEMPADDR, "mngtmpaddr"},
		{unix.IFA_F_NOPREFIXROUTE, "noprefixroute"}, {unix.IFA_F_STABLE_PRIVACY, "stable-privacy"},
	} {
		if a.Flags&f.bit != 0 {
			if f.name == "secondary" && a.IP.To4() == nil {
				f.name = "temporary"
			}
			names = append(names, f.name)
		}
	}
	if a.Flags&unix.IFA_F_PERMANENT == 0 {
		names = append(names, "dynamic")
	}
	return names
}

// MarshalJSON writes the flags as fields of the address, where iproute2 has
// them: "tentative": true.
func (a ipAddr) MarshalJSON() ([]byte, error) {
	type plain ipAddr
	rest, err := json.Marshal(plain(a))
	if err != nil {
		return nil, err
	}
	var flags strings.Builder
	for _, f := range a.Flags {
		fmt.Fprintf(&flags, "%q:true,", f)
	}
	const behind = `"valid_life_time"`
	return bytes.Replace(rest, []byte(behind), []byte(flags.String()+behind), 1), nil
}

func (c *ipCall) printAddr(a ipAddr) {
	fmt.Fprintf(c.out, "    %s %s", a.Family, a.Local)
	if a.Peer != "" {
		fmt.Fprintf(c.out, " peer %s", a.Peer)
	}
	fmt.Fprintf(c.out, "/%d ", a.Length)
	if a.Broadcast != "" {
		fmt.Fprintf(c.out, "brd %s ", a.Broadcast)
	}
	fmt.Fprintf(c.out, "scope %s ", a.Scope)
	for _, f := range a.Flags {
		fmt.Fprintf(c.out, "%s ", f)
	}
	fmt.Fprintf(c.out, "%s\n       valid_lft %s preferred_lft %s\n", a.Label, lifetimeText(a.Valid), lifetimeText(a.Preferred))
}

func lifetimeText(seconds uint32) string {
	if seconds == math.MaxUint32 {
		return "forever"
	}
	return fmt.Sprintf("%dsec", seconds)
}

// setAddr is "ip addr add|del ADDRESS/LENGTH [brd ADDRESS|+] dev IF [nodad]". An
// IPv4 address gets its prefix's broadcast address when no other is named; an
// IPv6 address with nodad is used at once, without duplicate address detection
// (RFC 4862 section 5.4).
func (c *ipCall) setAddr(do func(netlink.Link, *netlink.Addr) error) func() error {
	return func() error {
		flags := 0
		c.words = slices.DeleteFunc(slices.Clone(c.words), func(word string) bool {
			if word == "nodad" {
				flags |= unix.IFA_F_NODAD
			}
			return word == "nodad"
		})
		opts, err := c.options("dev", "brd", "broadcast", "label", "scope")
		if err != nil {
			return err
		}
		prefix, err := addressOf(opts[""])
		if err != nil {
			return err
		}
		if opts["dev"] == "" {
			return misusef("dev IF was expected")
		}
		link, err := linkByName(opts["dev"])
		if err != nil {
			return err
		}
		addr := &netlink.Addr{IPNet: ipNet(prefix), Label: opts["label"], Flags: flags}
		if brd := opts["brd"] + opts["broadcast"]; brd != "" && brd != "+" {
			if addr.Broadcast = net.ParseIP(brd); addr.Broadcast == nil {
				return misusef("brd %q: an address was expected", brd)
			}
		}
		if err := do(link, addr); err != nil {
			return change(fmt.Errorf("addr %s dev %s: %w", prefix, opts["dev"], err))
		}
		return nil
	}
}

// addressOf reads "192.168.5.10/24"; without a length the address stands alone.
func addressOf(word string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(word)
	if addr, addrErr := netip.ParseAddr(word); addrErr == nil {
		prefix, err = addr.Prefix(addr.BitLen())
	}
	if err != nil {
		return prefix, misusef("%q: ADDRESS/LENGTH was expected", word)
	}
	return prefix, nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// options reads "KEY VALUE" pairs, and one word without a key.
func (c *ipCall) options(keys ...string) (map[string]string, error) {
	opts := map[string]string{}
	for words := c.words; len(words) > 0; {
		key := ""
		for _, k := range keys {
			if words[0] == k {
				key = k
			}
		}
		if key != "" {
			words = words[1:]
		}
		if len(words) == 0 {
			return nil, misusef("%s: a value was expected", key)
		}
		if _, twice := opts[key]; twice {
			return nil, misusef("%q: unexpected word", words[0])
		}
		opts[key] = words[0]
		words = words[1:]
	}
	return opts, nil
}

// change adds to an error what a host needs for changes.
func change(err error) error {
	if errors.Is(err, unix.EPERM) {
		return hint.Add(err, "hosts need CAP_NET_ADMIN for this (cap_add: [NET_ADMIN] in compose.yaml)")
	}
	return err
}
