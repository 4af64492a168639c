// Package fault breaks the network of a host on purpose: it drops or rejects
// packets that arrive there, exactly as many as it was told to.
//
// A fault is data: Drop, Reject. It has a command form, "drop udp/1060 --first
// 2", which String writes and Parse reads, and which the program fault takes
// inside a host. There it becomes rules of nf_tables in a table of our own, at
// the receiving host's input hook; a fault that takes single fragments acts
// before they are put together. The packet has then crossed the wire: a
// capture at the sender sees it, no socket of the receiver does, and nobody is
// told. What a host sends to itself never meets a fault.
//
// An Order is what a person asks of a whole lab, hosts by their names: "drop
// guinness udp/1060", "partition laptop guinness". Package lab carries it out.
package fault

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Fault is a Drop or a Reject.
type Fault interface {
	// String is what lists and captures call the fault: its As, or else its
	// Args with spaces between them.
	String() string

	// Args is the command form: the words that the program fault takes.
	Args() []string

	// Validate returns every problem of the fault at once, or nil.
	Validate() error

	match() match
}

// A Proto is what a fault looks for in a packet. The zero value is no protocol.
type Proto string

const (
	UDP   Proto = "udp"
	TCP   Proto = "tcp"
	ICMP  Proto = "icmp"  // IPv4's; a port has no meaning
	ICMP6 Proto = "icmp6" // IPv6's, neighbour discovery included; a port has no meaning
	IP    Proto = "ip"    // every IPv4 and IPv6 packet but neighbour discovery, IPv6's ARP; a port has no meaning
)

// A Drop lets packets vanish. At most one of First and Every is set; with
// neither it takes every packet that matches. A datagram in fragments is one
// packet, unless Fragment is set.
type Drop struct {
	Proto    Proto
	Port     uint16       // destination port; 0 means any
	From     []netip.Addr // source addresses, of both families; none means any
	First    int          // take the first that many, at most MaxFirst, and no more; 0 means no such limit
	Every    int          // take the first of each that many: 2 takes the 1st, the 3rd, the 5th; 0 and 1 mean all
	Fragment Fragment     // take single fragments of datagrams; "" means whole datagrams
	As       string       // see MaxAs
}

// A Reject refuses packets as a firewall does that says so: with ICMP, or for
// TCP with a reset. The kernel refuses no broadcast and no multicast (RFC 1122
// section 3.2.2): those vanish.
type Reject struct {
	Proto Proto
	Port  uint16       // destination port; 0 means any
	From  []netip.Addr // source addresses, of both families; none means any
	With  With         // the answer; "" means TCPReset for TCP and PortUnreachable for all else
	As    string       // see MaxAs
}

// A With is the answer of a Reject.
type With string

const (
	PortUnreachable With = "port-unreachable" // ICMP type 3 code 3, ICMPv6 type 1 code 4
	AdminProhibited With = "admin-prohibited" // ICMP type 3 code 13, ICMPv6 type 1 code 1
	TCPReset        With = "tcp-reset"        // TCP RST, as a closed port answers
)

// A Fragment says which fragments of a datagram a Drop takes, before they are
// put together: RFC 791 section 3.2, RFC 8200 section 4.5. Only the first one
// has the ports. On a router, those that pass through are taken as well.
type Fragment string

const (
	FirstFragment  Fragment = "first"
	MiddleFragment Fragment = "middle" // neither the first nor the last
	LastFragment   Fragment = "last"
	AnyFragment    Fragment = "any"
)

// MaxFirst bounds Drop.First: nf_tables counts a limit's tokens in nanoseconds
// of a day, 64 bits of them.
const MaxFirst = 100_000

// MaxAs bounds As, the words of a person by which lists and captures call a
// fault, in bytes: a log line of nf_tables begins with them, in 127 bytes at
// most. As "" means the command form.
const MaxAs = 90

// match is what both faults look for.
type match struct {
	proto    Proto
	port     uint16
	from     []netip.Addr
	fragment Fragment
	as       string
}

func (d Drop) match() match   { return match{d.Proto, d.Port, d.From, d.Fragment, d.As} }
func (r Reject) match() match { return match{r.Proto, r.Port, r.From, "", r.As} }

// args are the words for what both faults look for.
func (m match) args() []string {
	what := string(m.proto)
	if m.port != 0 {
		what += "/" + strconv.Itoa(int(m.port))
	}
	words := []string{what}
	if len(m.from) > 0 {
		var from []string
		for _, a := range m.from {
			from = append(from, a.String())
		}
		words = append(words, "--from", strings.Join(from, ","))
	}
	if m.fragment != "" {
		words = append(words, "--fragment", string(m.fragment))
	}
	return words
}

// named appends the name that a person gave the fault.
func (m match) named(words []string) []string {
	if m.as != "" {
		words = append(words, "--as", m.as)
	}
	return words
}

// Args returns "drop", "udp/1060", "--first", "2".
func (d Drop) Args() []string { return d.match().named(d.words()) }

func (d Drop) words() []string {
	words := append([]string{"drop"}, d.match().args()...)
	if d.First != 0 {
		words = append(words, "--first", strconv.Itoa(d.First))
	}
	if d.Every != 0 {
		words = append(words, "--every", strconv.Itoa(d.Every))
	}
	return words
}

