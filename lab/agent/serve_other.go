//go:build !linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"

	"hostlab/lab/program"
)

var errNotLinux = errors.New("agent: a host's agent needs Linux; this system can only be a client of one")

// Serve needs Linux.
func Serve(_ context.Context, conn io.ReadWriteCloser, _ ...program.Program) error {
	return errors.Join(errNotLinux, conn.Close())
}

// Init needs Linux.
func Init(_ context.Context, out io.Writer, _ string) int {
	fmt.Fprintln(out, errNotLinux)
	return 1
}

func processOne(ctx context.Context, conn io.ReadWriteCloser, _ []program.Program) error {
	return Serve(ctx, conn)
}
