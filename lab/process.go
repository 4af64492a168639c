package lab

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"hostlab/lab/agent"
)

// A Process is a program that runs on a host. It is done when Done is closed.
type Process struct {
	host   *Host
	args   []string
	remote *agent.Process
	begin  time.Time

	mu    sync.Mutex
	more  chan struct{} // closed and replaced when a line or the end comes
	lines []string      // complete lines of both streams, in order of arrival
	taken int           // lines that WaitLine has passed

	out, errs stream
	ended     chan struct{}
	err       error // set before ended is closed
	status    agent.Status
}

// A stream is one output of a process: all of it, and its unfinished line.
type stream struct {
	p    *Process
	all  bytes.Buffer
	tail []byte
}

func newProcess(h *Host, args []string) *Process {
	p := &Process{
		host: h, args: args, begin: time.Now(),
		more: make(chan struct{}), ended: make(chan struct{}),
	}
	p.out.p, p.errs.p = p, p
	return p
}

func (s *stream) writer() io.Writer { return (*streamWriter)(s) }

type streamWriter stream

func (w *streamWriter) Write(b []byte) (int, error) {
	s := (*stream)(w)
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.all.Write(b)
	s.tail = append(s.tail, b...)
	for {
		line, rest, found := bytes.Cut(s.tail, []byte("\n"))
		if !found {
			return len(b), nil
		}
		s.tail = rest
		s.p.add(strings.TrimRight(string(line), "\r"))
	}
}

// add notes a line. It is called with mu held.
func (p *Process) add(line string) {
	p.lines = append(p.lines, line)
	close(p.more)
	p.more = make(chan struct{})
}

func (p *Process) await() {
	status, err := p.remote.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range []*stream{&p.out, &p.errs} {
		if len(s.tail) > 0 {
			p.add(string(s.tail))
			s.tail = nil
		}
	}
	p.status, p.err = status, err
	close(p.ended)
	close(p.more)
	p.more = make(chan struct{})
}

// WaitLine returns the next line, of either stream, that contains text. The
// lines before it are passed over and not seen again. It is an error when the
// program ends, or ctx does, before such a line.
func (p *Process) WaitLine(ctx context.Context, text string) (string, error) {
	for {
		line, found, more := p.next(text)
		if found {
			return line, nil
		}
		select {
		case <-more:
		case <-p.ended:
			if line, found, _ := p.next(text); found {
				return line, nil
			}
			return "", p.host.errorf("%s: ended without a line with %q; it printed %q", p, text, p.Lines())
		case <-ctx.Done():
			return "", p.host.errorf("%s: no line with %q yet; it printed %q: %w", p, text, p.Lines(), ctx.Err())
		}
	}
}

func (p *Process) next(text string) (string, bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.taken < len(p.lines) {
		line := p.lines[p.taken]
		p.taken++
		if strings.Contains(line, text) {
			return line, true, nil
		}
	}
	return "", false, p.more
}

// Lines returns every line so far, of both streams in order of arrival.
func (p *Process) Lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// Signal sends a signal to the program and its children: "INT", "TSTP",
// "CONT", "KILL".
func (p *Process) Signal(name string) error {
	if err := p.remote.Signal(strings.TrimPrefix(name, "SIG")); err != nil {
		return p.host.errorf("%s: signal %s: %w", p, name, err)
	}
	return nil
}

// Done is closed when the program has ended and all its output is here.
func (p *Process) Done() <-chan struct{} { return p.ended }

// Wait waits for the program's end. It returns what Host.Run returns; a
// program that Signal ended is an *ExitError with that signal. When ctx ends
// first, the program goes on.
func (p *Process) Wait(ctx context.Context) (Result, error) {
	select {
	case <-p.ended:
	case <-ctx.Done():
		return Result{Args: p.args}, p.host.errorf("%s: still running: %w", p, ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	res := Result{
		Args: p.args, Stdout: p.out.all.String(), Stderr: p.errs.all.String(),
		Code: p.status.Code, Signal: p.status.Signal, Took: time.Since(p.begin),
	}
	if p.err != nil {
		return res, p.host.errorf("%s: %w", p, p.err)
	}
	if res.Code != 0 {
		return res, &ExitError{Host: p.host.Name, Result: res}
	}
	return res, nil
}

// Stop interrupts the program, as Ctrl-C does, and waits for its end. That
// SIGINT ended it is no error.
func (p *Process) Stop(ctx context.Context) (Result, error) {
	if err := p.Signal("INT"); err != nil {
		select {
		case <-p.ended:
		default:
			return Result{Args: p.args}, err
		}
	}
	res, err := p.Wait(ctx)
	if res.Signal == "SIGINT" {
		err = nil
	}
	return res, err
}

// String is the command line.
func (p *Process) String() string { return strings.Join(p.args, " ") }
