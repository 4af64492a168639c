//go:build linux

package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/prometheus/procfs"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// Calls under way when the host dies, and calls after it, all say ErrGone.
func TestHostDies(t *testing.T) {
	type killer func(t *testing.T) (*Client, func())
	ends := map[string]killer{
		"killed": func(t *testing.T) (*Client, func()) {
			c, host := newProcessHost(t)
			return c, func() {
				// Process 1 of a host takes all the others with it; this agent is
				// not, so the test does what the kernel would.
				host.Signal(unix.SIGSTOP)
				killAll(func(p procfs.Proc) bool { return descends(p, host.Pid) })
				host.Kill()
			}
		},
		"stream closed there": func(t *testing.T) (*Client, func()) {
			noLeak(t)
			a, b := socketPair(t)
			serveTest(t, a)
			return dialTest(t, b), func() { a.Close() }
		},
		"stream closed here": func(t *testing.T) (*Client, func()) {
			c := newHost(t)
			return c, func() { c.Close() }
		},
		"its output ends": func(t *testing.T) (*Client, func()) {
			noLeak(t)
			a, b := osPipes(t)
			serveTest(t, a)
			return dialTest(t, b), func() { a.closers[1].Close() }
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) { testHostDies(t, end) })
	}
}

func testHostDies(t *testing.T, end func(t *testing.T) (*Client, func())) {
	addr := reverseServer(t).String()
	c, die := end(t)
	ctx := testContext(t)
	p, out := start(t, ctx, c, Command{Args: []string{"hang"}})
	pid := pidOf(t, out.next(t))
	w := newWindow(t, c)
	expect(t, w, prompt)
	files, err := c.SFTP()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := c.DialHost(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	stdin, out2 := start(t, ctx, c, Command{Args: []string{"hang"}, Stdin: endless{}})
	out2.next(t)
	output, err := c.Start(ctx, Command{Args: []string{"copy"}, Stdin: endless{}})
	if err != nil {
		t.Fatal(err)
	}
	waits := map[string]func() error{
		"Wait":   func() error { _, err := p.Wait(); return err },
		"Next":   func() error { _, err := w.Next(ctx); return err },
		"Read":   func() error { _, err := io.ReadAll(conn); return orGone(err == nil, err) },
		"SFTP":   func() error { return orGone(files.Wait() != nil, err) },
		"Gone":   func() error { <-c.Gone(); return ErrGone },
		"Stdin":  func() error { _, err := stdin.Wait(); return err },
		"Output": func() error { _, err := output.Wait(); return err },
	}
	type result struct {
		name string
		err  error
	}
	got := make(chan result, len(waits))
	for name, wait := range waits {
		go func() { got <- result{name, wait()} }()
	}
	die()
	for range waits {
		select {
		case r := <-got:
			if !errors.Is(r.err, ErrGone) {
				t.Errorf("%s under way: %v; want ErrGone", r.name, r.err)
			}
		case <-time.After(limit):
			t.Fatalf("a call under way does not return\n%s", agentGoroutines(nil))
		}
	}
	poll(t, "the host's process ends", func() bool { return gone(t, pid) })
	callsAfterEnd(t, c, p, w, files)
}

// orGone makes ErrGone of an end that has no such error: a connection's EOF.
func orGone(ended bool, err error) error {
	if ended {
		return ErrGone
	}
	return err
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func callsAfterEnd(t *testing.T, c *Client, p *Process, w *Window, files *sftp.Client) {
	t.Helper()
	ctx := testContext(t)
	calls := map[string]func() error{
		"Start":    func() error { _, err := c.Start(ctx, Command{Args: []string{"say"}}); return err },
		"Window":   func() error { _, err := c.Window(ctx, "w"); return err },
		"SFTP":     func() error { _, err := c.SFTP(); return err },
		"DialHost": func() error { _, err := c.DialHost(ctx, "tcp", "127.0.0.1:1"); return err },
		"Wait":     func() error { _, err := p.Wait(); return err },
		"Signal":   func() error { return p.Signal("INT") },
		"Resize":   func() error { return p.Resize(1, 2) },
		"Type":     func() error { return w.Type("x") },
		"Key":      func() error { return w.Key(3) },
		"Next":     func() error { _, err := w.Next(ctx); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrGone) || !strings.HasPrefix(err.Error(), "agent: ") {
			t.Errorf("%s afterwards: %v; want ErrGone", name, err)
		}
	}
	if _, err := files.Stat("/"); err == nil {
		t.Error("Stat afterwards: no error")
	}
	if err := errors.Join(w.Close(), c.Close(), c.Close()); err != nil {
		t.Errorf("Close afterwards: %v", err)
	}
}

// A host that closed its input but says nothing and stays: only the client's
// writes break.
func TestHostReadsNoMore(t *testing.T) {
	noLeak(t)
	host, behind := osPipes(t)
	serveTest(t, host)
	client, front := osPipes(t)
	var copies sync.WaitGroup
	copies.Go(func() { io.Copy(behind.Writer, front.Reader) })
	copies.Go(func() { io.Copy(front.Writer, behind.Reader) })
	t.Cleanup(func() {
		behind.Close()
		front.Close()
		copies.Wait()
	})
	c := dialTest(t, client)
	p, out := start(t, testContext(t), c, Command{Args: []string{"hang"}})
	out.next(t)
	front.closers[0].Close()
	p.Signal("INT") // the write that breaks the stream
	if _, err := p.Wait(); !errors.Is(err, ErrGone) {
		t.Errorf("Wait: %v; want ErrGone", err)
	}
}

// A call that the SSH library never answers ends with the connection.
func TestOpenNeverAnswered(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	end := make(chan struct{})
	defer close(end)
	c := &Client{stream: newStream(a, 0), conn: mute{end: end}, gone: make(chan struct{})}
	defer c.Close()
	got := make(chan error, 1)
	go func() {
		_, err := c.open(testContext(t), "test", "session", nil)
		got <- err
	}()
	close(c.gone)
	if err := <-got; !errors.Is(err, ErrGone) {
		t.Errorf("open: %v; want ErrGone", err)
	}
}

// A mute connection does not answer before the test's end.
type mute struct {
	ssh.Conn
	end chan struct{}
}

func (m mute) OpenChannel(string, []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	<-m.end
	return nil, nil, io.EOF
}

// A host that is frozen, not gone, holds no call with a ctx.
func TestFrozenHost(t *testing.T) {
	c, host := newProcessHost(t)
	ctx, cancel := context.WithCancel(testContext(t))
	p, out := start(t, ctx, c, Command{Args: []string{"hang"}})
	out.next(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	if err := host.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 4)
	go func() { _, err := p.Wait(); got <- err }()
	go func() { _, err := w.Next(ctx); got <- err }()
	go func() { _, err := c.Start(ctx, Command{Args: []string{"say"}}); got <- err }()
	go func() { _, err := c.DialHost(ctx, "tcp", "127.0.0.1:1"); got <- err }()
	cancel()
	for range cap(got) {
		select {
		case err := <-got:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a call to a frozen host: %v; want %v", err, context.Canceled)
			}
		case <-time.After(limit):
			t.Fatal("a call to a frozen host does not return")
		}
	}
	if err := host.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got := run(t, c, Command{Args: []string{"say", "thawed", "", "0"}}); got.Out != "thawed" {
		t.Errorf("after the thaw: %+v", got)
	}
}
