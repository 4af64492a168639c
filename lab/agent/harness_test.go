//go:build linux

package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit makes a test fail that would hang; it never makes one pass.
const limit = 100 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// await fails the test when c is not closed in time.
func await(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(limit):
		buf := make([]byte, 1<<20)
		t.Fatalf("%s: not within %v\n%s", what, limit, buf[:runtime.Stack(buf, true)])
	}
}

// poll fails the test when ok is not true in time.
func poll(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// noLeak fails the test when, at its end, goroutines of the agent, its client
// or the SSH library are left which were not there before. (One that a test
// before was allowed to leave stays, see Client.open.) Call it first: cleanups
// run last to first.
func noLeak(t testing.TB, but ...string) {
	t.Helper()
	before := goroutines()
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		var left string
		for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if left = agentGoroutines(before, but...); left == "" {
				return
			}
		}
		t.Errorf("goroutines left behind:\n%s", left)
	})
}

// goroutines returns the stacks of all goroutines by their names, "goroutine 12".
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	all := map[string]string{}
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		name, _, _ := strings.Cut(g, " [")
		all[name] = g
	}
	return all
}

// agentGoroutines returns the stacks of these goroutines, but those that were
// there before and those in certain functions.
func agentGoroutines(before map[string]string, but ...string) string {
	var left []string
	for name, g := range goroutines() {
		if before[name] != "" {
			continue
		}
		if slices.ContainsFunc(but, func(name string) bool { return strings.Contains(g, name) }) {
			continue
		}
		ours := strings.Contains(g, "hostlab/lab/agent.") || strings.Contains(g, "crypto/ssh")
		if ours && !strings.Contains(g, "testing.tRunner") && !strings.Contains(g, "childList).watch") &&
			!strings.Contains(g, "testing.(*B)") && !strings.Contains(g, "agent.reverseServer") {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}

// A duplex is a stream of two files.
type duplex struct {
	io.Reader
	io.Writer
	closers []io.Closer
}

func (d *duplex) Close() error {
	var errs []error
	for _, c := range d.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// osPipes returns the two ends of a stream made of two pipes.
func osPipes(t testing.TB) (a, b *duplex) {
	t.Helper()
	r1, w1, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	a = &duplex{r1, w2, []io.Closer{r1, w2}}
	b = &duplex{r2, w1, []io.Closer{r2, w1}}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// socketPair returns the two ends of a pair of Unix sockets.
func socketPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		conns[i], err = net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { conns[0].Close(); conns[1].Close() })
	return conns[0], conns[1]
}

// serveTest serves one end in this process. The channel gets Serve's error.
func serveTest(t testing.TB, conn io.ReadWriteCloser) <-chan error {
	t.Helper()
	served := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		served <- Serve(context.Background(), conn)
		close(done)
	}()
	t.Cleanup(func() {
		conn.Close()
		await(t, "Serve's return", done)
	})
	return served
}

// dialTest is a client of the agent at the other end of conn.
func dialTest(t testing.TB, conn io.ReadWriteCloser) *Client {
	t.Helper()
	c, err := Dial(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// newHost is an agent in this process, and its client.
func newHost(t testing.TB) *Client {
	t.Helper()
	noLeak(t)
	a, b := socketPair(t)
	serveTest(t, a)
	return dialTest(t, b)
}

// An agentProcess is an agent in a process of its own, as process 1 is.
type agentProcess struct {
	*os.Process
	stream *duplex       // to its stdin and from its stdout
	done   chan struct{} // closed when it has ended with err
	err    error
}

// wait waits for its end, which must be of its own accord.
func (a *agentProcess) wait(t testing.TB) error {
	t.Helper()
	await(t, "the agent's end", a.done)
	return a.err
}

// startAgent starts the agent on pipes. It must end by itself when they close.
func startAgent(t testing.TB) *agentProcess {
	t.Helper()
	a, b := osPipes(t)
	cmd := exec.Command("agent")
	stderr := &bytes.Buffer{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Reader.(*os.File), a.Writer.(*os.File), stderr
	cmd.WaitDelay = limit
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.Close()
	p := &agentProcess{Process: cmd.Process, stream: b, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		b.Close()
		p.wait(t)
		if stderr.Len() > 0 && !t.Failed() {
			t.Errorf("the agent said %q", stderr)
		}
	})
	return p
}

// newProcessHost is such an agent, and its client.
func newProcessHost(t testing.TB) (*Client, *agentProcess) {
	t.Helper()
	noLeak(t)
	p := startAgent(t)
	return dialTest(t, p.stream), p
}

// eachHost runs a test with an agent over every kind of stream.
func eachHost(t *testing.T, f func(t *testing.T, c *Client)) {
	t.Run("socket pair", func(t *testing.T) { f(t, newHost(t)) })
	t.Run("pipes", func(t *testing.T) {
		noLeak(t)
		a, b := osPipes(t)
		serveTest(t, a)
		f(t, dialTest(t, b))
	})
	t.Run("synchronous pipe", func(t *testing.T) {
		noLeak(t)
		a, b := net.Pipe()
		serveTest(t, a)
		f(t, dialTest(t, b))
	})
	t.Run("process", func(t *testing.T) {
		c, _ := newProcessHost(t)
		f(t, c)
	})
}

// A ran is what a program left.
type ran struct {
	Status   Status
	Out, Err string
}

// run runs a program to its end.
func run(t testing.TB, c *Client, cmd Command) ran {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	p, err := c.Start(testContext(t), cmd)
	if err != nil {
		t.Fatal(err)
	}
	status, err := p.Wait()
	if err != nil {
		t.Fatalf("%q: %v (printed %d bytes, and %.200q)", cmd.Args, err, out.Len(), errs.String())
	}
	return ran{status, out.String(), errs.String()}
}

// A lines is a writer whose lines can be waited for.
type lines struct {
	r *io.PipeReader
	w *io.PipeWriter
	c chan string
}

func newLines(t testing.TB) *lines {
	l := &lines{c: make(chan string, 1000)}
	l.r, l.w = io.Pipe()
	go func() {
		defer close(l.c)
		var buf []byte
		b := make([]byte, 1000)
		for {
			n, err := l.r.Read(b)
			buf = append(buf, b[:n]...)
			for {
				line, rest, ok := bytes.Cut(buf, []byte("\n"))
				if !ok {
					break
				}
				l.c <- strings.TrimRight(string(line), "\r")
				buf = rest
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		l.w.Close()
		for range l.c {
		}
	})
	return l
}

func (l *lines) Write(b []byte) (int, error) { return l.w.Write(b) }

// next waits for the next line.
func (l *lines) next(t testing.TB) string {
	t.Helper()
	select {
	case line := <-l.c:
		return line
	case <-time.After(limit):
		t.Fatalf("no line within %v", limit)
		return ""
	}
}

// A typed is a stdin that the test types.
type typed struct {
	*io.PipeReader
	w *io.PipeWriter
}

func newKeys(t testing.TB) typed {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return typed{r, w}
}

func kill(t testing.TB, pid int) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Error(err)
	}
}
