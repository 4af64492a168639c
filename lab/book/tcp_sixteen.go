package book

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// tcpSixteen is listing 3-1: sixteen octets each way over TCP.
var tcpSixteen = &spec{
	name:    "tcp_sixteen",
	summary: "TCP: sixteen octets each way (chapter 3)",
	forms:   []string{"server INTERFACE", "client HOST"},
	about: `
Send and receive sixteen octets over TCP.

The server listens on INTERFACE: an address or name of this machine, or '' or
0.0.0.0 for every one of its IPv4 addresses, or :: for IPv6 and IPv4 alike. It
serves one connection at a time: who connects and sends nothing keeps the others
waiting. The client sends its sixteen octets and prints those of the answer.

Other than the book's listing, the server survives a client that closes too
early or resets the connection: a line on standard error tells.`,
	examples: []string{
		"server ''",
		"client guinness",
		"server 192.168.5.130 --reuse-addr=false",
	},
	events: []string{"listening", "accepting", "accepted", "request", "replied", "closed", "connected", "sent", "reply"},
	exit:   "refused, closed too early, or another failure",
	define: func(c *command) action {
		port := c.port("TCP")
		opts := serverFlags(c, true)
		opts.v6Flag(c)
		return func(ctx context.Context, operands []string) error {
			role, words, err := c.role(operands, map[string][2]int{"server": {1, 1}, "client": {1, 1}})
			if err != nil {
				return err
			}
			if role == "client" {
				return tcpSixteenClient(ctx, c.out, words[0], *port)
			}
			return tcpSixteenServer(ctx, c.out, words[0], *port, opts)
		}
	},
}

// listenTCPServer binds to what a server was told on its command line and says
// so.
func listenTCPServer(ctx context.Context, out *output, iface string, p port, opts *sockopts) (*net.TCPListener, func(), error) {
	addr, err := serverAddress(ctx, iface, p)
	if err != nil {
		return nil, nil, err
	}
	l, release, err := listenTCP(ctx, addr, opts)
	if err != nil {
		return nil, nil, err
	}
	at := addrPort(l.Addr())
	out.say(event{Event: "listening", Local: at}, "Listening at %s", tuple(at))
	return l, release, nil
}

func tcpSixteenServer(ctx context.Context, out *output, iface string, p port, opts *sockopts) error {
	l, release, err := listenTCPServer(ctx, out, iface, p, opts)
	if err != nil {
		return err
	}
	defer release()
	ready := func() { out.say(event{Event: "accepting"}, "Waiting to accept a new connection") }
	return serveTCP(ctx, out, l, ready, func(conn *net.TCPConn) error { return sixteen(out, conn) })
}

// sixteen serves one connection.
func sixteen(out *output, conn *net.TCPConn) error {
	out.say(event{Event: "accepted", Local: local(conn), Peer: peer(conn)},
		"We have accepted a connection from %s\n  Socket name: %s\n  Socket peer: %s",
		tuple(peer(conn)), tuple(local(conn)), tuple(peer(conn)))
	message, err := receiveSixteen(conn)
	if err != nil {
		return err
	}
	out.say(event{Event: "request", Peer: peer(conn)}.carrying(message),
		"  Incoming sixteen-octet message: %s", quoteBytes(message))
	reply := []byte("Farewell, client")
	if _, err := conn.Write(reply); err != nil {
		return err
	}
	out.say(event{Event: "replied", Peer: peer(conn)}.carrying(reply), "")
	if err := conn.Close(); err != nil {
		return err
	}
	out.say(event{Event: "closed", Peer: peer(conn)}, "  Reply sent, socket closed")
	return nil
}

func tcpSixteenClient(ctx context.Context, out *output, host string, p port) error {
	addr, err := clientAddress(ctx, host, p)
	if err != nil {
		return err
	}
	conn, release, err := dialTCP(ctx, addr)
	if err != nil {
		return err
	}
	defer release()
	out.say(event{Event: "connected", Local: local(conn), Peer: peer(conn)},
		"Client has been assigned socket name %s", tuple(local(conn)))
	data := []byte("Hi there, server")
	if _, err := conn.Write(data); err != nil {
		return err
	}
	out.say(event{Event: "sent", Local: local(conn), Peer: peer(conn)}.carrying(data), "")
	reply, err := receiveSixteen(conn)
	if err != nil {
		return err
	}
	out.say(event{Event: "reply", Peer: peer(conn)}.carrying(reply), "The server said %s", quoteBytes(reply))
	return nil
}

// receiveSixteen reads sixteen octets, in however many pieces they come.
func receiveSixteen(conn net.Conn) ([]byte, error) {
	message := make([]byte, 16)
	n, err := io.ReadFull(conn, message)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("connection closed after %d of %d bytes", n, len(message))
	}
	return message, err
}
