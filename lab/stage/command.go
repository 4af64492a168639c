package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hostlab/lab"
)

// A command is what a line "$ hostlab …" of a lesson may ask of the running
// lab: the same words as the verb on the reader's own machine.
type command struct {
	usage string
	run   func(ctx context.Context, l *lab.Lab, args []string, out io.Writer) (status int, err error)
}

var commands = map[string]command{
	"fault": {"fault drop|reject HOST PROTOCOL/PORT [--first N|--every N] | fault list | fault clear", runFault},
	"wait":  {"wait HOST PROTOCOL/PORT", runWait},
}

// act runs one line. What makes no sense is said on out and is status 2, as on
// the command line; an error says that the lab broke.
func act(ctx context.Context, l *lab.Lab, args []string, out io.Writer) (int, error) {
	if len(args) == 0 {
		args = []string{""}
	}
	c, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(out, "hostlab: %q: a lesson knows %s\n", args[0], strings.Join(verbs(), ", "))
		return statusMisuse, nil
	}
	status, err := c.run(ctx, l, args[1:], out)
	var wrong misuse
	if errors.As(err, &wrong) {
		fmt.Fprintf(out, "hostlab: %s: %s\nusage: hostlab %s\n", strings.Join(args, " "), wrong, c.usage)
		return statusMisuse, nil
	}
	return status, err
}

// A misuse says what is wrong with a line.
type misuse string

func (m misuse) Error() string { return string(m) }

const statusMisuse = 2

func verbs() []string {
	var v []string
	for name := range commands {
		v = append(v, name)
	}
	slices.Sort(v)
	return v
}

// runFault hands a fault to the program of that name in the host where it
// acts: "fault drop guinness udp/1060" is "fault drop udp/1060" on guinness.
func runFault(ctx context.Context, l *lab.Lab, args []string, out io.Writer) (int, error) {
	if len(args) == 0 {
		return 0, misuse("what shall it do?")
	}
	hosts, rest := hostNames(l), args[1:]
	switch {
	case len(rest) > 0 && slices.Contains(hosts, rest[0]):
		hosts, rest = rest[:1], rest[1:]
	case args[0] == "clear" && len(rest) == 0 || args[0] == "list":
	case len(rest) > 0:
		return 0, noHost(rest[0], hosts)
	default:
		return 0, misuse("on which host?")
	}
	for _, name := range hosts {
		if status, err := on(ctx, l.Host(name), out, append([]string{"fault", args[0]}, rest...)...); status != 0 || err != nil {
			return status, err
		}
	}
	return 0, nil
}

// runWait returns when a socket of the host is bound.
func runWait(ctx context.Context, l *lab.Lab, args []string, out io.Writer) (int, error) {
	if len(args) < 2 {
		return 0, misuse("for which socket of which host?")
	}
	if hosts := hostNames(l); !slices.Contains(hosts, args[0]) {
		return 0, noHost(args[0], hosts)
	}
	return on(ctx, l.Host(args[0]), out, append([]string{"await"}, args[1:]...)...)
}

// on runs a program on a host and copies what it prints. A status is no error.
func on(ctx context.Context, h *lab.Host, out io.Writer, args ...string) (int, error) {
	res, err := h.Run(ctx, args...)
	if _, werr := io.WriteString(out, res.Stdout+res.Stderr); werr != nil {
		return 0, werr
	}
	var exit *lab.ExitError
	if errors.As(err, &exit) {
		return exit.Code, nil
	}
	return res.Code, err
}

func noHost(name string, hosts []string) error {
	return misuse(fmt.Sprintf("no host %q in this lab; there are %s", name, strings.Join(hosts, ", ")))
}

func hostNames(l *lab.Lab) []string {
	var names []string
	for _, h := range l.Topology().Hosts {
		names = append(names, h.Name)
	}
	return names
}
