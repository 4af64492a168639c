package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
  fault drop PROTO[/PORT] [--first N | --every N] [--from ADDRESS]
  fault reject PROTO[/PORT] [--with ANSWER] [--from ADDRESS]
  fault list [--json]
  fault clear

PROTO is udp, tcp, icmp, icmp6, or ip for every packet. PORT is the
destination's. A capture at the sender still sees what is dropped. What this
host sends to itself is left alone.

Flags:
  --first N        drop the first N packets that match, at most 100000
  --every N        drop the first of every N packets; 2 drops 1st, 3rd, 5th
  --from ADDRESS   only packets with this source address
  --with ANSWER    port-unreachable, admin-prohibited or tcp-reset
                   (default: tcp-reset for tcp, port-unreachable otherwise)
  --json           list as a JSON array of {fault, seen, taken}, in packets
  -h, --help       print this help

Examples:
  fault drop udp/1060 --first 2
  fault reject tcp/80 --with admin-prohibited
  fault list
  fault clear

Exit status:
  0 done, 1 the kernel refused, 2 misuse
`

// errMisuse marks what a person typed wrong.
type errMisuse struct{ error }

func (e errMisuse) Unwrap() error { return e.error }

func run(_ context.Context, s program.Stdio, args ...string) int {
	err := do(s.Out, args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(s.Out, help)
		return 0
	}
	fmt.Fprintln(s.Err, err)
	if h := hint.Of(err); h != "" {
		fmt.Fprintln(s.Err, "fault: hint:", h)
	}
	if _, ok := errors.AsType[errMisuse](err); ok {
		return 2
	}
	return 1
}

func do(out io.Writer, args []string) error {
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
		f, err := ParseArgs(args...)
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

func misuse(err error) error {
	return hint.Add(errMisuse{err}, "fault --help")
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
	for _, r := range rows(active) {
		fmt.Fprintf(w, "%s\t%d\t%d\n", r.Fault, r.Taken, r.Seen)
	}
	return w.Flush()
}

// A row is one fault in the list, as JSON has it.
type row struct {
	Fault string `json:"fault"` // command form
	Seen  uint64 `json:"seen"`  // packets that matched
	Taken uint64 `json:"taken"` // packets that were dropped or rejected
}

func rows(active []Active) []row {
	rows := []row{} // [] in JSON, not null
	for _, a := range active {
		rows = append(rows, row{Fault: a.Fault.String(), Seen: a.Seen, Taken: a.Taken})
	}
	return rows
}
