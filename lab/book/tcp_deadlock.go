package book

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
)

// tcpDeadlock is listing 3-2: a client that sends all before it reads, and a
// server that answers as it reads. Past what the buffers between them hold,
// both wait for ever.
var tcpDeadlock = &spec{
	name:    "tcp_deadlock",
	summary: "TCP: both sides write and nobody reads (chapter 3)",
	forms:   []string{"server INTERFACE", "client HOST [BYTES]"},
	about: `
Send so much over TCP that client and server wait for each other for ever.

The server sends back in capitals what it receives, 1024 octets at a time and
one connection at a time. The client sends BYTES octets, 16 unless told, rounded
up to a multiple of 16, and reads nothing before it has sent them all. A few
thousand come back; 1073741824 do not: when every buffer between the two is
full, neither can go on. End it with Ctrl-C.

The book's listing rewrites a line of progress all the time. This prints that
line once, when all is sent or received, or after a second without progress.
Other than the listing, the server survives octets that are not ASCII (it sends
them back as they are) and a client that goes away.`,
	examples: []string{
		"server ''",
		"client guinness",
		"client guinness 1073741824",
	},
	events: []string{"listening", "accepted", "progress", "closed", "sending", "receiving", "reply"},
	exit:   "refused, closed too early, or another failure",
	define: func(c *command) action {
		port := c.port("TCP")
		opts := serverFlags(c, true)
		opts.v6Flag(c)
		return func(ctx context.Context, operands []string) error {
			role, words, err := c.role(operands, map[string][2]int{"server": {1, 1}, "client": {1, 2}})
			if err != nil {
				return err
			}
			if role == "server" {
				return tcpDeadlockServer(ctx, c.out, words[0], *port, opts)
			}
			bytes, err := byteCount(words[1:], 16, math.MaxInt64-15)
			if err != nil {
				return err
			}
			return tcpDeadlockClient(ctx, c.out, words[0], *port, bytes)
		}
	},
}

func tcpDeadlockServer(ctx context.Context, out *output, iface string, p port, opts *sockopts) error {
	l, release, err := listenTCPServer(ctx, out, iface, p, opts)
	if err != nil {
		return err
	}
	defer release()
	return serveTCP(ctx, out, l, func() {}, func(conn *net.TCPConn) error { return capitalize(out, conn) })
}

// capitalize serves one connection.
func capitalize(out *output, conn *net.TCPConn) error {
	out.say(event{Event: "accepted", Local: local(conn), Peer: peer(conn)},
		"Processing up to 1024 bytes at a time from %s", tuple(peer(conn)))
	processed := startProgress(out, "processed", "  %d bytes processed so far")
	err := capitals(conn, processed)
	processed.end()
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	out.say(event{Event: "closed", Peer: peer(conn)}, "  Socket closed")
	return nil
}

// capitals sends back what it reads, until the end of the stream.
func capitals(conn net.Conn, processed *progress) error {
	buf := make([]byte, 1024)
	for {
		n, err := conn.Read(buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i, c := range buf[:n] {
			if c >= 'a' && c <= 'z' {
				buf[i] = c - 'a' + 'A'
			}
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return err
		}
		processed.add(n)
	}
}

func tcpDeadlockClient(ctx context.Context, out *output, host string, p port, bytes int64) error {
	addr, err := clientAddress(ctx, host, p)
	if err != nil {
		return err
	}
	bytes = (bytes + 15) / 16 * 16
	out.say(event{Event: "sending"}.counting(bytes), "Sending %d bytes of data, in chunks of 16 bytes", bytes)
	conn, release, err := dialTCP(ctx, addr)
	if err != nil {
		return err
	}
	defer release()
	if err := sendAll(out, conn, bytes); err != nil {
		return err
	}
	return receiveAll(out, conn, bytes)
}

// sendAll writes without reading, which is the fault that the chapter shows.
func sendAll(out *output, conn *net.TCPConn, bytes int64) error {
	sent := startProgress(out, "sent", "  %d bytes sent")
	defer sent.end()
	message := []byte("capitalize this!")
	for n := int64(0); n < bytes; n += int64(len(message)) {
		if _, err := conn.Write(message); err != nil {
			return err
		}
		sent.add(len(message))
	}
	return conn.CloseWrite()
}

// receiveAll reads what the server sends back, by up to 42 octets as the
// listing does; but the first 42 together, however they come, since they are
// printed.
func receiveAll(out *output, conn net.Conn, bytes int64) error {
	out.say(event{Event: "receiving"}, "Receiving all the data the server sends back")
	buf := make([]byte, 42)
	n, err := io.ReadFull(conn, buf[:min(bytes, 42)])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	out.say(event{Event: "reply", Peer: peer(conn)}.carrying(buf[:n]),
		"  The first data received says %s", quoteBytes(buf[:n]))
	received := startProgress(out, "received", "  %d bytes received")
	got, err := countTo(conn, buf, n, received)
	received.end()
	if err == nil && got != bytes {
		err = fmt.Errorf("connection closed after %d of %d bytes", got, bytes)
	}
	return err
}

// countTo reads to the end of the stream and counts, starting with n octets.
func countTo(conn net.Conn, buf []byte, n int, received *progress) (int64, error) {
	total := int64(n)
	for {
		received.add(n)
		var err error
		n, err = conn.Read(buf)
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
