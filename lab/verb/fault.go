package verb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"hostlab/lab"
	"hostlab/lab/fault"
)

// FaultHelp says what stands behind "hostlab fault".
const FaultHelp = `  hostlab fault drop HOST PROTO[/PORT] [--first N|--every N] [--fragment F]
                     [--from HOST | --to HOST]
  hostlab fault reject HOST PROTO[/PORT] [--with ANSWER] [--from|--to HOST]
  hostlab fault partition HOST[,HOST...] HOST[,HOST...]
  hostlab fault pause|resume HOST
  hostlab fault cut|join HOST NETWORK
  hostlab fault list [HOST] [--json]
  hostlab fault clear [HOST]`

// runFault does what one order says.
func runFault(ctx context.Context, l *lab.Lab, args []string, out io.Writer) error {
	o, err := fault.ParseOrder(args...)
	if errors.Is(err, pflag.ErrHelp) {
		_, err := fmt.Fprintln(out, "Usage:\n"+FaultHelp)
		return err
	}
	if err != nil {
		return misuse("fault", err)
	}
	if err := known(l, slices.Concat(o.Hosts, o.Others, o.From)); err != nil {
		return misuse("fault", fmt.Errorf("fault: %w", err))
	}
	switch o.Verb {
	case fault.VerbBreak:
		return breakIt(ctx, l, o)
	case fault.VerbPart:
		return l.Partition(ctx, o.Hosts, o.Others)
	case fault.VerbPause:
		return l.Host(o.Hosts[0]).Pause(ctx)
	case fault.VerbResume:
		return l.Host(o.Hosts[0]).Resume(ctx)
	case fault.VerbCut:
		return l.Host(o.Hosts[0]).Cut(ctx, o.Network)
	case fault.VerbJoin:
		return l.Host(o.Hosts[0]).Join(ctx, o.Network)
	case fault.VerbClear:
		return l.ClearFaults(ctx, o.Hosts...)
	}
	return list(ctx, l, o, out)
}

// breakIt makes a fault act, with the addresses of the hosts that it names.
func breakIt(ctx context.Context, l *lab.Lab, o fault.Order) error {
	f := o.Fault
	for _, name := range o.From {
		addrs, err := l.Host(name).Sources(ctx)
		if err != nil {
			return err
		}
		if f, err = fault.From(f, addrs...); err != nil {
			return misuse("fault", err)
		}
	}
	if err := f.Validate(); err != nil {
		return misuse("fault", err)
	}
	return l.Host(o.Hosts[0]).Fault(ctx, f)
}

// A row is one line of the list, as JSON has it.
type row struct {
	Host  string `json:"host"`
	Fault string `json:"fault"` // its name; "paused", "cut from lan"
	Seen  uint64 `json:"seen"`  // packets that matched
	Taken uint64 `json:"taken"` // packets that were dropped or rejected
}

func list(ctx context.Context, l *lab.Lab, o fault.Order, out io.Writer) error {
	all, err := l.Faults(ctx, o.Hosts...)
	if err != nil {
		return err
	}
	if o.JSON {
		rows := []row{} // [] in JSON, not null
		for _, b := range all {
			rows = append(rows, row{b.Host, b.What, b.Seen, b.Taken})
		}
		return json.NewEncoder(out).Encode(rows)
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "no faults")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "HOST\tFAULT\tTAKEN\tSEEN")
	for _, b := range all {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", b.Host, b.What, b.Taken, b.Seen)
	}
	return w.Flush()
}
