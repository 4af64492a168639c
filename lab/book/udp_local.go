package book

import (
	"context"
	"net/netip"
	"time"
)

// udpLocal is listing 2-1: a request and a reply on one machine, with a client
// that believes whoever answers.
var udpLocal = &spec{
	name:    "udp_local",
	summary: "UDP on one machine: a client that believes anyone (chapter 2)",
	forms:   []string{"server [INTERFACE]", "client [HOST]"},
	about: `
Send and receive UDP on this machine.

The server listens on 127.0.0.1 and answers each datagram with the number of its
octets. The client sends the time and waits, for ever if need be. Its socket is
not connected: it takes the first datagram that anyone sends to its port for the
reply, and it does not hear that nobody listens.

Other than the book's listing, either takes another address than 127.0.0.1, so
that the same questions can be asked between machines.`,
	examples: []string{
		"server",
		"client",
		"server ''",
		"client guinness --recv-err",
	},
	events: []string{"listening", "sent", "cut", "request", "replied", "reply"},
	exit:   "the system refused, as the line on standard error says",
	define: func(c *command) action {
		port := c.port("UDP")
		opts := serverFlags(c, false)
		opts.v6Flag(c)
		recvErr := c.bool("client", "recv-err",
			"set IP_RECVERR: hear of ICMP errors though the\nsocket is not connected (Linux)")
		return func(ctx context.Context, operands []string) error {
			role, words, err := c.role(operands, map[string][2]int{"server": {0, 1}, "client": {0, 1}})
			if err != nil {
				return err
			}
			words = append(words, "127.0.0.1")
			if role == "client" {
				return udpLocalClient(ctx, c.out, words[0], *port, &sockopts{recvErr: *recvErr})
			}
			return udpLocalServer(ctx, c.out, words[0], *port, opts)
		}
	},
}

func udpLocalServer(ctx context.Context, out *output, iface string, p port, opts *sockopts) error {
	return udpRemoteServer(ctx, out, iface, p, opts, &answers{drop: &dropper{}})
}

func udpLocalClient(ctx context.Context, out *output, host string, p port, opts *sockopts) error {
	addr, err := clientAddress(ctx, host, p)
	if err != nil {
		return err
	}
	conn, release, err := openUDP(ctx, addr, opts)
	if err != nil {
		return err
	}
	defer release()
	data := []byte("The time is " + time.Now().Format("2006-01-02 15:04:05.000000"))
	if _, err := conn.WriteToUDPAddrPort(data, addr); err != nil {
		return err
	}
	out.say(event{Event: "sent", Local: local(conn), Peer: addr}.carrying(data),
		"The OS assigned me the address %s", tuple(local(conn)))
	buf := make([]byte, maxDatagram)
	var from netip.AddrPort
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		return err
	}
	out.say(event{Event: "reply", Peer: from}.carrying(buf[:n]),
		"The server %s replied %s", tuple(from), quote(buf[:n]))
	return nil
}
