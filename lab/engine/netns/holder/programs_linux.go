package holder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"hostlab/lab/program"
)

// Programs returns the program "netns", which only an orchestrator calls.
func Programs() []program.Program {
	return []program.Program{{
		Name:    Name,
		Summary: "process 1 of a lab of namespaces",
		Run: func(_ context.Context, s program.Stdio, args ...string) int {
			var err error
			switch {
			case len(args) == 1 && args[0] == Hold && os.Getpid() == 1:
				err = hold()
			case len(args) == 1 && args[0] == Enter && os.Getpid() == 1:
				err = enter()
			default:
				fmt.Fprintf(s.Err, "usage: netns hold|enter\nhostlab calls it as process 1 of its own namespaces.\n")
				return 2
			}
			if err != nil {
				fmt.Fprintln(s.Err, "netns:", err)
				return 1
			}
			return 0
		},
	}}
}

// asError makes an error one that can cross a connection.
func asError(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Text: err.Error()}
	errors.As(err, &e.Errno)
	return e
}

// forOthers makes an error one for those who do not know whose it is.
func forOthers(err error) *Error {
	e := asError(err)
	if e != nil {
		e.Text = "netns: " + e.Text
	}
	return e
}

// failed names the step of an errno; nil stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno // without the name of the system call, which the step says better
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
