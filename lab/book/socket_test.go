package book

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

var servers = []string{"udp_remote", "udp_local", "udp_broadcast", "tcp_sixteen", "tcp_deadlock"}

// Two servers on one port: two addresses are two places, and everything is all
// of them.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	for _, name := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			first := start(t, name, "server", "127.0.0.1", "-p", port)
			first.match(`Listening .*'127.0.0.1', ` + port + `\)`)
			second := start(t, name, "server", "127.0.0.2", "-p", port)
			second.match(`Listening .*'127.0.0.2', ` + port + `\)`)
			for _, iface := range []string{"127.0.0.1", "0.0.0.0", ""} {
				third := start(t, name, "server", iface, "-p", port)
				third.wantErr(name + ": Address already in use")
				third.end(1)
			}
		})
	}
}

// The wildcard first, then an address of it.
func TestAddressInUseOtherOrder(t *testing.T) {
	first, port := server(t, "udp_remote", "")
	second := start(t, "udp_remote", "server", "127.0.0.1", "-p", port)
	second.wantErr("udp_remote: Address already in use")
	second.end(1)
	first.stop()
	second = start(t, "udp_remote", "server", "127.0.0.1", "-p", port)
	second.want("Listening at ('127.0.0.1', " + port + ")")
	second.stop()
}

// When a server has ended, the kernel has its address back. This and the other
// tests that take an address again do not run in parallel: a process that
// another test just starts holds copies of all sockets until its exec(2).
func TestReleased(t *testing.T) {
	for _, name := range servers {
		port := freePort(t)
		for range 100 {
			r := start(t, name, "server", "127.0.0.1", "-p", port, "--reuse-addr=false")
			r.match(`Listening .*`)
			r.cancel()
			r.wait()
		}
	}
}

// With SO_REUSEADDR or SO_REUSEPORT on both they share; the more specific
// address wins. With it on one only they do not.
func TestReuse(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"--reuse-addr", "--reuse-port"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			all, port := server(t, "udp_remote", "", option)
			plain := start(t, "udp_remote", "server", "127.0.0.1", "-p", port)
			plain.wantErr("udp_remote: Address already in use")
			plain.end(1)
			one := start(t, "udp_remote", "server", "127.0.0.1", "-p", port, option)
			one.want("Listening at ('127.0.0.1', " + port + ")")
			for host, hears := range map[string]*running{"127.0.0.1": one, "127.0.0.2": all} {
				client := start(t, "udp_remote", "client", host, "-p", port)
				name := client.match(`Client socket name is \('(.*', \d+)\)`)[0]
				hears.want("The client at ('" + name + ") says 'This is another message'")
			}
		})
	}
}

// A TCP server asks for SO_REUSEADDR as its listing does, so that a port with a
// connection in TIME_WAIT can be had again; without the option it can't.
func TestReuseTCP(t *testing.T) {
	srv, port := server(t, "tcp_sixteen", "127.0.0.1")
	srv.want("Waiting to accept a new connection")
	conn := dial(t, port)
	fmt.Fprint(conn, "Hi there, server")
	if _, err := io.ReadAll(conn); err != nil { // to the end: the server closed first
		t.Fatal(err)
	}
	conn.Close()
	for range 6 {
		srv.line()
	}
	srv.stop() // its end of the connection is now in TIME_WAIT
	plain := start(t, "tcp_sixteen", "server", "127.0.0.1", "-p", port, "--reuse-addr=false")
	plain.wantErr("tcp_sixteen: Address already in use")
	plain.end(1)
	again := start(t, "tcp_sixteen", "server", "127.0.0.1", "-p", port)
	again.want("Listening at ('127.0.0.1', "+port+")", "Waiting to accept a new connection")
	again.stop()
}

