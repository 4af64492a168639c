// Package program says what a program of a host is: a name and a function
// with arguments, streams and an exit status. The book's programs and the
// host's tools are values of it, and the host binary picks one by the name it
// is called.
package program

import (
	"context"
	"io"
)

// Stdio is the three standard streams of a running program.
type Stdio struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// A Program is one command that a host knows by name.
type Program struct {
	// Name is what one types: "udp_remote".
	Name string

	// Summary is one line for lists of programs, without a final period.
	Summary string

	// Run executes the program with the arguments after its name and returns
	// its exit status: 0 success, 1 failure, 2 misuse. It writes only to the
	// streams of s. A canceled ctx ends it, but a program also ends by the
	// default action of a signal: none catches SIGINT.
	Run func(ctx context.Context, s Stdio, args ...string) int
}
