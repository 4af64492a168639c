package book

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"hostlab/lab/program"
)

// A spec describes one of the book's programs.
type spec struct {
	name     string   // what one types
	summary  string   // one line for lists, without a period
	forms    []string // each way to call it, without the name: "server INTERFACE"
	about    string   // what it does and how it differs from its listing
	examples []string // command lines, without the name
	events   []string // those that --json prints, besides error
	exit     string   // meaning of exit status 1

	// define adds the program's flags to c and returns what to do once they
	// are parsed.
	define func(c *command) action
}

// An action is a program's work, with the words that are not flags.
type action func(ctx context.Context, operands []string) error

// A command is one run of a program.
type command struct {
	spec  *spec
	flags *pflag.FlagSet
	roles map[string]string // flag name to the one role that has it
	out   *output
}

func (s *spec) program() program.Program {
	return program.Program{Name: s.name, Summary: s.summary, Run: s.run}
}

// run is the Run of a [program.Program]. A canceled ctx is status 1 without a
// word, since whoever canceled it knows.
func (s *spec) run(ctx context.Context, std program.Stdio, args ...string) int {
	c := &command{
		spec:  s,
		flags: pflag.NewFlagSet(s.name, pflag.ContinueOnError),
		roles: map[string]string{},
		out:   &output{name: s.name, out: std.Out, err: std.Err},
	}
	c.flags.SortFlags = false
	c.flags.SetOutput(io.Discard)
	c.flags.Usage = func() {}
	act := s.define(c)
	c.flags.BoolVar(&c.out.json, "json", false, "print one JSON object per line for every event")
	help := c.flags.BoolP("help", "h", false, "print this help")

	err := c.flags.Parse(args)
	switch {
	case *help || errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(std.Out, c.help())
		return 0
	case err != nil:
		err = misuse("%v", err)
	default:
		err = act(ctx, c.flags.Args())
	}
	var m *misuseError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &m):
		fmt.Fprintf(std.Err, "%s: %v\n%s: hint: %s --help\n%s", s.name, m, s.name, s.name, c.usage())
		return 2
	case ctx.Err() != nil:
		return 1
	}
	c.out.fail(err)
	return 1
}

// usage returns the lines that say how to call the program.
func (c *command) usage() string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	for _, form := range c.spec.forms {
		fmt.Fprintf(&b, "  %s %s [flags]\n", c.spec.name, form)
	}
	return b.String()
}

// help returns the whole help text.
func (c *command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", strings.TrimSpace(c.spec.about), c.usage())
	fmt.Fprintf(&b, "Flags (anywhere on the line):\n%s\n", c.flags.FlagUsages())
	b.WriteString("Events of --json, each with time and event; data is the text in base64 when it\n" +
		"is not ASCII:\n")
	for _, name := range append(c.spec.events, "error") {
		fmt.Fprintf(&b, "  %-11s %s\n", name, eventFields[name])
	}
	b.WriteString("\nExamples:\n")
	for _, example := range c.spec.examples {
		fmt.Fprintf(&b, "  %s %s\n", c.spec.name, example)
	}
	fmt.Fprintf(&b, "\nExit status:\n  0 done, 1 %s, 2 misuse\n", c.spec.exit)
	return b.String()
}

// role splits operands into a role and what follows it, and checks that there
// are least to most words after it and no flag of the other role.
func (c *command) role(operands []string, words map[string][2]int) (role string, rest []string, err error) {
	if len(operands) == 0 {
		return "", nil, misuse("expected server or client")
	}
	role, rest = operands[0], operands[1:]
	limits, ok := words[role]
	if !ok {
		return "", nil, misuse("role %q: expected server or client", role)
	}
	if err := c.count(role, rest, limits[0], limits[1]); err != nil {
		return "", nil, err
	}
	c.flags.Visit(func(f *pflag.Flag) {
		if only := c.roles[f.Name]; only != "" && only != role && err == nil {
			err = misuse("--%s: is for the %s, not the %s", f.Name, only, role)
		}
	})
	return role, rest, err
}

// count checks that there are least to most words.
func (c *command) count(form string, words []string, least, most int) error {
	if len(words) >= least && len(words) <= most {
		return nil
	}
	i := slices.IndexFunc(c.spec.forms, func(s string) bool { return strings.HasPrefix(s, form) })
	if len(words) > most {
		return misuse("%q: one word too many, expected: %s %s", words[most], c.spec.name, c.spec.forms[i])
	}
	return misuse("a word is missing, expected: %s %s", c.spec.name, c.spec.forms[i])
}

// server adds a flag that only that role has.
func (c *command) server(name string, add func(*pflag.FlagSet, string)) {
	c.roles[name] = "server"
	add(c.flags, name)
}

// bool adds a switch that only one role has; role "" is both.
func (c *command) bool(role, name, usage string) *bool {
	c.roles[name] = role
	return c.flags.Bool(name, false, usage)
}

// port adds -p, which is 1060 unless told.
func (c *command) port(protocol string) *port {
	p := port(1060)
	usage := protocol + " port"
	if len(c.spec.forms) > 1 { // it has a server
		usage += "; a server's 0 is any free"
	}
	c.flags.VarP(&p, "port", "p", usage)
	return &p
}

// A misuseError is a command line that is wrong.
type misuseError struct{ text string }

func (e *misuseError) Error() string { return e.text }

func misuse(format string, args ...any) error {
	return &misuseError{fmt.Sprintf(format, args...)}
}

// A port is a UDP or TCP port number as a flag.
type port uint16

func (p *port) String() string { return strconv.Itoa(int(*p)) }
func (*port) Type() string     { return "PORT" }

// Set parses a decimal port number.
func (p *port) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return errors.New("expected a number from 0 to 65535")
	}
	*p = port(n)
	return nil
}

// A count is a positive number as a flag; its zero value means not given.
type count uint64

func (n *count) String() string {
	if *n == 0 {
		return "" // so that the list of flags shows no default
	}
	return strconv.FormatUint(uint64(*n), 10)
}
func (*count) Type() string { return "N" }

// Set parses a decimal number of at least 1.
func (n *count) Set(text string) error {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v == 0 {
		return errors.New("expected a number from 1 up")
	}
	*n = count(v)
	return nil
}

// A number is any number from 0 up as a flag.
type number uint64

func (*number) String() string { return "" }
func (*number) Type() string   { return "N" }

// Set parses a decimal number.
func (n *number) Set(text string) error {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fmt.Errorf("expected a number from 0 to %d", uint64(math.MaxUint64))
	}
	*n = number(v)
	return nil
}
