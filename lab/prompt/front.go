package prompt

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"hostlab/lab"
	"hostlab/lab/agent"
)

// front runs a program on a host in the foreground. A person's program has the
// keys until it ends, and a terminal of its own there; where lines come from a
// file or a pipe, all of them are the prompt's.
func (p *Prompt) front(ctx context.Context, host *lab.Host, args []string) error {
	if err := host.Reachable(); err != nil {
		return err
	}
	client, err := host.Client()
	if err != nil {
		return err
	}
	var status agent.Status
	if p.terminal {
		status, err = p.attach(ctx, client, args)
	} else {
		status, err = wait(client.Start(ctx, agent.Command{Args: args, Stdout: p.Out, Stderr: p.Err}))
	}
	if err != nil {
		return err
	}
	if shell := len(args) == 1 && args[0] == "sh"; status.Code != 0 && !shell {
		fmt.Fprintf(p.Err, "[exit %d]\n", status.Code)
	}
	return nil
}

func wait(process *agent.Process, err error) (agent.Status, error) {
	if err != nil {
		return agent.Status{}, err
	}
	return process.Wait()
}

// attach lends the person's terminal to a program.
func (p *Prompt) attach(ctx context.Context, client *agent.Client, args []string) (agent.Status, error) {
	keys := p.keys.Lend()
	defer keys.Close()
	p.raw.Store(true)
	defer p.raw.Store(false)
	return Attach(ctx, client, args, p.In, keys, os.Stdout) // the host's terminal draws by itself
}

// A behind is a program or a verb that runs while others are called.
type behind struct {
	name      string      // the host's, or the verb's
	interrupt func() bool // as Ctrl-C; false when it has ended
}

// leave starts a program and comes back at once. Its lines are printed with
// the host's name before them.
func (p *Prompt) leave(ctx context.Context, host *lab.Host, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("host %s: what shall run there? for example: %s udp_remote server '' &", host.Name, host.Name)
	}
	if err := host.Reachable(); err != nil {
		return err
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
	p.behind = append(p.behind, &behind{host.Name, func() bool { return process.Signal("INT") == nil }})
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

// interrupt sends Ctrl-C to everything left running on a host, or to a verb.
func (p *Prompt) interrupt(name string) error {
	found := false
	for _, b := range p.behind {
		if b.name == name && b.interrupt() {
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%s: nothing runs there with &", name)
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
