package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// A Command is a program to start on a host.
type Command struct {
	// Args is the program, looked up in the host's PATH, and its arguments.
	// Any bytes but NUL arrive as they are.
	Args []string

	// Env is added to the agent's own environment, as "NAME=VALUE".
	Env []string

	// Stdin is read until its end, which the program then sees. Nil means an
	// input that is at its end; with a Terminal, one where nothing is typed.
	// At the end of Stdin the agent types Ctrl-D into a terminal. Bytes that
	// the program leaves unread are lost.
	Stdin io.Reader

	// Stdout and Stderr take the output; nil discards it. When they are equal,
	// at most one goroutine calls Write at a time. Writes stop when Wait
	// returns. A writer that blocks stops the program in the end, as a
	// full pipe does. With a Terminal all comes on Stdout.
	Stdout, Stderr io.Writer

	// Terminal makes the program run on a terminal. Nil means pipes.
	Terminal *Terminal

	// Within has the agent itself run the program, one of those that it was
	// given: no process has to start for a look at the host's kernel. Env,
	// Stdin and Terminal must be nil then.
	Within bool
}

// A Terminal says what a program's terminal is like.
type Terminal struct {
	Term          string // for the variable TERM; "" means "dumb"
	Columns, Rows int    // 0 means 80 and 24
	Echo          bool   // whether the terminal shows what is typed

	modes map[uint8]uint32 // more modes of RFC 4254 section 8
}

// A Status says how a program ended.
type Status struct {
	Code   int    // exit status; 128 plus the signal's number when one killed it
	Signal string // "SIGINT" when a signal killed it, else ""
}

// A Process is a program that runs on a host. Its methods may be called
// concurrently.
type Process struct {
	client  *Client
	name    string
	ch      channel
	outputs []*output

	done   chan struct{} // closed when status and err are final
	status Status
	err    error
}

// Start starts a program. That it could not be started is told by its
// status, as a shell does: 127 not found, 126 not permitted or not a program,
// with the reason on Stderr. When ctx ends, before or after Start returns,
// the program is killed and Wait returns ctx's error.
func (c *Client) Start(ctx context.Context, cmd Command) (*Process, error) {
	ch, err := c.start(ctx, cmd)
	if err != nil {
		return nil, err
	}
	p := &Process{client: c, name: cmd.Args[0], ch: ch, done: make(chan struct{})}
	out := newOutput(cmd.Stdout)
	errs := out
	if !same(cmd.Stdout, cmd.Stderr) {
		errs = newOutput(cmd.Stderr)
	}
	p.outputs = []*output{out, errs}
	go p.input(cmd.Stdin, cmd.Terminal != nil)
	go p.follow(ctx)
	return p, nil
}

// start opens a session and runs the command in it.
func (c *Client) start(ctx context.Context, cmd Command) (channel, error) {
	if len(cmd.Args) == 0 {
		return channel{}, errors.New("agent: start: Args is empty; want a program")
	}
	if cmd.Within && (cmd.Env != nil || cmd.Stdin != nil || cmd.Terminal != nil) {
		return channel{}, fmt.Errorf("agent: start %s: Within goes with neither Env nor Stdin nor Terminal", cmd.Args[0])
	}
	what := "start " + cmd.Args[0]
	line, err := cmd.line()
	if err != nil {
		return channel{}, fmt.Errorf("agent: %s: %w", what, err)
	}
	ch, err := c.open(ctx, what, "session", nil)
	if err != nil {
		return channel{}, err
	}
	for _, v := range cmd.Env {
		name, value, _ := strings.Cut(v, "=")
		ch.SendRequest("env", false, ssh.Marshal(envRequest{name, value})) // an error comes again with exec
	}
	if cmd.Terminal != nil {
		ch.SendRequest("pty-req", false, ssh.Marshal(cmd.Terminal.request()))
	}
	kind := "exec"
	if cmd.Within {
		kind = withinRequest
	}
	ok, err := c.request(ctx, what, ch, kind, ssh.Marshal(namedRequest{line}))
	if err == nil && !ok {
		err = fmt.Errorf("agent: %s: the agent refused to run it", what)
	}
	if err != nil {
		ch.discard()
		return channel{}, err
	}
	return ch, nil
}

// line returns the command line, after a look at all that is sent.
func (cmd Command) line() (string, error) {
	for _, v := range cmd.Env {
		if len(v) > maxCommand || strings.Index(v, "=") < 1 || strings.Contains(v, "\x00") {
			return "", fmt.Errorf("variable %.40q: want NAME=VALUE without NUL, at most %d bytes", v, maxCommand)
		}
	}
	return quote(cmd.Args)
}

