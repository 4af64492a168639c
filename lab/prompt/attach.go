package prompt

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"hostlab/lab/agent"
)

// Attach runs a program on a host in front of a person's terminal: it has a
// terminal of its own there, which takes the keys as they are typed, Ctrl-C
// too, draws on out and follows the person's in size. In is the terminal, keys
// what is typed on it. It returns when the program has ended.
func Attach(ctx context.Context, client *agent.Client, args []string, in *os.File, keys io.Reader, out io.Writer) (agent.Status, error) {
	fd := int(in.Fd())
	cmd := agent.Command{Args: args, Stdin: keys, Stdout: out}
	cmd.Terminal = &agent.Terminal{Term: os.Getenv("TERM"), Echo: true}
	cmd.Terminal.Columns, cmd.Terminal.Rows, _ = term.GetSize(fd)
	old, err := term.MakeRaw(fd)
	if err != nil {
		return agent.Status{}, fmt.Errorf("terminal: %w", err)
	}
	defer term.Restore(fd, old)
	process, err := client.Start(ctx, cmd)
	if err != nil {
		return agent.Status{}, err
	}
	defer follow(fd, process)()
	return process.Wait()
}
