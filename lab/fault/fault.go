// Package fault breaks the network of a host on purpose: it drops or rejects
// packets that arrive there, exactly as many as it was told to.
//
// A fault is data: Drop, Reject. It has a command form, "drop udp/1060 --first
// 2", which String writes and Parse reads, and which the program fault takes
// inside a host. There it becomes a rule of nf_tables in a table of our own,
// at the receiving host's input hook. The packet has then crossed the wire: a
// capture at the sender sees it, no socket of the receiver does, and nobody is
// told. What a host sends to itself never meets a fault.
package fault

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// A Fault is a Drop or a Reject.
type Fault interface {
	// String is the command form: the words that the program fault takes.
	String() string

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
	IP    Proto = "ip"    // every IPv4 and IPv6 packet; a port has no meaning
)

// A Drop lets packets vanish. At most one of First and Every is set; with
// neither it takes every packet that matches.
type Drop struct {
	Proto Proto
	Port  uint16     // destination port; 0 means any
	From  netip.Addr // source address; zero means any
	First int        // take the first that many, at most MaxFirst, and no more; 0 means no such limit
	Every int        // take the first of each that many: 2 takes the 1st, the 3rd, the 5th; 0 and 1 mean all
}

// A Reject refuses packets as a firewall does that says so: with ICMP, or for
// TCP with a reset.
type Reject struct {
	Proto Proto
	Port  uint16     // destination port; 0 means any
	From  netip.Addr // source address; zero means any
	With  With       // the answer; "" means TCPReset for TCP and PortUnreachable for all else
}

// A With is the answer of a Reject.
type With string

const (
	PortUnreachable With = "port-unreachable" // ICMP type 3 code 3, ICMPv6 type 1 code 4
	AdminProhibited With = "admin-prohibited" // ICMP type 3 code 13, ICMPv6 type 1 code 1
	TCPReset        With = "tcp-reset"        // TCP RST, as a closed port answers
)

// MaxFirst bounds Drop.First: nf_tables counts a limit's tokens in nanoseconds
// of a day, 64 bits of them.
const MaxFirst = 100_000

// match is what both faults look for.
type match struct {
	proto Proto
	port  uint16
	from  netip.Addr
}

func (d Drop) match() match   { return match{d.Proto, d.Port, d.From} }
func (r Reject) match() match { return match{r.Proto, r.Port, r.From} }

func (m match) String() string {
	s := string(m.proto)
	if m.port != 0 {
		s += "/" + strconv.Itoa(int(m.port))
	}
	if m.from.IsValid() {
		s += " --from " + m.from.String()
	}
	return s
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
	switch {
	case m.from.Zone() != "" || m.from.Is4In6():
		problems = append(problems, fmt.Errorf("fault: --from %s: want an IPv4 or IPv6 address without a zone", m.from))
	case m.from.Is6() && m.proto == ICMP, m.from.Is4() && m.proto == ICMP6:
		problems = append(problems, fmt.Errorf("fault: --from %s: that is no address that %s comes from", m.from, m.proto))
	}
	return errors.Join(problems...)
}

// String returns "drop udp/1060 --first 2".
func (d Drop) String() string {
	s := "drop " + d.match().String()
	if d.First != 0 {
		s += " --first " + strconv.Itoa(d.First)
	}
	if d.Every != 0 {
		s += " --every " + strconv.Itoa(d.Every)
	}
	return s
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
	return errors.Join(problems...)
}

// String returns "reject tcp/80 --with admin-prohibited".
func (r Reject) String() string {
	s := "reject " + r.match().String()
	if r.With != "" {
		s += " --with " + string(r.With)
	}
	return s
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

// Parse reads the command form of a fault: "drop udp/1060 --first 2".
func Parse(form string) (Fault, error) {
	return ParseArgs(strings.Fields(form)...)
}

// ParseArgs is Parse of words: "drop", "udp/1060", "--first", "2". Flags may
// stand before and behind the protocol.
func ParseArgs(words ...string) (Fault, error) {
	if len(words) == 0 {
		return nil, errors.New("fault: no words: want drop or reject")
	}
	verb := words[0]
	flags := pflag.NewFlagSet(verb, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	from := flags.String("from", "", "")
	var first, every *int
	var with *string
	switch verb {
	case "drop":
		first, every = flags.Int("first", 0, ""), flags.Int("every", 0, "")
	case "reject":
		with = flags.String("with", "", "")
	default:
		return nil, fmt.Errorf("fault: %q: want drop or reject", verb)
	}
	if err := flags.Parse(words[1:]); err != nil {
		return nil, fmt.Errorf("fault: %s: %w", verb, err)
	}
	for _, name := range []string{"first", "every"} {
		if f := flags.Lookup(name); f != nil && f.Changed && f.Value.String() == "0" {
			return nil, fmt.Errorf("fault: --%s 0: want at least 1 packet", name)
		}
	}
	if flags.NArg() != 1 {
		return nil, fmt.Errorf("fault: %s: got %d words beside the flags; want one like udp/1060", verb, flags.NArg())
	}
	m, err := parseMatch(flags.Arg(0), *from)
	if err != nil {
		return nil, err
	}
	var f Fault
	if verb == "drop" {
		f = Drop{Proto: m.proto, Port: m.port, From: m.from, First: *first, Every: *every}
	} else {
		f = Reject{Proto: m.proto, Port: m.port, From: m.from, With: With(*with)}
	}
	return f, f.Validate()
}

// parseMatch reads "udp/1060" and an address.
func parseMatch(what, from string) (match, error) {
	proto, port, hasPort := strings.Cut(what, "/")
	m := match{proto: Proto(proto)}
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return m, fmt.Errorf("fault: %s: port %q: want 1 to 65535", what, port)
		}
		m.port = uint16(n)
	}
	if from != "" {
		a, err := netip.ParseAddr(from)
		if err != nil {
			return m, fmt.Errorf("fault: --from %q: want an address", from)
		}
		m.from = a
	}
	return m, nil
}

// An Active fault is one that a host has now, with what it did so far.
type Active struct {
	Fault Fault
	Seen  uint64 // packets that matched
	Taken uint64 // packets of them that were dropped or rejected
}
