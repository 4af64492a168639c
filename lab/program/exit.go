package program

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"hostlab/lab/hint"
)

// A Misuse is an error of what a person typed.
type Misuse struct{ Err error }

// Error and Unwrap are those of the error within.
func (m Misuse) Error() string { return m.Err.Error() }
func (m Misuse) Unwrap() error { return m.Err }

// Exit tells how a program ended, with the hint of an error that has one, and
// returns the exit status: 0 without an error, 2 for a Misuse, else 1. For
// pflag.ErrHelp it prints the help, which is no error.
func Exit(s Stdio, name, help string, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(s.Out, help)
		return 0
	}
	fmt.Fprintln(s.Err, err)
	if h := hint.Of(err); h != "" {
		fmt.Fprintf(s.Err, "%s: hint: %s\n", name, h)
	}
	if _, ok := errors.AsType[Misuse](err); ok {
		return 2
	}
	return 1
}
