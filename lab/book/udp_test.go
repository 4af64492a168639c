package book

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"hostlab/lab/program"
)

// Page 30 on loopback: 127.0.0.1 and 127.0.0.2 stand for two addresses of one
// machine.
func TestUDPRemote(t *testing.T) {
	t.Parallel()
	srv, port := server(t, "udp_remote", "127.0.0.1")
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", port)
	name := client.match(`Client socket name is (\('127.0.0.1', \d+\))`)[0]
	client.says("'Your data was 23 bytes'")
	client.end(0)
	srv.hears("The client at " + name + " says 'This is another message'")
	srv.stop()
}

func TestUDPRemoteServerAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ iface, listens, from string }{
		{"127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"", "0.0.0.0", "127.0.0.1"},
		{"0.0.0.0", "0.0.0.0", "127.0.0.1"},
		{"localhost", "127.0.0.1", "127.0.0.1"},
		{"::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"::1", "::1", "::1"},
		{"::", "::", "::1"},
		{"::", "::", "127.0.0.1"}, // takes IPv4 too, as ::ffff:127.0.0.1
	} {
		t.Run(tt.iface+" from "+tt.from, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(tt.listens, "::") {
				needIPv6(t)
			}
			srv := start(t, "udp_remote", "server", tt.iface, "-p", "0")
			port := srv.match(`Listening at \('` + tt.listens + `', (\d+)\)`)[0]
			client := start(t, "udp_remote", "-p", port, "client", tt.from)
			name := client.match(`Client socket name is \('` + tt.from + `', (\d+)\)`)[0]
			client.says("'Your data was 23 bytes'")
			client.end(0)
			seen := tt.from
			if tt.listens == "::" && tt.from == "127.0.0.1" {
				seen = "::ffff:127.0.0.1"
			}
			srv.hears("The client at ('" + seen + "', " + name + ") says 'This is another message'")
			srv.stop()
		})
	}
}

// Nobody listens: the kernel refuses, and the connected client hears of it.
func TestUDPRemoteRefused(t *testing.T) {
	t.Parallel()
	closed, addr := peerUDP(t)
	closed.Close()
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr))
	client.match(`Client socket name is \('127.0.0.1', \d+\)`)
	client.want("Waiting up to 0.1 seconds for a reply")
	client.wantErr("udp_remote: Connection refused")
	client.end(1)
}

// A server that hears and stays silent: five sends and 3.1 s of patience.
// TestJSONDown has the time of each.
func TestUDPRemoteBackOff(t *testing.T) {
	t.Parallel()
	silent, addr := peerUDP(t)
	began := time.Now()
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr))
	client.match(`Client socket name is .*`)
	for _, wait := range []string{"0.1", "0.2", "0.4", "0.8", "1.6"} {
		client.want("Waiting up to " + wait + " seconds for a reply")
		if got := receive(t, silent); got != "This is another message" {
			t.Errorf("the client sent %q", got)
		}
	}
	client.wantErr("I think the server is down")
	client.end(1)
	if d := time.Since(began); d < 3100*time.Millisecond {
		t.Errorf("gave up after %v; want 3.1 s", d)
	}
}

// Less patience means fewer waits; one that takes just as long is among them.
func TestUDPRemotePatience(t *testing.T) {
	t.Parallel()
	silent, addr := peerUDP(t)
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr), "--patience", "200ms")
	client.match(`Client socket name is .*`)
	for _, wait := range []string{"0.1", "0.2"} {
		client.want("Waiting up to " + wait + " seconds for a reply")
		receive(t, silent)
	}
	client.wantErr("I think the server is down")
	client.end(1)
}

// When a server says who asked, the reply has gone: a lesson that sees the line
// looks at the cable then.
func TestUDPRemoteSaysBehindReply(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	conn, _ := peerUDP(t)
	var lines []string
	out := writerFunc(func(b []byte) (int, error) {
		lines = append(lines, strings.TrimSuffix(string(b), "\n"))
		if m := regexp.MustCompile(`^Listening at \('127.0.0.1', (\d+)\)`).FindSubmatch(b); m != nil {
			send(t, conn, string(m[1]), "anybody?")
			return len(b), nil
		}
		defer cancel()
		conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		reply := make([]byte, 100)
		n, err := conn.Read(reply)
		if err != nil || string(reply[:n]) != "Your data was 8 bytes" {
			t.Errorf("when it says %q, the reply is %q, %v", b, reply[:n], err)
		}
		return len(b), nil
	})
	udpRemote.run(ctx, program.Stdio{Out: out, Err: out}, "server", "127.0.0.1", "-p", "0")
	if len(lines) != 2 || !strings.HasSuffix(lines[1], "says 'anybody?'") {
		t.Errorf("it said %q", lines)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// A late answer to the first request is as good as one to the second.
func TestUDPRemoteLateReply(t *testing.T) {
	t.Parallel()
	conn, addr := peerUDP(t)
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr))
	name := client.match(`Client socket name is \('127.0.0.1', (\d+)\)`)[0]
	client.want("Waiting up to 0.1 seconds for a reply", "Waiting up to 0.2 seconds for a reply")
	send(t, conn, name, "")
	got := client.line()
	for strings.HasPrefix(got, "Waiting") { // this test was slow to answer
		got = client.line()
	}
	if want := "The server says ''"; got != want {
		t.Errorf("printed %q; want %q", got, want)
	}
	client.end(0)
}

