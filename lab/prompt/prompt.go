// Package prompt is the line at which a person works on the hosts of a running
// lab: "laptop" opens a shell on that host, "laptop udp_remote client guinness"
// runs one program, with "&" it stays while others are called.
package prompt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/ergochat/readline"
	"mvdan.cc/sh/v3/shell"

	"hostlab/lab"
	"hostlab/lab/hint"
)

// A Prompt reads lines and acts on a lab. It neither starts nor ends the lab.
type Prompt struct {
	Lab *lab.Lab

	// In is where lines come from. When it is a terminal, lines can be edited,
	// and a host's program reads from it too and has a terminal.
	In *os.File
	// Out and Err take what programs on the hosts print.
	Out, Err io.Writer

	keys     *input
	terminal bool
	raw      atomic.Bool // the terminal is a host's, byte by byte
	behind   []*behind   // programs started with "&"
}

const help = `  HOST                  a shell on that host; Ctrl-D comes back
  HOST PROGRAM...       run one program on it
  HOST PROGRAM... &     and leave it running; its lines come as "HOST | line"
  HOST ^C               interrupt what runs there with &
  fault VERB [HOST]...  break the network on purpose: fault drop guinness udp/1060
                        --first 2, fault partition, pause, list, clear; see
                        fault --help
  wait HOST SOCKET      wait until a socket is bound: wait guinness udp/1060
  capture [HOST...]     the packets as lines, until Ctrl-C; -w FILE writes pcapng;
                        with & it goes on, until capture ^C
  hosts                 the machines and their addresses
  exit                  end the lab (also Ctrl-D)
`

// Run reads lines until "exit", the end of In or of ctx. A program that fails
// does not end it; its status is said.
func (p *Prompt) Run(ctx context.Context) error {
	p.terminal = isTerminal(p.In)
	p.keys = newInput(ctx, p.In)
	defer p.keys.Close()
	next, closeLines, err := p.lines()
	if err != nil {
		return fmt.Errorf("prompt: %w", err)
	}
	defer closeLines()
	for {
		line, err := next()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, readline.ErrInterrupt):
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("prompt: %w", err)
		}
		if done := p.act(ctx, strings.TrimSpace(line)); done {
			return nil
		}
	}
}

// lines returns a function that reads the next line, with editing on a
// terminal.
func (p *Prompt) lines() (next func() (string, error), close func(), err error) {
	if !p.terminal {
		r := bufio.NewReader(p.keys)
		return func() (string, error) {
			line, err := r.ReadString('\n')
			if line != "" {
				err = nil
			}
			return line, err
		}, func() {}, nil
	}
	rl, err := readline.NewFromConfig(&readline.Config{
		Prompt:          "lab> ",
		AutoComplete:    completer{p},
		Stdin:           p.keys,
		InterruptPrompt: "\n",
		EOFPrompt:       "\n",
	})
	if err != nil {
		return nil, nil, err
	}
	p.Out, p.Err = rl.Stdout(), rl.Stderr()
	return rl.ReadLine, func() { rl.Close() }, nil
}

// act carries out one line and tells whether it was the last.
func (p *Prompt) act(ctx context.Context, line string) (done bool) {
	words, err := shell.Fields(strings.TrimSuffix(line, "&"), func(string) string { return "" })
	if err != nil {
		fmt.Fprintf(p.Err, "hostlab: %v\n", err)
		return false
	}
	if len(words) > 1 && words[0] == "hostlab" {
		words = words[1:] // as hints and lessons have it
	}
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "exit", "quit":
		return true
	case "help", "?":
		fmt.Fprint(p.Out, help)
		return false
	case "hosts":
		p.Hosts()
		return false
	}
	leave := strings.HasSuffix(line, "&")
	switch {
	case slices.Contains(p.names(), words[0]):
		err = p.on(ctx, p.Lab.Host(words[0]), words[1:], leave)
	case slices.Contains(verbNames(), words[0]):
		err = p.say(ctx, words, leave)
	default:
		err = fmt.Errorf("no host %q in this lab; there are %s. \"help\" says what one can type",
			words[0], strings.Join(p.names(), ", "))
	}
	if err != nil {
		fmt.Fprintf(p.Err, "hostlab: %v\n", err)
	}
	if way := hint.Of(err); way != "" {
		fmt.Fprintf(p.Err, "hostlab: hint: %s\n", way)
	}
	return false
}

// on runs what stands behind a host's name.
func (p *Prompt) on(ctx context.Context, host *lab.Host, command []string, leave bool) error {
	switch {
	case len(command) == 1 && command[0] == "^C":
		return p.interrupt(host.Name)
	case leave:
		return p.leave(ctx, host, command)
	case len(command) == 0:
		return p.front(ctx, host, []string{"sh"})
	}
	return p.front(ctx, host, command)
}

// Hosts prints the machines of the lab and their addresses.
func (p *Prompt) Hosts() {
	for _, h := range p.Lab.Topology().Hosts {
		var where []string
		for _, i := range h.Interfaces {
			for _, a := range i.Addrs {
				where = append(where, fmt.Sprintf("%s (%s)", a, i.Network))
			}
		}
		fmt.Fprintf(p.Out, "  %-12s %s\n", h.Name, strings.Join(where, "  "))
	}
}

func (p *Prompt) names() []string {
	var names []string
	for _, h := range p.Lab.Topology().Hosts {
		names = append(names, h.Name)
	}
	return names
}
