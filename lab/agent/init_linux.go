package agent

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

// Init is the idle process 1 of a host that a person started by Compose, where
// nothing holds its stdin. It writes the greeting to out, reaps orphans, and
// ends at once, with all the processes of its host, on SIGTERM, on SIGINT or
// when ctx ends. It returns the exit status: 0, or 1 when it could not begin.
// Outside of process 1 it does the same for its descendants.
func Init(ctx context.Context, out io.Writer, greeting string) int {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	if err := children.adopt(); err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	io.WriteString(out, greeting) // a greeting that nobody can read is no reason to end
	<-ctx.Done()
	killOthers()
	return 0
}

// processOne serves the agent as process 1 does, until the stream ends or
// SIGTERM, SIGINT or ctx ends it.
func processOne(ctx context.Context, conn io.ReadWriteCloser, within []program.Program) error {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	// A write to a stdout that nobody reads any more must be an error and not
	// the agent's death. (Ignoring SIGPIPE instead would be inherited by every program.)
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)
	if err := children.adopt(); err != nil {
		return err
	}
	defer killOthers()
	return Serve(ctx, conn, within...)
}