func TestV6Only(t *testing.T) {
	needIPv6(t)
	for _, name := range []string{"udp_remote", "tcp_sixteen"} {
		port := freePort(t)
		dual := start(t, name, "server", "::", "-p", port)
		dual.match(`Listening at .*`)
		v4 := start(t, name, "server", "0.0.0.0", "-p", port)
		v4.wantErr(name + ": Address already in use")
		v4.end(1)
		dual.cancel()
		dual.wait()

		only := start(t, name, "server", "::", "-p", port, "--v6only")
		only.match(`Listening at .*`)
		v4 = start(t, name, "server", "0.0.0.0", "-p", port)
		v4.want("Listening at ('0.0.0.0', " + port + ")")
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	needIPv6(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"client", "fe80::1"}, "udp_remote: Invalid argument"},
		{[]string{"server", "fe80::1"}, "udp_remote: Invalid argument"},
		{[]string{"client", "fe80::1%nosuch0"}, "udp_remote: Name or service not known: fe80::1%nosuch0"},
		{[]string{"server", "fe80::1%99999"}, "udp_remote: Name or service not known: fe80::1%99999"},
	} {
		r := start(t, "udp_remote", tt.args...)
		r.wantErr(tt.want)
		r.end(1)
	}
	addr, ok := linkLocal(t)
	if !ok {
		t.Skip("no interface of this machine has a link-local IPv6 address to try")
	}
	srv := start(t, "udp_remote", "server", addr.String(), "-p", "0")
	port := srv.match(`Listening at \('` + addr.String() + `', (\d+)\)`)[0]
	client := start(t, "udp_remote", "client", addr.String(), "-p", port)
	client.match(`Client socket name is \('` + addr.String() + `', \d+\)`)
	client.says("'Your data was 23 bytes'")
	client.end(0)
}

// linkLocal returns an address of this machine such as fe80::1%eth0.
func linkLocal(t *testing.T) (netip.Addr, bool) {
	t.Helper()
	ifaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range ifaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && i.Flags&net.FlagUp != 0 && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				return p.Addr().WithZone(i.Name), true
			}
		}
	}
	return netip.Addr{}, false
}

// An address of somebody else (RFC 5737), and a name that nobody has: a label of
// 64 octets, so that no resolver need be asked.
func TestNoSuchPlace(t *testing.T) {
	t.Parallel()
	nobody := strings.Repeat("n", 64)
	for _, name := range servers {
		r := start(t, name, "server", "192.0.2.1")
		r.wantErr(name + ": Cannot assign requested address")
		r.end(1)
		for _, role := range []string{"server", "client"} {
			r = start(t, name, role, nobody)
			r.wantErr(name + ": Name or service not known: " + nobody)
			r.end(1)
		}
	}
	r := start(t, "big_sender", nobody)
	r.wantErr("big_sender: Name or service not known: " + nobody)
	r.end(1)
}

// A slowCloser takes its time to close.
type slowCloser struct {
	began, finish chan struct{}
	closed        atomic.Bool
}

func (c *slowCloser) Close() error {
	close(c.began)
	<-c.finish
	c.closed.Store(true)
	return nil
}

// The caller goes on only when a close that ctx began has ended.
func TestCloseAfterWaits(t *testing.T) {
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		c := &slowCloser{began: make(chan struct{}), finish: make(chan struct{})}
		release := closeAfter(ctx, c)
		cancel()
		<-c.began
		go close(c.finish)
		release()
		if !c.closed.Load() {
			t.Fatal("release returned while the socket was still closing")
		}
	}
}

func TestPreferred(t *testing.T) {
	for _, tt := range []struct{ addrs, want string }{
		{"::1 127.0.0.1", "127.0.0.1"},
		{"192.168.5.130 2001:db8::1", "192.168.5.130"},
		{"2001:db8::1 ::ffff:192.168.5.130", "::ffff:192.168.5.130"},
		{"2001:db8::2 2001:db8::1", "2001:db8::2"},
	} {
		var addrs []netip.Addr
		for _, a := range strings.Fields(tt.addrs) {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		if got := preferred(addrs); got.String() != tt.want {
			t.Errorf("of %s: %v; want %s", tt.addrs, got, tt.want)
		}
	}
}

// A run that was canceled before it began opens nothing and says nothing.
func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{{"server", "127.0.0.1", "-p", "0"}, {"client", "127.0.0.1"}, {"client", "localhost"}} {
		out, err := make(lines, 10), make(lines, 10)
		if got := find("udp_remote").Run(ctx, stdio(out, err), args...); got != 1 || len(err) > 0 {
			t.Errorf("%q: exit status %d and %d complaints; want 1 and none", args, got, len(err))
		}
	}
}
