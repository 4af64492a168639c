package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"hostlab/lab/program"
)

// Programs returns what process 1 of a host can be: "agent", which serves an
// orchestrator on stdin and stdout, and "init", which waits for people. The
// agent runs the programs within it when a Command asks for that.
func Programs(within ...program.Program) []program.Program {
	serve := func(ctx context.Context, s program.Stdio, args ...string) int { return runAgent(ctx, s, within, args) }
	return []program.Program{
		{Name: "agent", Summary: "serve SSH on stdin and stdout, as process 1 of a lab's host", Run: serve},
		{Name: "init", Summary: "wait and reap, as process 1 of a host that Compose started", Run: runInit},
	}
}

func runAgent(ctx context.Context, s program.Stdio, within []program.Program, args []string) int {
	in, isFile := s.In.(*os.File)
	if len(args) > 0 || isFile && term.IsTerminal(int(in.Fd())) {
		fmt.Fprintf(s.Err, "usage: agent\nServes SSH on stdin and stdout, which are no terminal, until stdin ends.\nFor a prompt, type sh.\n")
		return 2
	}
	err := processOne(ctx, stdio{s}, within)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(s.Err, err)
		return 1
	}
	return 0
}

func runInit(ctx context.Context, s program.Stdio, args ...string) int {
	if len(args) > 0 {
		fmt.Fprintf(s.Err, "usage: init\nWaits until SIGTERM, and reaps orphans meanwhile.\n")
		return 2
	}
	return Init(ctx, s.Out, Greeting(HostFacts()))
}

// stdio is a program's stdin and stdout as one stream.
type stdio struct{ program.Stdio }

func (s stdio) Read(b []byte) (int, error)  { return s.In.Read(b) }
func (s stdio) Write(b []byte) (int, error) { return s.Out.Write(b) }

func (s stdio) Close() error {
	var errs []error
	for _, f := range []any{s.In, s.Out} {
		if c, ok := f.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}
