package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"hostlab/lab/hint"
	"hostlab/lab/program"
)

// A command describes a tool that parses its own flags.
type command struct {
	name     string   // what one types
	forms    []string // each way to call it, without the name
	about    string   // one sentence, or a few
	more     string   // what else --help should say
	examples []string // command lines, without the name
	exit     string   // "" means 0 done, 1 failed, 2 misuse
	early    bool     // flags end at the first word that is none

	// spell rewrites arguments that a getopt-like parser does not know
	// ("-br"); nil for none.
	spell func(arg string) string

	// define adds the flags and returns the work to do once they are parsed.
	define func(*pflag.FlagSet) action
}

// An action is a tool's work, with the words that are not flags.
type action func(ctx context.Context, s program.Stdio, words []string) error

// A misuse is a command line that is wrong.
type misuse struct{ text string }

func (m *misuse) Error() string { return m.text }

func misusef(format string, args ...any) error { return &misuse{fmt.Sprintf(format, args...)} }

// An exitStatus ends a tool with a status and no more words.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run is the Run of a [program.Program].
func (c *command) run(ctx context.Context, s program.Stdio, args ...string) int {
	flags := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetInterspersed(!c.early)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	act := c.define(flags)
	flags.BoolP("help", "h", false, "print this help")
	if c.spell != nil {
		args = append([]string(nil), args...)
		for i := range args {
			args[i] = c.spell(args[i])
		}
	}
	err := flags.Parse(args)
	if help, _ := flags.GetBool("help"); help || errors.Is(err, pflag.ErrHelp) {
		io.WriteString(s.Out, c.help(flags))
		return 0
	}
	if err != nil {
		err = misusef("%v", err)
	} else {
		err = act(ctx, s, flags.Args())
	}
	return c.end(s, err)
}

// end prints what went wrong and returns the exit status.
func (c *command) end(s program.Stdio, err error) int {
	var wrong *misuse
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &wrong):
		fmt.Fprintf(s.Err, "%s: %v\n%s: hint: %s --help\n%s", c.name, wrong, c.name, c.name, c.usage())
		return 2
	}
	complain(s.Err, c.name, err)
	return 1
}

// complain prints an error and its hint.
func complain(w io.Writer, name string, err error) {
	fmt.Fprintf(w, "%s: %s\n", name, inWords(err))
	if h := hint.Of(err); h != "" {
		fmt.Fprintf(w, "%s: hint: %s\n", name, h)
	}
}

// inWords is an error with its system error in the C library's words, which
// are Go's with a large first letter.
func inWords(err error) string {
	text := err.Error()
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if head, ok := strings.CutSuffix(text, errno.Error()); ok {
			e := errno.Error()
			return head + strings.ToUpper(e[:1]) + e[1:]
		}
	}
	return text
}

func (c *command) usage() string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	for _, form := range c.forms {
		b.WriteString(strings.TrimRight("  "+c.name+" "+form, " ") + "\n")
	}
	return b.String()
}

func (c *command) help(flags *pflag.FlagSet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\nFlags:\n%s", c.about, c.usage(), flags.FlagUsagesWrapped(80))
	if c.more != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(c.more))
	}
	if len(c.examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range c.examples {
			fmt.Fprintf(&b, "  %s %s\n", c.name, e)
		}
	}
	exit := c.exit
	if exit == "" {
		exit = "0 done, 1 failed, 2 misuse"
	}
	fmt.Fprintf(&b, "\nExit status:\n  %s\n", exit)
	return b.String()
}

// noWords is the check of a tool that takes flags only.
func noWords(words []string) error {
	if len(words) > 0 {
		return misusef("%q: unexpected word", words[0])
	}
	return nil
}
