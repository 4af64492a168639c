package lab

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"hostlab/lab/agent"
	"hostlab/lab/topology"
)

// A Host is one running machine of a lab. Its methods may be called
// concurrently.
type Host struct {
	Name string

	lab       *Lab
	dial      func() (*agent.Client, error) // connects on first use, once
	condition condition                     // see faults.go
}

// Spec returns what the topology says of the host, with the addresses that it
// really has.
func (h *Host) Spec() topology.Host {
	spec, _ := h.lab.Topology().Host(h.Name)
	return spec
}

// Addr returns the host's first address on its first network, or on the one
// that is named. It is the zero Addr when the host is not on that network.
func (h *Host) Addr(network ...string) netip.Addr {
	for _, i := range h.Spec().Interfaces {
		if (len(network) == 0 || i.Network == network[0]) && len(i.Addrs) > 0 {
			return i.Addrs[0]
		}
	}
	return netip.Addr{}
}

// A Result is what a program on a host left when it ended.
type Result struct {
	Args   []string
	Stdout string
	Stderr string
	Code   int           // exit status; 128 plus its number when a signal ended it
	Signal string        // "SIGINT" when a signal ended it, else ""
	Took   time.Duration // from the request to the end, as seen from here
}

// An ExitError says that a program ended with another status than 0.
type ExitError struct {
	Host string
	Result
}

// Error is one line; Stdout and Stderr hold the rest.
func (e *ExitError) Error() string {
	end := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != "" {
		end = "ended by " + e.Signal
	}
	s := fmt.Sprintf("lab: host %s: %s: %s", e.Host, strings.Join(e.Args, " "), end)
	if line := lastLine(e.Stderr); line != "" {
		s += ": " + line
	}
	return s
}

func lastLine(s string) string {
	s = strings.TrimRight(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// Run starts a program on the host and waits for its end. The error is an
// *ExitError when the status was not 0, and the Result is filled then too; it
// wraps agent.ErrGone when the host went away. When ctx ends, so does the
// program.
func (h *Host) Run(ctx context.Context, args ...string) (Result, error) {
	return h.run(ctx, agent.Command{Args: args})
}

// within is Run in the host's agent itself, for the programs that it knows: a
// lab asks its hosts a hundred times for one lesson.
func (h *Host) within(ctx context.Context, args ...string) (Result, error) {
	return h.run(ctx, agent.Command{Args: args, Within: true})
}

func (h *Host) run(ctx context.Context, cmd agent.Command) (Result, error) {
	var out, errs bytes.Buffer
	args := cmd.Args
	res := Result{Args: args}
	client, err := h.client()
	if err != nil {
		return res, err
	}
	begin := time.Now()
	cmd.Stdout, cmd.Stderr = &out, &errs
	p, err := client.Start(ctx, cmd)
	if err != nil {
		return res, h.errorf("start %s: %w", strings.Join(args, " "), err)
	}
	status, err := p.Wait()
	res.Took = time.Since(begin)
	res.Stdout, res.Stderr = out.String(), errs.String()
	res.Code, res.Signal = status.Code, status.Signal
	if err != nil {
		return res, h.errorf("%s: %w", strings.Join(args, " "), err)
	}
	if res.Code != 0 {
		return res, &ExitError{Host: h.Name, Result: res}
	}
	return res, nil
}

// Start starts a program on the host and leaves it running. It ends when ctx
// ends, with the lab at the latest.
func (h *Host) Start(ctx context.Context, args ...string) (*Process, error) {
	client, err := h.client()
	if err != nil {
		return nil, err
	}
	p := newProcess(h, args)
	p.remote, err = client.Start(ctx, agent.Command{Args: args, Stdout: p.out.writer(), Stderr: p.errs.writer()})
	if err != nil {
		return nil, h.errorf("start %s: %w", strings.Join(args, " "), err)
	}
	go p.await()
	return p, nil
}

// Window opens a terminal window on the host with a shell in it. The caller
// closes it; it ends with the lab at the latest.
func (h *Host) Window(ctx context.Context, name string) (*agent.Window, error) {
	client, err := h.client()
	if err != nil {
		return nil, err
	}
	w, err := client.Window(ctx, name)
	if err != nil {
		return nil, h.errorf("window %s: %w", name, err)
	}
	return w, nil
}

// Client returns the connection to the host's agent, for what Host has no
// method for: SFTP, forwarding, an interactive shell.
func (h *Host) Client() (*agent.Client, error) { return h.client() }

// AwaitBound waits until a socket of the host is bound: "udp/1060",
// "tcp/192.168.5.130:1060". The agent's side looks at the kernel's tables, so
// nothing is sent.
func (h *Host) AwaitBound(ctx context.Context, socket string) error {
	_, err := h.Run(ctx, "await", socket)
	return err
}

func (h *Host) client() (*agent.Client, error) {
	c, err := h.dial()
	if err != nil {
		return nil, h.errorf("agent: %w", err)
	}
	return c, nil
}

func (h *Host) errorf(format string, args ...any) error {
	return fmt.Errorf("lab: host %s: "+format, append([]any{h.Name}, args...)...)
}

// newHost returns a host whose agent is called on first use.
func newHost(l *Lab, name string) *Host {
	h := &Host{Name: name, lab: l}
	h.dial = sync.OnceValues(func() (*agent.Client, error) {
		stream, err := l.instance.Dial(l.ctx, name)
		if err != nil {
			return nil, err
		}
		c, err := agent.Dial(stream)
		if err != nil {
			stream.Close()
			return nil, err
		}
		l.keep(c)
		return c, nil
	})
	return h
}