func (t *Terminal) request() ptyRequest {
	r := ptyRequest{Term: t.Term, Columns: size(t.Columns, 80), Rows: size(t.Rows, 24)}
	if r.Term == "" {
		r.Term = "dumb"
	}
	modes := map[uint8]uint32{ssh.ECHO: 0}
	if t.Echo {
		modes[ssh.ECHO] = 1
	}
	for op, value := range t.modes {
		modes[op] = value
	}
	r.Modes = encodeModes(modes)
	return r
}

// input sends what stdin has. It may outlive the process when stdin blocks;
// nothing can be done about a Read under way.
func (p *Process) input(stdin io.Reader, terminal bool) {
	if stdin == nil && terminal {
		return
	}
	if stdin != nil {
		io.Copy(p.ch, stdin)
	}
	p.ch.CloseWrite()
}

// follow takes the output and the requests until the session ends, or until
// ctx does.
func (p *Process) follow(ctx context.Context) {
	defer close(p.done)
	var status Status
	var told bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var copies sync.WaitGroup
		copies.Go(func() { p.outputs[0].copy(p.ch) })
		copies.Go(func() { p.outputs[1].copy(p.ch.Stderr()) })
		for req := range p.ch.requests {
			if s, ok := parseStatus(req); ok {
				status, told = s, true
			}
			req.Reply(false, nil)
		}
		copies.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		if !p.kill(ended) {
			p.err = fmt.Errorf("agent: %s: %w", p.name, ctx.Err())
			return
		}
	}
	switch {
	case ctx.Err() != nil && (!told || status.Signal == "SIGKILL"):
		p.status, p.err = status, fmt.Errorf("agent: %s: %w", p.name, ctx.Err())
	case !told:
		p.err = p.client.lost(p.name)
	default:
		p.status, p.err = status, p.outputs[0].failure()
		if p.outputs[1] != p.outputs[0] {
			p.err = errors.Join(p.err, p.outputs[1].failure())
		}
	}
}

// kill kills the process and waits a moment for its end. When a host is
// frozen, or a writer blocks, it gives up and reports false.
func (p *Process) kill(ended <-chan struct{}) bool {
	p.ch.SendRequest("signal", false, ssh.Marshal(namedRequest{"KILL"}))
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
	}
	p.ch.Close()
	for _, o := range p.outputs {
		o.abandon()
	}
	return false
}

// parseStatus reads exit-status and exit-signal.
func parseStatus(req *ssh.Request) (Status, bool) {
	switch req.Type {
	case "exit-status":
		var m exitStatus
		if ssh.Unmarshal(req.Payload, &m) != nil {
			return Status{}, false
		}
		return Status{Code: int(m.Status)}, true
	case "exit-signal":
		var m exitSignal
		if ssh.Unmarshal(req.Payload, &m) != nil {
			return Status{}, false
		}
		n, _ := signalNumber(m.Signal)
		return Status{Code: 128 + n, Signal: "SIG" + m.Signal}, true
	}
	return Status{}, false
}

// Signal sends a signal, by a name such as "INT", to the program's process
// group. It returns when the kernel has taken it, os.ErrProcessDone when the
// program has ended. A program without a terminal is stopped by "TSTP" as by "STOP":
// its process group is an orphaned one, for which the kernel drops SIGTSTP.
func (p *Process) Signal(name string) error {
	if _, ok := signalNumber(name); !ok {
		return fmt.Errorf("agent: %s: signal %q: want a name such as INT", p.name, name)
	}
	name = strings.TrimPrefix(name, "SIG")
	type result struct {
		ok  bool
		err error
	}
	answer := make(chan result, 1)
	go func() {
		ok, err := p.ch.SendRequest("signal", true, ssh.Marshal(namedRequest{name}))
		answer <- result{ok, err}
	}()
	timer := time.NewTimer(callTimeout)
	defer timer.Stop()
	select {
	case r := <-answer:
		if r.ok {
			return nil
		}
		return p.ended("signal " + name)
	case <-timer.C:
		return fmt.Errorf("agent: %s: signal %s: no answer within %v", p.name, name, callTimeout)
	}
}

// ended returns the error of a call for which the process, or its host, is not
// there any more.
func (p *Process) ended(what string) error {
	if p.client.stream.reason() != nil {
		return p.client.lost(p.name + ": " + what)
	}
	return fmt.Errorf("agent: %s: %s: %w", p.name, what, os.ErrProcessDone)
}

// Resize tells the program's terminal another size. Without a terminal it
// does nothing.
func (p *Process) Resize(columns, rows int) error {
	m := windowChange{Columns: size(columns, 80), Rows: size(rows, 24)}
	if _, err := p.ch.SendRequest("window-change", false, ssh.Marshal(m)); err != nil {
		return p.ended("resize")
	}
	return nil
}

// Wait waits until the program has ended and its output is written. It may be
// called many times, or never. A status other than 0 is no error. An error
// wraps ErrGone when the host went away, ctx's error when Start's ctx ended,
// or is the one of Stdout or Stderr.
func (p *Process) Wait() (Status, error) {
	<-p.done
	return p.status, p.err
}
