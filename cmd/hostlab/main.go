// Command hostlab is the orchestrator: it starts labs of separate hosts on
// this computer, checks lessons on them and gives a prompt on them. Each verb
// has a file of its own here; what it does stands in the packages below lab.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() { os.Exit(mainStatus()) }

func mainStatus() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return run(ctx, os.Args[1:], terminal(os.Stdin, os.Stdout, os.Stderr))
}

// A console is where the person is: three streams, and whether the two
// outputs are terminals that want colour.
type console struct {
	in       io.Reader
	out, err io.Writer
	color    bool // out is a terminal and NO_COLOR is not set
	live     bool // err is a terminal: progress may rewrite its line
	columns  int  // of that terminal
}

func terminal(in, out, err *os.File) *console {
	columns, _, sizeErr := term.GetSize(int(err.Fd()))
	if sizeErr != nil {
		columns = 80
	}
	return &console{
		columns: columns,
		in:      in, out: out, err: err,
		color: term.IsTerminal(int(out.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		live:  term.IsTerminal(int(err.Fd())) && os.Getenv("TERM") != "dumb",
	}
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, c *console) int {
	cmd := root(c)
	cmd.SetArgs(args)
	return c.report(cmd.ExecuteContext(ctx))
}
