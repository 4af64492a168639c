package prompt

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/term"

	"hostlab/lab"
	"hostlab/lab/agent"
)

// front runs a program on a host in the foreground. A person's program has the
// keys until it ends, and a terminal of its own there; where lines come from a
// file or a pipe, all of them are the prompt's.
func (p *Prompt) front(ctx context.Context, host *lab.Host, args []string) error {
	client, err := host.Client()
	if err != nil {
		return err
	}
	cmd := agent.Command{Args: args, Stdout: p.Out, Stderr: p.Err}
	restore := func() {}
	if p.terminal {
		keys := p.keys.Lend()
		defer keys.Close()
		cmd.Stdin = keys
		if restore, err = p.makeRaw(); err != nil {
			return err
		}
		defer restore()
		cmd.Stdout = os.Stdout // the host's terminal draws by itself
		cmd.Terminal = &agent.Terminal{Term: os.Getenv("TERM"), Echo: true}
		cmd.Terminal.Columns, cmd.Terminal.Rows, _ = term.GetSize(int(p.In.Fd()))
	}
	process, err := client.Start(ctx, cmd)
	if err != nil {
		return err
	}
	if p.terminal {
		defer follow(int(p.In.Fd()), process)()
	}
	status, err := process.Wait()
	restore()
	if err != nil {
		return err
	}
	if shell := len(args) == 1 && args[0] == "sh"; status.Code != 0 && !shell {
		fmt.Fprintf(p.Err, "[exit %d]\n", status.Code)
	}
	return nil
}

// makeRaw hands the keys through as they are typed, Ctrl-C too, until restore,
// which may be called twice.
func (p *Prompt) makeRaw() (restore func(), err error) {
	fd := int(p.In.Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	p.raw.Store(true)
	return func() {
		term.Restore(fd, old)
		p.raw.Store(false)
	}, nil
}

// A behind is a program that runs while others are called.
type behind struct {
	host    string
	process *agent.Process
}

// leave starts a program and comes back at once. Its lines are printed with
// the host's name before them.
func (p *Prompt) leave(ctx context.Context, host *lab.Host, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("host %s: what shall run there? for example: %s udp_remote server '' &", host.Name, host.Name)
	}
	client, err := host.Client()
	if err != nil {
		return err
	}
	out := &prefixer{to: p.Out, prefix: host.Name + " | ", raw: &p.raw}
	process, err := client.Start(ctx, agent.Command{Args: args, Stdout: out, Stderr: out})
	if err != nil {
		return err
	}
	b := &behind{host: host.Name, process: process}
	p.behind = append(p.behind, b)
	go func() {
		status, err := process.Wait()
		if err != nil || ctx.Err() != nil {
			return
		}
		end := fmt.Sprintf("exit %d", status.Code)
		if status.Signal != "" {
			end = "killed " + status.Signal
		}
		fmt.Fprintf(out, "[%s] %s\n", end, strings.Join(args, " "))
	}()
	return nil
}

// interrupt sends Ctrl-C to every program left running on a host.
func (p *Prompt) interrupt(host string) error {
	found := false
	for _, b := range p.behind {
		if b.host == host && b.process.Signal("INT") == nil {
			found = true
		}
	}
	if !found {
		return fmt.Errorf("host %s: nothing runs there with &", host)
	}
	return nil
}

// A prefixer writes each complete line with a prefix, in one Write. A terminal
// that is raw wants a carriage return at the end of a line as well.
type prefixer struct {
	to     io.Writer
	prefix string
	raw    *atomic.Bool
	tail   string
}

func (w *prefixer) Write(b []byte) (int, error) {
	text := w.tail + string(b)
	end := strings.LastIndexByte(text, '\n') + 1
	w.tail = text[end:]
	var out strings.Builder
	for line := range strings.Lines(text[:end]) {
		if w.raw.Load() {
			line = strings.TrimSuffix(line, "\n") + "\r\n"
		}
		out.WriteString(w.prefix + line)
	}
	if out.Len() == 0 {
		return len(b), nil
	}
	if _, err := io.WriteString(w.to, out.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}
