package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"hostlab/lab/hint"
	"hostlab/lab/program"
)

// Programs returns the program fault, which acts on the host that runs it.
func Programs() []program.Program {
	return []program.Program{{
		Name:    "fault",
		Summary: "drop or reject packets that arrive at this host",
		Run:     run,
	}}
}

const help = `Drop or reject packets that arrive at this host, exactly as many as you say.

Usage:
  fault drop PROTO[/PORT] [--first N | --every N] [--from HOST] [--fragment F]
  fault reject PROTO[/PORT] [--with ANSWER] [--from HOST]
  fault list [--json]
  fault clear

PROTO is udp, tcp, icmp, icmp6, or ip for every packet (but ARP and IPv6's
neighbour discovery). PORT is the destination's. A capture at the sender still
sees what is dropped. What this host sends to itself is left alone.

Flags:
  --first N        drop the first N packets that match, at most 100000
  --every N        drop the first of every N packets; 2 drops 1st, 3rd, 5th
  --from HOST      only packets from this host: addresses or names, with
                   commas between them
  --fragment F     drop single fragments of datagrams: first, middle, last or
                   any; only the first has a PORT
  --with ANSWER    port-unreachable, admin-prohibited or tcp-reset
                   (default: tcp-reset for tcp, port-unreachable otherwise)
  --as WORDS       what lists and captures call it (default: its own words)
  --json           list as a JSON array of {fault, words, seen, taken}; the
                   last two in packets
  -h, --help       print this help

Examples:
  fault drop udp/1060 --first 2
  fault drop ip --from laptop
  fault drop udp --fragment last --first 1
  fault reject tcp/80 --with admin-prohibited
  fault list
  fault clear

Exit status:
  0 done, 1 the kernel refused, 2 misuse
`

func run(ctx context.Context, s program.Stdio, args ...string) int {
	return program.Exit(s, "fault", help, do(ctx, s.Out, args))
}

func do(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 0 {
		return misuse(errors.New("fault: nothing to do: want drop, reject, list or clear"))
	}
	switch args[0] {
	case "-h", "--help", "help":
		return pflag.ErrHelp
	case "list":
		return list(out, args[1:])
	case "clear":
		if err := noWords("clear", pflag.NewFlagSet("clear", pflag.ContinueOnError), args[1:]); err != nil {
			return err
		}
		return Clear()
	case "drop", "reject":
		f, err := parseHere(ctx, args)
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		if err != nil {
			return misuse(err)
		}
		return Add(f)
	}
	return misuse(fmt.Errorf("fault: %q: want drop, reject, list or clear", args[0]))
}

// parseHere is ParseArgs where this host's own hosts(5) and name servers say
// whose addresses --from means. Such a fault is called as the person did.
func parseHere(ctx context.Context, words []string) (Fault, error) {
	p, err := parse(words, false)
	if err != nil || len(p.names) == 0 {
		return p.fault, errors.Join(err, validate(p.fault))
	}
	f := p.fault
	for _, name := range p.names {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		if err != nil {
			return nil, fmt.Errorf("fault: --from %s: want an address or the name of a host: %w", name, err)
		}
		if f, err = From(f, found...); err != nil {
			return nil, err
		}
	}
	if f.match().as == "" {
		f = named(f, Shorten(strings.Join(words, " "), MaxAs))
	}
	return f, f.Validate()
}

func validate(f Fault) error {
	if f == nil {
		return nil
	}
	return f.Validate()
}

func misuse(err error) error {
	return hint.Add(program.Misuse{Err: err}, "fault --help")
}

// noWords parses the flags of a verb that takes nothing else.
func noWords(verb string, flags *pflag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return err
	} else if err != nil {
		return misuse(fmt.Errorf("fault: %s: %w", verb, err))
	}
	if flags.NArg() > 0 {
		return misuse(fmt.Errorf("fault: %s: unknown word %q", verb, flags.Arg(0)))
	}
	return nil
}

func list(out io.Writer, args []string) error {
	flags := pflag.NewFlagSet("list", pflag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if err := noWords("list", flags, args); err != nil {
		return err
	}
	active, err := List()
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(out).Encode(rows(active))
	}
	if len(active) == 0 {
		_, err := fmt.Fprintln(out, "no faults")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "FAULT\tTAKEN\tSEEN")
	for _, a := range active {
		fmt.Fprintf(w, "%s\t%d\t%d\n", a.Fault, a.Taken, a.Seen)
	}
	return w.Flush()
}

// A Row is one fault in a list, as JSON has it.
type Row struct {
	Fault string   `json:"fault"` // its name
	Words []string `json:"words"` // its command form
	Seen  uint64   `json:"seen"`  // packets that matched
	Taken uint64   `json:"taken"` // packets that were dropped or rejected
}

func rows(active []Active) []Row {
	rows := []Row{} // [] in JSON, not null
	for _, a := range active {
		rows = append(rows, Row{Fault: a.Fault.String(), Words: a.Fault.Args(), Seen: a.Seen, Taken: a.Taken})
	}
	return rows
}

// ParseList reads what "fault list --json" printed.
func ParseList(text []byte) ([]Active, error) {
	var rows []Row
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("fault: list: %w", err)
	}
	var all []Active
	for _, r := range rows {
		f, err := ParseArgs(r.Words...)
		if err != nil {
			return nil, fmt.Errorf("fault: list: %q: %w", r.Fault, err)
		}
		all = append(all, Active{Fault: f, Seen: r.Seen, Taken: r.Taken})
	}
	return all, nil
}