// Args returns "reject", "tcp/80", "--with", "admin-prohibited".
func (r Reject) Args() []string { return r.match().named(r.words()) }

func (r Reject) words() []string {
	words := append([]string{"reject"}, r.match().args()...)
	if r.With != "" {
		words = append(words, "--with", string(r.With))
	}
	return words
}

// String returns "drop udp/1060 --first 2", or As.
func (d Drop) String() string { return name(d.As, d.words()) }

// String returns "reject tcp/80 --with admin-prohibited", or As.
func (r Reject) String() string { return name(r.As, r.words()) }

func name(as string, words []string) string {
	if as != "" {
		return as
	}
	return strings.Join(words, " ")
}

// From returns the fault with further source addresses, those of a host. Those
// of a family that the fault's protocol does not have are left out; that none
// is left is an error, for without a source a fault takes what all send.
func From(f Fault, addrs ...netip.Addr) (Fault, error) {
	m := f.match()
	fits := 0
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		if a.Is6() && m.proto == ICMP || a.Is4() && m.proto == ICMP6 {
			continue
		}
		fits++
		if !slices.Contains(m.from, a) {
			m.from = append(slices.Clip(m.from), a)
		}
	}
	if fits == 0 {
		return nil, fmt.Errorf("fault: %s: no address among %s is one that %s comes from", f, addrs, m.proto)
	}
	return withFrom(f, m.from), nil
}

// withFrom returns the fault with other source addresses.
func withFrom(f Fault, from []netip.Addr) Fault {
	switch f := f.(type) {
	case Drop:
		f.From = from
		return f
	case Reject:
		f.From = from
		return f
	}
	return f
}

// named returns the fault with another name.
func named(f Fault, as string) Fault {
	switch f := f.(type) {
	case Drop:
		f.As = as
		return f
	case Reject:
		f.As = as
		return f
	}
	return f
}

// Validate returns every problem of the drop at once.
func (d Drop) Validate() error {
	problems := []error{d.match().validate()}
	if d.First < 0 || d.First > MaxFirst {
		problems = append(problems, fmt.Errorf("fault: --first %d: want 1 to %d packets", d.First, MaxFirst))
	}
	if d.Every < 0 || d.Every > 1<<31-1 {
		problems = append(problems, fmt.Errorf("fault: --every %d: want 1 to %d packets", d.Every, 1<<31-1))
	}
	if d.First != 0 && d.Every != 0 {
		problems = append(problems, errors.New("fault: --first beside --every: want one of them"))
	}
	switch d.Fragment {
	case "", FirstFragment:
	case MiddleFragment, LastFragment, AnyFragment:
		if d.Port != 0 {
			problems = append(problems, fmt.Errorf("fault: --fragment %s: only the first fragment has a port; want %s without one", d.Fragment, d.Proto))
		}
	default:
		problems = append(problems, fmt.Errorf("fault: --fragment %q: want first, middle, last or any", string(d.Fragment)))
	}
	return errors.Join(problems...)
}

// Validate returns every problem of the reject at once.
func (r Reject) Validate() error {
	problems := []error{r.match().validate()}
	switch r.With {
	case "", PortUnreachable, AdminProhibited:
	case TCPReset:
		if r.Proto != TCP {
			problems = append(problems, fmt.Errorf("fault: --with %s: only tcp is answered so", r.With))
		}
	default:
		problems = append(problems, fmt.Errorf("fault: --with %q: want port-unreachable, admin-prohibited or tcp-reset", string(r.With)))
	}
	return errors.Join(problems...)
}

func (m match) validate() error {
	var problems []error
	switch m.proto {
	case UDP, TCP:
	case ICMP, ICMP6, IP:
		if m.port != 0 {
			problems = append(problems, fmt.Errorf("fault: %s/%d: only udp and tcp have ports", m.proto, m.port))
		}
	default:
		problems = append(problems, fmt.Errorf("fault: protocol %q: want udp, tcp, icmp, icmp6 or ip", string(m.proto)))
	}
	for i, a := range m.from {
		switch {
		case !a.IsValid() || a.Zone() != "" || a.Is4In6():
			problems = append(problems, fmt.Errorf("fault: --from %s: want an IPv4 or IPv6 address without a zone", a))
		case a.Is6() && m.proto == ICMP, a.Is4() && m.proto == ICMP6:
			problems = append(problems, fmt.Errorf("fault: --from %s: that is no address that %s comes from", a, m.proto))
		case slices.Contains(m.from[:i], a):
			problems = append(problems, fmt.Errorf("fault: --from %s: stands there twice", a))
		}
	}
	if len(m.as) > MaxAs || !utf8.ValidString(m.as) || strings.ContainsFunc(m.as, unicode.IsControl) {
		problems = append(problems, fmt.Errorf("fault: --as %.40q: want at most %d bytes of text", m.as, MaxAs))
	}
	return errors.Join(problems...)
}

// An Active fault is one that a host has now, with what it did so far.
type Active struct {
	Fault Fault
	Seen  uint64 // packets that matched
	Taken uint64 // packets of them that were dropped or rejected
}
