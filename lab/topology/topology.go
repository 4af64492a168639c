// Package topology describes a lab as data: networks, hosts and the addresses
// between them. Nothing here touches the computer; an engine makes hosts of it.
//
// A topology is read from a Compose file by Parse, written as a Go literal, or
// made by LAN of a list of hosts. Validate reports every problem at once.
package topology

import (
	"fmt"
	"net/netip"
)

// A Topology is the whole of a lab: which networks there are and which hosts
// stand on them. The zero value is a lab without hosts, which Validate refuses.
type Topology struct {
	Name     string    // a word for messages; "" means "lab"
	Networks []Network // in the order of the file
	Hosts    []Host    // in the order of the file
}

// A Network is one broadcast domain. Hosts attached to it reach each other
// without a router, and nothing leads out of it.
type Network struct {
	Name     string
	Prefixes []netip.Prefix // address ranges, at most one IPv4 and one IPv6; empty lets the engine choose
	Gateways []netip.Addr   // addresses that the engine may take for itself, at most one per prefix; empty lets it choose one that no host has
	MTU      int            // largest IP packet in bytes, header included; 0 means 1500

	Pos Pos `json:"-"` // where the file says so; zero for a Go literal
}

// A Host is one machine: a name, interfaces with addresses, and what the
// kernel of that machine is told.
type Host struct {
	Name       string            // a DNS label (RFC 1123 section 2.1), also the hostname
	Aliases    []string          // further names that the other hosts know it by
	Interfaces []Interface       // one for each network it stands on
	Image      string            // container image; "" means the lab image made from cmd/host
	Sysctls    map[string]string // "net.ipv4.conf.all.arp_ignore": "1"
	Forward    bool              // the host is a router: IPv4 and IPv6 forwarding on
	Routes     []Route           // beside the connected ones

	Pos Pos `json:"-"`
}

// An Interface joins a host to a network under fixed addresses.
type Interface struct {
	Network string
	Addrs   []netip.Addr // at most one IPv4 and one IPv6; empty lets the engine choose

	Pos Pos `json:"-"`
}

// A Route says by which neighbour a host reaches a prefix.
type Route struct {
	To  netip.Prefix // 0.0.0.0/0 or ::/0 is the default route
	Via netip.Addr   // a neighbour on one of the host's own networks

	Pos Pos `json:"-"`
}

// A Pos is a place in the file that a topology was read from.
type Pos struct {
	File string
	Line int // from 1; 0 means unknown
}

// String returns "compose.yaml:12", "compose.yaml" when the line is unknown,
// and "" for the zero Pos.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
