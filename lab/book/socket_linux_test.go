package book

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// option reads a socket option.
func option(t *testing.T, c syscall.Conn, level, name int) int {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var gerr error
	if err := raw.Control(func(fd uintptr) { value, gerr = unix.GetsockoptInt(int(fd), level, name) }); err != nil {
		t.Fatal(err)
	}
	if gerr != nil {
		t.Fatal(gerr)
	}
	return value
}

// The sockets are plain ones, without what Go's net package adds.
func TestPlainSockets(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	home := netip.MustParseAddrPort("127.0.0.1:0")
	u, _, err := listenUDP(ctx, home, &sockopts{})
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := dialUDP(ctx, local(u), &sockopts{})
	if err != nil {
		t.Fatal(err)
	}
	l, _, err := listenTCP(ctx, home, &sockopts{})
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := dialTCP(ctx, addrPort(l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		c          syscall.Conn
		level, opt int
		want       int
	}{
		{"UDP server SO_BROADCAST", u, unix.SOL_SOCKET, unix.SO_BROADCAST, 0},
		{"UDP server SO_REUSEADDR", u, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0},
		{"UDP client SO_BROADCAST", c, unix.SOL_SOCKET, unix.SO_BROADCAST, 0},
		{"TCP server SO_REUSEADDR", l, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0},
		{"TCP server SO_PROTOCOL", l, unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP},
		{"TCP client SO_PROTOCOL", d, unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP},
		{"TCP client TCP_NODELAY", d, unix.IPPROTO_TCP, unix.TCP_NODELAY, 0},
		{"TCP client SO_KEEPALIVE", d, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
	} {
		if got := option(t, tt.c, tt.level, tt.opt); got != tt.want {
			t.Errorf("%s = %d; want %d", tt.name, got, tt.want)
		}
	}
	err = serveTCP(ctx, &output{}, l, func() {}, func(a *net.TCPConn) error {
		defer l.Close()
		if n := option(t, a, unix.IPPROTO_TCP, unix.TCP_NODELAY); n != 0 {
			t.Errorf("accepted TCP_NODELAY = %d; want 0", n)
		}
		if n := option(t, a, unix.SOL_SOCKET, unix.SO_KEEPALIVE); n != 0 {
			t.Errorf("accepted SO_KEEPALIVE = %d; want 0", n)
		}
		return nil
	})
	if err == nil {
		t.Error("serveTCP ended without an error though its listener was closed")
	}
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	needIPv6(t)
	for _, tt := range []struct {
		to          string
		discover    int
		level, name int
		want        int
	}{
		{"127.0.0.1:9", pmtuDo, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO},
		{"127.0.0.1:9", pmtuDont, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT},
		{"[::1]:9", pmtuDo, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO},
		{"[::1]:9", pmtuDont, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT},
	} {
		conn, release, err := dialUDP(t.Context(), netip.MustParseAddrPort(tt.to), &sockopts{discover: tt.discover})
		if err != nil {
			t.Fatal(err)
		}
		if got := option(t, conn, tt.level, tt.name); got != tt.want {
			t.Errorf("to %s, %d: IP_MTU_DISCOVER = %d; want %d", tt.to, tt.discover, got, tt.want)
		}
		release()
	}
}

// An unconnected socket hears that nobody listens only if it asks.
func TestRecvErr(t *testing.T) {
	t.Parallel()
	closed, addr := peerUDP(t)
	closed.Close()
	client := start(t, "udp_local", "client", "-p", portOf(addr), "--recv-err")
	client.match(`The OS assigned me the address \('0.0.0.0', \d+\)`)
	client.wantErr("udp_local: Connection refused")
	client.end(1)
	client = start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr), "--recv-err")
	client.line()
	client.want("Waiting up to 0.1 seconds for a reply")
	client.wantErr("udp_remote: Connection refused")
	client.end(1)
}

// Loopback's MTU is 65536: 65507 octets are the most that IPv4 can carry, and
// 65488 what IPv6 passes in one packet. Linux tells at most 65535 for IPv4.
func TestBigSender(t *testing.T) {
	t.Parallel()
	if mtu, err := os.ReadFile("/sys/class/net/lo/mtu"); err != nil || strings.TrimSpace(string(mtu)) != "65536" {
		t.Skipf("loopback's MTU is %q here (%v); this test counts on 65536", mtu, err)
	}
	_, addr := peerUDP(t)
	for _, tt := range []struct {
		args []string
		fits bool
	}{
		{[]string{"127.0.0.1"}, true},
		{[]string{"127.0.0.1", "0"}, true},
		{[]string{"127.0.0.1", "65507"}, true},
		{[]string{"127.0.0.1", "65508"}, false},
		{[]string{"127.0.0.1", "999999"}, false},
		{[]string{"::1"}, true},
		{[]string{"::1", "65488"}, true},
		{[]string{"::1", "65489"}, false},
		{[]string{"::1", "65489", "--fragment"}, true},
	} {
		if tt.args[0] == "::1" {
			needIPv6(t)
		}
		r := start(t, "big_sender", append(tt.args, "-p", portOf(addr))...)
		if tt.fits {
			r.want("The big datagram was sent!")
		} else {
			mtu := map[string]string{"127.0.0.1": "65535", "::1": "65536"}[tt.args[0]]
			r.want("Alas, the datagram did not make it", "Actual MTU: "+mtu)
		}
		r.end(0)
	}
}

// The texts are the C library's.
func TestErrnoAsC(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(python(t), "-c",
		"import errno, os\nfor n in sorted(errno.errorcode): print(n, errno.errorcode[n], os.strerror(n))").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		var number int
		var name string
		fmt.Sscan(line, &number, &name)
		text := strings.TrimSpace(line[strings.Index(line, name)+len(name):])
		_, gotName, gotText, ok := errno(fmt.Errorf("x: %w", syscall.Errno(number)))
		if !ok || gotText != text || (gotName != name && !alias[name]) {
			t.Errorf("errno %d is %s %q; C has %s %q", number, gotName, gotText, name, text)
		}
		n++
	}
	if n < 100 {
		t.Errorf("Python knows %d errors; want more than 100", n)
	}
}

// alias holds the second names of errors that have two.
var alias = map[string]bool{"EDEADLOCK": true, "EWOULDBLOCK": true, "ENOTSUP": true, "EUCLEAN": true}

// Ctrl-C ends a server at once, by the signal's default action.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, name := range servers {
		cmd := process(t, name, "server", "127.0.0.1", "-p", "0")
		out, errs := make(lines, 10), make(lines, 10)
		cmd.Stdout, cmd.Stderr = out, errs
		t.Cleanup(func() { cmd.Process.Kill() })
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r := &running{t: t, name: name, out: out, err: errs}
		r.match(`Listening .*`)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGINT {
			t.Errorf("%s: ended with %v; want by SIGINT", name, cmd.ProcessState)
		}
		if len(errs) > 0 {
			t.Errorf("%s: complained %q", name, <-errs)
		}
	}
}

// Linux gives twice what is asked for, and its least when that is less.
func TestRecvBuffer(t *testing.T) {
	t.Parallel()
	conn, release, err := listenUDP(t.Context(), loopback(t, "0"), &sockopts{recvBuffer: 10000})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if got, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); got != 20000 || err != nil {
			t.Errorf("SO_RCVBUF is %d, %v; want 20000", got, err)
		}
	})
}
