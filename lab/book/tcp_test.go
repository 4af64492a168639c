package book

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTCPSixteen(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			if host == "::1" {
				needIPv6(t)
			}
			srv, port := server(t, "tcp_sixteen", host)
			srv.want("Waiting to accept a new connection")
			for range 2 {
				client := start(t, "tcp_sixteen", "client", host, "-p", port)
				name := client.match(`Client has been assigned socket name (\('` + host + `', \d+\))`)[0]
				client.want("The server said b'Farewell, client'")
				client.end(0)
				srv.want(
					"We have accepted a connection from "+name,
					"  Socket name: ('"+host+"', "+port+")",
					"  Socket peer: "+name,
					"  Incoming sixteen-octet message: b'Hi there, server'",
					"  Reply sent, socket closed",
					"Waiting to accept a new connection")
			}
			srv.stop()
		})
	}
}

// accepted reads the lines up to the message.
func accepted(srv *running, name string, conn net.Conn) {
	srv.t.Helper()
	me := tuple(local(conn))
	srv.want("We have accepted a connection from "+me, "  Socket name: "+name, "  Socket peer: "+me)
}

func dial(t *testing.T, port string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(limit))
	return conn.(*net.TCPConn)
}

// A server goes on to the next client whatever the one before did.
func TestTCPSixteenServerSurvives(t *testing.T) {
	t.Parallel()
	srv, port := server(t, "tcp_sixteen", "127.0.0.1")
	at := "('127.0.0.1', " + port + ")"
	srv.want("Waiting to accept a new connection")

	short := dial(t, port)
	fmt.Fprint(short, "Hi")
	short.CloseWrite()
	accepted(srv, at, short)
	srv.wantErr("tcp_sixteen: " + tuple(local(short)) + ": connection closed after 2 of 16 bytes")
	srv.want("Waiting to accept a new connection")

	reset := dial(t, port)
	accepted(srv, at, reset)
	reset.SetLinger(0)
	reset.Close()
	srv.wantErr("tcp_sixteen: " + tuple(local(reset)) + ": Connection reset by peer")
	srv.want("Waiting to accept a new connection")

	// In pieces, not ASCII, and more than asked for.
	odd := dial(t, port)
	accepted(srv, at, odd)
	for _, piece := range []string{"\xff\x00", "it's a", "\n", "message"} {
		fmt.Fprint(odd, piece)
	}
	srv.want(`  Incoming sixteen-octet message: b"\xff\x00it's a\nmessage"`,
		"  Reply sent, socket closed", "Waiting to accept a new connection")
	if reply, _ := io.ReadAll(odd); string(reply) != "Farewell, client" {
		t.Errorf("reply %q", reply)
	}

	// One who connects and says nothing is served until the server is stopped.
	mute := dial(t, port)
	accepted(srv, at, mute)
	srv.stop()
}

func TestTCPSixteenClientFails(t *testing.T) {
	t.Parallel()
	client := start(t, "tcp_sixteen", "client", "127.0.0.1", "-p", freePort(t))
	client.wantErr("tcp_sixteen: Connection refused")
	client.end(1)

	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client = start(t, "tcp_sixteen", "client", "127.0.0.1", "-p", portOf(addrPort(l.Addr())))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(conn, make([]byte, 16))
	fmt.Fprint(conn, "Fare")
	conn.Close()
	client.match(`Client has been assigned socket name .*`)
	client.wantErr("tcp_sixteen: connection closed after 4 of 16 bytes")
	client.end(1)
}

func TestTCPDeadlockSmall(t *testing.T) {
	t.Parallel()
	srv, port := server(t, "tcp_deadlock", "127.0.0.1")
	for _, tt := range []struct {
		bytes       []string
		sent, first string
	}{
		{nil, "16", "CAPITALIZE THIS!"},
		{[]string{"0"}, "0", ""},
		{[]string{"1"}, "16", "CAPITALIZE THIS!"},
		{[]string{"17"}, "32", "CAPITALIZE THIS!CAPITALIZE THIS!"},
		{[]string{"100000"}, "100000", "CAPITALIZE THIS!CAPITALIZE THIS!CAPITALIZE"},
	} {
		client := start(t, "tcp_deadlock", append([]string{"client", "127.0.0.1", "-p", port}, tt.bytes...)...)
		client.want(
			"Sending "+tt.sent+" bytes of data, in chunks of 16 bytes",
			"  "+tt.sent+" bytes sent",
			"Receiving all the data the server sends back",
			"  The first data received says b'"+tt.first+"'",
			"  "+tt.sent+" bytes received")
		client.end(0)
		srv.match(`Processing up to 1024 bytes at a time from \('127.0.0.1', \d+\)`)
		srv.want("  "+tt.sent+" bytes processed so far", "  Socket closed")
	}

	// Only ASCII letters have capitals here; the rest comes back as it is.
	conn := dial(t, port)
	fmt.Fprint(conn, "caf\u00e9 \xff z{`")
	conn.CloseWrite()
	if got, _ := io.ReadAll(conn); string(got) != "CAF\u00e9 \xff Z{`" {
		t.Errorf("the server sent back %q", got)
	}
	srv.want("Processing up to 1024 bytes at a time from "+tuple(local(conn)), "  11 bytes processed so far", "  Socket closed")
	srv.stop()
}

// Both sides write and nobody reads. Each prints once where it stuck, and the
// server serves the next client when this one goes away.
func TestTCPDeadlock(t *testing.T) {
	t.Parallel()
	srv, port := server(t, "tcp_deadlock", "127.0.0.1")
	client := start(t, "tcp_deadlock", "client", "127.0.0.1", "1073741824", "-p", port)
	client.want("Sending 1073741824 bytes of data, in chunks of 16 bytes")
	if sent, _ := strconv.Atoi(client.match(`  (\d+) bytes sent`)[0]); sent < 100000 || sent >= 1073741824 {
		t.Errorf("stuck after %d bytes; want some, and not all", sent)
	}
	name := srv.match(`Processing up to 1024 bytes at a time from (.*)`)[0]
	srv.match(`  \d+ bytes processed so far`)
	client.cancel()
	if got := client.wait(); got != 1 {
		t.Errorf("exit status %d; want 1", got)
	}
	if got := srv.errLine(); !strings.HasPrefix(got, "tcp_deadlock: "+name+": ") {
		t.Errorf("complained %q; want the client and why", got)
	}
	client = start(t, "tcp_deadlock", "client", "127.0.0.1", "-p", port)
	client.want("Sending 16 bytes of data, in chunks of 16 bytes", "  16 bytes sent",
		"Receiving all the data the server sends back",
		"  The first data received says b'CAPITALIZE THIS!'", "  16 bytes received")
	client.end(0)
}

func TestTCPDeadlockClientFails(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	client := start(t, "tcp_deadlock", "client", "127.0.0.1", "-p", port)
	client.want("Sending 16 bytes of data, in chunks of 16 bytes")
	client.wantErr("tcp_deadlock: Connection refused")
	client.end(1)

	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client = start(t, "tcp_deadlock", "client", "127.0.0.1", "-p", portOf(addrPort(l.Addr())))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, conn)
	fmt.Fprint(conn, "CAPITAL")
	conn.Close()
	client.want("Sending 16 bytes of data, in chunks of 16 bytes", "  16 bytes sent",
		"Receiving all the data the server sends back",
		"  The first data received says b'CAPITAL'", "  7 bytes received")
	client.wantErr("tcp_deadlock: connection closed after 7 of 16 bytes")
	client.end(1)
}