// The connected client never sees what a stranger sends to its port.
func TestUDPRemoteForgery(t *testing.T) {
	t.Parallel()
	real, addr := peerUDP(t)
	forger, _ := peerUDP(t)
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr))
	name := client.match(`Client socket name is \('127.0.0.1', (\d+)\)`)[0]
	receive(t, real)
	send(t, forger, name, "I am the server")
	send(t, real, name, "no, I am")
	client.says("'no, I am'")
	client.end(0)
}

// The unconnected client believes the first who speaks, and does not hear that
// its server is not there.
func TestUDPLocalForgery(t *testing.T) {
	t.Parallel()
	closed, addr := peerUDP(t)
	closed.Close()
	forger, me := peerUDP(t)
	client := start(t, "udp_local", "client", "-p", portOf(addr))
	name := client.match(`The OS assigned me the address \('0.0.0.0', (\d+)\)`)[0]
	send(t, forger, name, `I'm the server, "believe me"`)
	client.want("The server " + tuple(me) + ` replied 'I\'m the server, "believe me"'`)
	client.end(0)
}

func TestUDPLocal(t *testing.T) {
	t.Parallel()
	srv := start(t, "udp_local", "server", "-p", "0")
	port := srv.match(`Listening at \('127.0.0.1', (\d+)\)`)[0]
	client := start(t, "udp_local", "client", "-p", port)
	name := client.match(`The OS assigned me the address \('0.0.0.0', (\d+)\)`)[0]
	client.want("The server ('127.0.0.1', " + port + ") replied 'Your data was 38 bytes'")
	client.end(0)
	srv.match(`The client at \('127.0.0.1', ` + name + `\) says 'The time is \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}'`)
	srv.stop()
}

// Other than the listing: an interface and a host.
func TestUDPLocalElsewhere(t *testing.T) {
	t.Parallel()
	needIPv6(t)
	srv := start(t, "udp_local", "server", "::1", "-p", "0")
	port := srv.match(`Listening at \('::1', (\d+)\)`)[0]
	client := start(t, "udp_local", "client", "::1", "-p", port)
	client.match(`The OS assigned me the address \('::', \d+\)`)
	client.want("The server ('::1', " + port + ") replied 'Your data was 38 bytes'")
	client.end(0)
	srv.line()
	srv.stop()
}

// What a client may send, a server answers and goes on.
func TestUDPServerSurvives(t *testing.T) {
	t.Parallel()
	srv, port := server(t, "udp_remote", "127.0.0.1")
	for _, tt := range []struct{ name, text, want string }{
		{"an empty datagram", "", "''"},
		{"text that is not ASCII", "caf\u00e9", `'caf\xc3\xa9'`},
		{"terminal codes", "\x1b]0;owned\x07\nThe client", `'\x1b]0;owned\x07\nThe client'`},
		{"more than 2048 octets", strings.Repeat("#", 3000), "'" + strings.Repeat("#", 3000) + "'"},
		{"the largest datagram", strings.Repeat("x", 65507), "'" + strings.Repeat("x", 65507) + "'"},
		{"a plain one, after all these", "hello", "'hello'"},
	} {
		conn, me := peerUDP(t)
		send(t, conn, port, tt.text)
		if got, want := srv.line(), "The client at "+tuple(me)+" says "+tt.want; got != want {
			t.Errorf("%s: printed %.200q; want %.200q", tt.name, got, want)
		}
		if got, want := receive(t, conn), "Your data was "+strconv.Itoa(len(tt.text))+" bytes"; got != want {
			t.Errorf("%s: reply %q; want %q", tt.name, got, want)
		}
	}
	// A client that is gone when the answer comes: its kernel sends ICMP port
	// unreachable, which is no business of the server's.
	gone, me := peerUDP(t)
	for range 3 {
		send(t, gone, port, "adieu")
	}
	gone.Close()
	for range 3 {
		srv.want("The client at " + tuple(me) + " says 'adieu'")
	}
	conn, me := peerUDP(t)
	send(t, conn, port, "still there?")
	srv.want("The client at " + tuple(me) + " says 'still there?'")
	srv.stop()
}

