// Package state says what an experiment can change on a host, and whether it
// did: two states that are equal prove that a host is as it was, so that the
// next lesson may use it.
//
// The program state prints a host's state, one fact a line, sorted: processes,
// sockets, addresses, routes, what the kernel has learnt of paths, rules of
// nf_tables, settings below net., files, the counts of lost datagrams, and
// datagrams that wait for a fragment.
package state

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hostlab/lab/program"
)

// A State is what was true of a host, one fact a line, sorted.
type State []string

// Parse reads what the program state printed.
func Parse(text string) State {
	s := State(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }))
	slices.Sort(s)
	return s
}

// Since returns what differs from an earlier state, a line each: "+ socket udp
// 0.0.0.0:1060" for what is new, "- …" for what is gone.
func (s State) Since(earlier State) []string {
	var all []string
	for i, j := 0, 0; i < len(s) || j < len(earlier); {
		switch {
		case j == len(earlier) || i < len(s) && s[i] < earlier[j]:
			all = append(all, "+ "+s[i])
			i++
		case i == len(s) || earlier[j] < s[i]:
			all = append(all, "- "+earlier[j])
			j++
		default:
			i, j = i+1, j+1
		}
	}
	return all
}

// Counted reports whether a difference is one of a kernel's counts. They go on
// for as long as the host lives, and nothing depends on them.
func Counted(difference string) bool {
	return strings.HasPrefix(strings.TrimLeft(difference, "+- "), "count ")
}

// Lasting reports whether what Since says of a difference will not go away by
// itself: all but a process that is about to end and its sockets. A TCP
// connection that has ended keeps its port for a minute (RFC 9293, TIME-WAIT).
func Lasting(difference string) bool {
	fact, isNew := strings.CutPrefix(difference, "+ ")
	switch {
	case !isNew:
		return true
	case strings.HasPrefix(fact, "process "):
		return false
	case strings.HasPrefix(fact, "socket "):
		return strings.HasPrefix(fact, "socket tcp") && strings.HasSuffix(fact, " "+timeWait)
	}
	return true
}

// timeWait is the state of a TCP connection that has ended on this side.
const timeWait = "TIME-WAIT"

// Args are the words that start the program on a host.
func Args() []string { return []string{"state"} }

// ForgetArgs are those that have it call Forget.
func ForgetArgs() []string { return []string{"state", "--forget"} }

// Programs returns the program state, which speaks of the host that runs it.
func Programs() []program.Program {
	return []program.Program{{
		Name:    "state",
		Summary: "print what an experiment may have changed on this host",
		Run:     run,
	}}
}

const help = `Prints what an experiment may have changed on this host, one fact a line:
processes, sockets, addresses, routes, learnt paths, faults, settings, files,
counts of lost datagrams, and datagrams that wait for a fragment ("incomplete").

Usage:
  state
  state --forget

Flags:
  --forget    print nothing, and have the kernel forget TCP connections that
              no program has any more (TIME-WAIT)
  -h, --help  print this help

Examples:
  state > before; udp_local client; state > after
  state --forget

Exit status:
  0 done, 1 failed, 2 misuse
`

func run(_ context.Context, s program.Stdio, args ...string) int {
	if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") {
		fmt.Fprint(s.Out, help)
		return 0
	}
	if len(args) == 1 && args[0] == "--forget" {
		return program.Exit(s, "state", help, Forget())
	}
	if len(args) > 0 {
		fmt.Fprintf(s.Err, "state: %q: --forget or nothing was expected\nstate: hint: state --help\n", args[0])
		return 2
	}
	facts, err := Read()
	for _, f := range facts {
		fmt.Fprintln(s.Out, f)
	}
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return 1
	}
	return 0
}
