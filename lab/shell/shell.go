// Package shell is the shell of a host: a prompt for people, marks for the
// windows of lessons, scripts for both. Parsing, expansion and the builtins of
// a POSIX shell are mvdan.cc/sh's; job control (Ctrl-C, Ctrl-Z, fg, bg, jobs,
// kill, wait) is this package's, after chapter "Implementing a Job Control
// Shell" of the C library's manual.
//
// Each statement typed at a prompt is a job with a process group of its own,
// which has the terminal while the statement is in front. A statement that is
// stopped is frozen as a whole: the rest of "a && b" or of a loop waits for fg,
// and the shell goes on with the state (directory, variables) from before it.
//
// Jobs end with their shell. A window (see package mark) has no prompt and no
// messages of the shell; all that it prints is programs' output and marks.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"hostlab/lab/program"
)

// Programs returns the shell under both of its names, sh and bash. On other
// systems than Linux they only say that they need it.
func Programs() []program.Program {
	return []program.Program{named("sh"), named("bash")}
}

func named(name string) program.Program {
	return program.Program{
		Name:    name,
		Summary: "the shell: line editing, pipes, Ctrl-Z and fg",
		Run: func(ctx context.Context, std program.Stdio, args ...string) int {
			return start(ctx, name, std, args)
		},
	}
}

// options are the shell's command line.
type options struct {
	name     string   // sh or bash
	command  string   // text of -c
	isScript bool     // -c was given
	file     string   // script to read; "" means standard input
	alias    string   // $0 given with -c
	params   []string // $1 and on
}

// start reads the command line and runs a shell.
func start(ctx context.Context, name string, std program.Stdio, args []string) int {
	opts, err := parseOptions(name, args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		io.WriteString(std.Out, usage(name))
		return 0
	case err != nil:
		fmt.Fprintf(std.Err, "%s: %v\n%s", name, err, usage(name))
		return 2
	}
	return run(ctx, opts, std)
}

func parseOptions(name string, args []string) (options, error) {
	opts := options{name: name}
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.SetInterspersed(false)
	flags.BoolVarP(&opts.isScript, "command", "c", false, "")
	flags.BoolP("interactive", "i", false, "") // a terminal decides
	flags.BoolP("login", "l", false, "")       // there are no profiles
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	rest := flags.Args()
	switch {
	case opts.isScript && len(rest) == 0:
		return opts, errors.New("-c: a command was expected after it")
	case opts.isScript:
		opts.command, rest = rest[0], rest[1:]
		if len(rest) > 0 {
			opts.alias, rest = rest[0], rest[1:]
		}
	case len(rest) > 0:
		opts.file, rest = rest[0], rest[1:]
	}
	opts.params = rest
	return opts, nil
}

// zero is $0, as sh(1) has it.
func (o options) zero() string {
	switch {
	case o.alias != "":
		return o.alias
	case o.file != "":
		return o.file
	}
	return o.name
}

func usage(name string) string {
	return fmt.Sprintf(`Runs commands: at a prompt on a terminal, else from a script.

Usage:
  %[1]s
  %[1]s -c COMMAND [NAME [ARGUMENT...]]
  %[1]s FILE [ARGUMENT...]

Keys on a terminal:
  Ctrl-C ends the program in front, Ctrl-Z stops it (fg wakes it), Ctrl-D
  leaves the shell and ends its jobs; Tab completes, Up repeats. Type help
  for the programs of this host.

Exit status:
  that of the last command; 127 not found, 126 not executable, 128+N ended by
  signal N, 2 misuse or wrong syntax
`, name)
}
