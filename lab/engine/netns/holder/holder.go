// Package holder is process 1 of a namespace lab: the program "netns" of the
// host binary. It keeps the lab's namespaces, the switch and one network
// namespace for each host, and starts a host's agent when somebody dials it.
//
//	orchestrator                     package netns
//	  └─ host netns hold             process 1 of the lab: user, mount, pid, uts,
//	       │                         ipc and network namespace; the bridges
//	       ├─ a network namespace    host without programs: no process
//	       └─ host agent             host with programs: pid, mount, uts and ipc
//	            └─ udp_remote …      namespaces of its own, begun by "netns enter"
//
// The holder has one connection, to the orchestrator, on descriptor 3. When it
// ends, the holder ends, and with it everything in its pid namespace: the
// kernel takes the rest away.
//
// What the holder does is decided elsewhere: a Plan has every name, number and
// address, and each request is acknowledged by the kernel.
package holder

import (
	"fmt"
	"net/netip"
	"syscall"
)

// Name is the program of the host binary that this package is.
const Name = "netns"

// Its two forms: the holder itself, and the first step of a host's process 1.
const (
	Hold  = "hold"
	Enter = "enter"
)

// connFD is the descriptor of the connection in a holder and in what it starts.
const connFD = 3

// A Plan is a lab as the holder makes it: all choices are made.
type Plan struct {
	Bridges []Bridge
	Hosts   []Host

	// Programs are the names under which the host binary is linked in /bin.
	Programs []string

	// Static says that hosts know each other's Ethernet addresses without
	// asking, and the bridges where they are: no ARP between them.
	Static bool
}

// A Bridge is one switch. Bridges with a trunk are one network with bridge
// Trunk, which has none itself.
type Bridge struct {
	Network string
	MTU     int
	Trunk   int // index of the bridge that it hangs on; -1 for none
}

// A Host is a network namespace.
type Host struct {
	Name   string
	Early  []Setting // written before any interface but lo is there
	Links  []Link    // eth0, eth1 …, in this order
	Late   []Setting // written when all interfaces are there
	Routes []Route
}

// A Setting is a file below /proc/sys and its value.
type Setting struct {
	Name  string // "net/ipv4/ip_forward"
	Value string
	Maybe bool // that there is no such file is no error: IPv6, for one
}

// A Link is an interface of a host and the port of a bridge that it is
// plugged into.
type Link struct {
	Network string
	Bridge  int
	MAC     [6]byte
	MTU     int            // in bytes
	Addrs   []netip.Prefix // the addresses, each with its network's length
}

// A Route is one beside the connected ones.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// An Op is what a Request asks for.
type Op string

// What a holder can do. Up comes first and once.
const (
	OpUp     Op = "up"
	OpDial   Op = "dial" // with one descriptor: the agent's stdin and stdout
	OpPause  Op = "pause"
	OpResume Op = "resume"
	OpKill   Op = "kill"
	OpCut    Op = "cut"
	OpJoin   Op = "join"
)

// A Request is one line to the holder.
type Request struct {
	ID      int
	Op      Op
	Plan    *Plan  `json:",omitempty"` // of OpUp
	Host    string `json:",omitempty"` // of all others
	Network string `json:",omitempty"` // of OpCut and OpJoin

	// Files are the files of a host's /etc by their names, of OpDial.
	Files map[string]string `json:",omitempty"`
}

// An Answer is one line from the holder. OpUp has many, with Done counting the
// hosts, and Ended on the last; all others have one.
type Answer struct {
	ID    int
	Ended bool
	Done  int    `json:",omitempty"`
	Error *Error `json:",omitempty"`
}

// An Error is one that happened on the other side of a connection.
type Error struct {
	Text  string
	Errno syscall.Errno // 0 when it was none of the kernel's
}

func (e *Error) Error() string { return e.Text }

// Unwrap lets errors.Is compare with the kernel's errors.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// InterfaceName returns the name of a host's n-th interface, from 0.
func InterfaceName(n int) string { return fmt.Sprintf("eth%d", n) }
