package book

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"hostlab/lab/program"
)

// asProgram, when it is set, makes the test binary one of the book's programs,
// so that tests can start one as a process of its own.
const asProgram = "HOSTLAB_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if name := os.Getenv(asProgram); name != "" {
		std := program.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
		os.Exit(find(name).Run(context.Background(), std, os.Args[1:]...))
	}
	os.Exit(m.Run())
}

func find(name string) program.Program {
	for _, p := range Programs() {
		if p.Name == name {
			return p
		}
	}
	panic("no program " + name)
}

// process returns a program as a process that is not started yet.
func process(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"="+name)
	return cmd
}

// limit is how long a test waits for anything. It never makes anything pass.
const limit = 20 * time.Second

// lines is a stream that a test reads line by line.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	text, ok := strings.CutSuffix(string(p), "\n")
	if !ok {
		panic(fmt.Sprintf("wrote %q, which ends in the middle of a line", p))
	}
	for _, line := range strings.Split(text, "\n") {
		l <- line
	}
	return len(p), nil
}

// rest returns what nobody has read yet.
func (l lines) rest() (all []string) {
	for len(l) > 0 {
		all = append(all, <-l)
	}
	return all
}

// A running program is one that a test started in its own process.
type running struct {
	t        *testing.T
	name     string
	out, err lines
	done     chan struct{} // closed at the end
	status   int           // then
	cancel   context.CancelFunc
	repeats  string // a line that may come again before the end
}

// start runs a program until it ends or the test does.
func start(t *testing.T, name string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{
		t: t, name: name, cancel: cancel,
		out: make(lines, 4096), err: make(lines, 4096), done: make(chan struct{}),
	}
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.done:
		case <-time.After(limit):
			t.Errorf("%s %q: still runs %v after its context was canceled", name, args, limit)
		}
	})
	go func() {
		defer close(r.done)
		r.status = find(name).Run(ctx, program.Stdio{In: strings.NewReader(""), Out: r.out, Err: r.err}, args...)
	}()
	return r
}

func (r *running) next(from lines, what string) string {
	r.t.Helper()
	select {
	case line := <-from:
		return line
	case <-r.done:
		if len(from) > 0 {
			return <-from
		}
		r.t.Fatalf("%s: ended without a line on %s; unread: %q, %q", r.name, what, r.out.rest(), r.err.rest())
		return ""
	case <-time.After(limit):
		r.t.Fatalf("%s: no line on %s in %v; unread: %q, %q", r.name, what, limit, r.out.rest(), r.err.rest())
		return ""
	}
}

// line returns the next line of standard output.
func (r *running) line() string { r.t.Helper(); return r.next(r.out, "standard output") }

// errLine returns the next line of standard error.
func (r *running) errLine() string { r.t.Helper(); return r.next(r.err, "standard error") }

// want checks the next lines of standard output.
func (r *running) want(want ...string) {
	r.t.Helper()
	for _, w := range want {
		if got := r.line(); got != w {
			r.t.Errorf("%s: printed %q; want %q", r.name, got, w)
		}
	}
}

// wantErr checks the next line of standard error.
func (r *running) wantErr(want string) {
	r.t.Helper()
	if got := r.errLine(); got != want {
		r.t.Errorf("%s: complained %q; want %q", r.name, got, want)
	}
}

// match checks the next line of standard output against a pattern and returns
// what its groups matched.
func (r *running) match(pattern string) []string {
	r.t.Helper()
	line := r.line()
	m := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(line)
	if m == nil {
		r.t.Fatalf("%s: printed %q; want a match of %q", r.name, line, pattern)
	}
	return m[1:]
}

// afterWaits reads the lines that a client of udp_remote prints as it waits, and
// returns the one after them. How many they are, when a reply comes at once, is
// up to how busy the machine is.
func (r *running) afterWaits() string {
	r.t.Helper()
	for wait := 0.1; ; wait *= 2 {
		line := r.line()
		if !strings.HasPrefix(line, "Waiting") {
			return line
		}
		if want := fmt.Sprintf("Waiting up to %v seconds for a reply", wait); line != want {
			r.t.Errorf("%s: printed %q; want %q", r.name, line, want)
		}
	}
}

// says reads what a client of udp_remote prints up to the reply.
func (r *running) says(want string) {
	r.t.Helper()
	if got := r.afterWaits(); got != "The server says "+want {
		r.t.Errorf("%s: printed %q; want %q", r.name, got, "The server says "+want)
	}
}

// hears checks the next line of a server. The client may have been impatient,
// so the line may come again.
func (r *running) hears(want string) {
	r.t.Helper()
	r.want(want)
	r.repeats = want
}

// wait returns the program's exit status.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(limit):
		r.t.Fatalf("%s: no end in %v", r.name, limit)
	}
	return r.status
}

// end waits for the program's end, checks its status and that every line it
// printed has been read.
func (r *running) end(want int) {
	r.t.Helper()
	if got := r.wait(); got != want {
		r.t.Errorf("%s: exit status %d; want %d", r.name, got, want)
	}
	for len(r.out)+len(r.err) > 0 {
		select {
		case line := <-r.out:
			if line == r.repeats {
				continue
			}
			r.t.Errorf("%s: also printed %q", r.name, line)
		case line := <-r.err:
			r.t.Errorf("%s: also complained %q", r.name, line)
		}
	}
}

// stop cancels a server, which then ends without a word.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	r.end(1)
}

// server starts a server on a port that the kernel chooses, reads the line that
// says so, and returns the port.
func server(t *testing.T, name, iface string, args ...string) (*running, string) {
	t.Helper()
	r := start(t, name, append([]string{"server", iface, "-p", "0"}, args...)...)
	return r, r.match(`Listening (?:for datagrams )?at \('.*', (\d+)\)`)[0]
}

// peerUDP is a socket of the test's own on loopback.
func peerUDP(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(limit))
	return conn, addrPort(conn.LocalAddr())
}

func portOf(a netip.AddrPort) string { return fmt.Sprint(a.Port()) }

// loopback returns the address of a port on 127.0.0.1.
func loopback(t *testing.T, port string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort("127.0.0.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// freePort returns a port of loopback that was free for UDP and TCP a moment
// ago and lies outside the range from which the kernel gives ports to clients.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		p := 1024 + rand.IntN(20000)
		u, uerr := net.ListenUDP("udp4", &net.UDPAddr{Port: p})
		l, lerr := net.ListenTCP("tcp4", &net.TCPAddr{Port: p})
		if uerr == nil {
			u.Close()
		}
		if lerr == nil {
			l.Close()
		}
		if uerr == nil && lerr == nil {
			return fmt.Sprint(p)
		}
	}
	t.Fatal("no free port in 1000 tries")
	return ""
}

// needIPv6 skips a test where loopback has no IPv6.
func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no ::1: %v", err)
	}
	l.Close()
}