// A sender may claim port 0 with a raw socket; the answer can't be sent.
func TestAcknowledgeFails(t *testing.T) {
	t.Parallel()
	conn, _ := peerUDP(t)
	errs := make(lines, 1)
	out := &output{name: "udp_remote", err: errs}
	acknowledge(out, conn, []byte("x"), netip.MustParseAddrPort("127.0.0.1:0"))
	if got, want := <-errs, "udp_remote: ('127.0.0.1', 0): Invalid argument"; got != want {
		t.Errorf("complained %q; want %q", got, want)
	}
}

// A socket that fails for ever ends the server, but not at the first error.
func TestServeUDPGivesUp(t *testing.T) {
	t.Parallel()
	conn, _ := peerUDP(t)
	conn.SetReadDeadline(time.Unix(1, 0)) // each read fails at once
	errs := make(lines, 100)
	err := serveUDP(t.Context(), &output{name: "x", err: errs}, conn, &sockopts{}, nil)
	if err == nil || len(errs) != maxTroubles {
		t.Errorf("ended with %v after %d complaints; want an error after %d", err, len(errs), maxTroubles)
	}
}

// 127.255.255.255 is loopback's broadcast address on Linux.
func TestUDPBroadcast(t *testing.T) {
	t.Parallel()
	needLoopbackBroadcast(t)
	srv := start(t, "udp_broadcast", "server", "", "-p", "0")
	port := srv.match(`Listening for datagrams at \('0.0.0.0', (\d+)\)`)[0]
	start(t, "udp_broadcast", "client", "127.255.255.255", "-p", port).end(0)
	srv.match(`The client at \('127\.0\.0\.1', \d+\) says: 'Broadcast datagram!'`)

	// Without SO_BROADCAST the kernel refuses, also a connected socket.
	client := start(t, "udp_broadcast", "client", "127.255.255.255", "-p", port, "--no-broadcast-option")
	client.wantErr("udp_broadcast: Permission denied")
	client.end(1)
	client = start(t, "udp_remote", "client", "127.255.255.255", "-p", port)
	client.wantErr("udp_remote: Permission denied")
	client.end(1)

	// To one machine it is a datagram like any other, and nobody answers.
	start(t, "udp_broadcast", "client", "127.0.0.1", "-p", port, "--no-broadcast-option").end(0)
	srv.match(`The client at \('127\.0\.0\.1', \d+\) says: 'Broadcast datagram!'`)
	srv.stop()
}

// A server on its own address does not hear a broadcast; one on the broadcast
// address does. Both are asked once more afterwards, by an address of their
// own, so that silence shows.
func TestUDPBroadcastBound(t *testing.T) {
	t.Parallel()
	needLoopbackBroadcast(t)
	port := freePort(t)
	one := start(t, "udp_broadcast", "server", "127.0.0.1", "-p", port)
	one.want("Listening for datagrams at ('127.0.0.1', " + port + ")")
	all := start(t, "udp_broadcast", "server", "127.255.255.255", "-p", port)
	all.want("Listening for datagrams at ('127.255.255.255', " + port + ")")
	start(t, "udp_broadcast", "client", "127.255.255.255", "-p", port).end(0)
	conn, me := peerUDP(t)
	send(t, conn, port, "alone")
	all.match(`The client at \('127\.0\.0\.1', \d+\) says: 'Broadcast datagram!'`)
	one.want("The client at " + tuple(me) + " says: 'alone'")
	one.stop()
	all.stop()
}

func needLoopbackBroadcast(t *testing.T) {
	t.Helper()
	srv, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	to := netip.AddrPortFrom(netip.MustParseAddr("127.255.255.255"), addrPort(srv.LocalAddr()).Port())
	srv.SetDeadline(time.Now().Add(limit))
	buf := make([]byte, 8)
	if _, err = srv.WriteToUDPAddrPort([]byte("probe"), to); err == nil {
		_, _, err = srv.ReadFromUDPAddrPort(buf)
	}
	if err != nil || !bytes.HasPrefix(buf, []byte("probe")) {
		t.Skipf("loopback of this machine takes no broadcast: %v", err)
	}
}
