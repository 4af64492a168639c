package fault

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// Parse reads the command form of a fault: "drop udp/1060 --first 2".
func Parse(form string) (Fault, error) {
	return ParseArgs(strings.Fields(form)...)
}

// ParseArgs is Parse of words: "drop", "udp/1060", "--first", "2". Flags may
// stand before and behind the protocol.
func ParseArgs(words ...string) (Fault, error) {
	p, err := parse(words, false)
	if err != nil {
		return nil, err
	}
	if len(p.names) > 0 {
		return nil, fmt.Errorf("fault: --from %q: want an address", p.names[0])
	}
	return p.fault, p.fault.Validate()
}

// A sentence is what the words about one fault say.
type sentence struct {
	host  string   // where, when the words were for a whole lab
	fault Fault    // not yet validated
	names []string // of those that --from names, the ones that are no addresses
	to    string
}

// options are the flags of a fault.
type options struct {
	from                   []string
	as, to, with, fragment string
	first, every           int
}

// flags returns the flag set of a verb, for a host or for a whole lab.
func (o *options) flags(verb string, lab bool) (*pflag.FlagSet, error) {
	flags := pflag.NewFlagSet(verb, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringSliceVar(&o.from, "from", nil, "")
	if lab {
		flags.StringVar(&o.to, "to", "", "")
	} else {
		flags.StringVar(&o.as, "as", "", "")
	}
	switch verb {
	case "drop":
		flags.IntVar(&o.first, "first", 0, "")
		flags.IntVar(&o.every, "every", 0, "")
		flags.StringVar(&o.fragment, "fragment", "", "")
	case "reject":
		flags.StringVar(&o.with, "with", "", "")
	default:
		return nil, fmt.Errorf("fault: %q: want drop or reject", verb)
	}
	return flags, nil
}

// parse reads the words behind "fault" for a host, or those for a lab, which
// name the host as well.
func parse(words []string, lab bool) (s sentence, err error) {
	if len(words) == 0 {
		return s, errors.New("fault: no words: want drop or reject")
	}
	var o options
	verb := words[0]
	flags, err := o.flags(verb, lab)
	if err != nil {
		return s, err
	}
	if err := flags.Parse(words[1:]); err != nil {
		return s, fmt.Errorf("fault: %s: %w", verb, err)
	}
	if err := notEmpty(flags); err != nil {
		return s, err
	}
	rest := flags.Args()
	if lab {
		if len(rest) == 0 {
			return s, fmt.Errorf("fault: %s: on which host?", verb)
		}
		s.host, s.to, rest = rest[0], o.to, rest[1:]
	}
	if len(rest) != 1 {
		return s, fmt.Errorf("fault: %s: got %d words beside the flags; want one like udp/1060", verb, len(rest))
	}
	s.fault, s.names, err = o.fault(verb, rest[0])
	return s, err
}

// fault makes the fault of a verb and of "udp/1060". Names are those of the
// sources that are no addresses.
func (o *options) fault(verb, what string) (f Fault, names []string, err error) {
	proto, port, err := parseWhat(what)
	if err != nil {
		return nil, nil, err
	}
	addrs, names := split(o.from)
	if verb == "reject" {
		return Reject{Proto: proto, Port: port, From: addrs, With: With(o.with), As: o.as}, names, nil
	}
	return Drop{Proto: proto, Port: port, From: addrs, First: o.first, Every: o.every, Fragment: Fragment(o.fragment), As: o.as}, names, nil
}

// notEmpty refuses flags that were given a value which means that they were
// not given.
func notEmpty(flags *pflag.FlagSet) error {
	var err error
	flags.Visit(func(f *pflag.Flag) {
		switch f.Value.String() {
		case "0":
			err = fmt.Errorf("fault: --%s 0: want at least 1 packet", f.Name)
		case "", "[]":
			err = fmt.Errorf("fault: --%s: want a word behind it", f.Name)
		}
	})
	return err
}

// parseWhat reads "udp/1060".
func parseWhat(what string) (Proto, uint16, error) {
	proto, port, hasPort := strings.Cut(what, "/")
	if !hasPort {
		return Proto(proto), 0, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("fault: %s: port %q: want 1 to 65535", what, port)
	}
	return Proto(proto), uint16(n), nil
}

// split tells addresses from names.
func split(from []string) (addrs []netip.Addr, names []string) {
	for _, s := range from {
		if a, err := netip.ParseAddr(s); err == nil {
			addrs = append(addrs, a)
		} else {
			names = append(names, s)
		}
	}
	return addrs, names
}

// Shorten returns a text of at most so many bytes, with an ellipsis where it was
// longer.
func Shorten(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	const ellipsis = "…"
	for bytes -= len(ellipsis); bytes > 0 && !utf8.RuneStart(text[bytes]); bytes-- {
	}
	return text[:max(0, bytes)] + ellipsis
}
