package book

import (
	"context"
	"net/netip"
)

// udpBroadcast is listing 2-4: one datagram for every machine of a network.
var udpBroadcast = &spec{
	name:    "udp_broadcast",
	summary: "UDP to every machine of a network (chapter 2)",
	forms:   []string{"server INTERFACE", "client NETWORK"},
	about: `
Send and receive a UDP broadcast.

The server prints each datagram that comes to INTERFACE and answers none. On
Linux it hears broadcasts when it listens on '' or 0.0.0.0 or on the broadcast
address itself, and not when it listens on an address of its own. The client
sends one datagram to NETWORK, a broadcast address such as 192.168.5.255, and
ends without a word.

A socket must ask (SO_BROADCAST) before it may send to such an address; other
than the book's listing, the client can leave that out. IPv6 has no broadcast.`,
	examples: []string{
		"server ''",
		"client 192.168.5.255",
		"client 192.168.5.255 --no-broadcast-option",
	},
	events: []string{"listening", "cut", "request", "sent"},
	exit:   "the system refused, as the line on standard error says",
	define: func(c *command) action {
		port := c.port("UDP")
		opts := serverFlags(c, false)
		plain := c.bool("client", "no-broadcast-option", "leave SO_BROADCAST off")
		return func(ctx context.Context, operands []string) error {
			role, words, err := c.role(operands, map[string][2]int{"server": {1, 1}, "client": {1, 1}})
			if err != nil {
				return err
			}
			if a, err := netip.ParseAddr(words[0]); err == nil && !a.Unmap().Is4() {
				return misuse("%q: expected an IPv4 address; IPv6 has no broadcast", words[0])
			}
			if role == "client" {
				return udpBroadcastClient(ctx, c.out, words[0], *port, &sockopts{broadcast: !*plain})
			}
			return udpBroadcastServer(ctx, c.out, words[0], *port, opts)
		}
	},
}

func udpBroadcastServer(ctx context.Context, out *output, iface string, p port, opts *sockopts) error {
	conn, release, err := listenUDPServer(ctx, iface, p, opts)
	if err != nil {
		return err
	}
	defer release()
	out.say(event{Event: "listening", Local: local(conn)},
		"Listening for datagrams at %s", tuple(local(conn)))
	return serveUDP(ctx, out, conn, opts, func(data []byte, from netip.AddrPort) {
		out.say(event{Event: "request", Peer: from}.carrying(data),
			"The client at %s says: %s", tuple(from), quote(data))
	})
}

func udpBroadcastClient(ctx context.Context, out *output, network string, p port, opts *sockopts) error {
	addr, err := clientAddress(ctx, network, p)
	if err != nil {
		return err
	}
	conn, release, err := openUDP(ctx, addr, opts)
	if err != nil {
		return err
	}
	defer release()
	data := []byte("Broadcast datagram!")
	if _, err := conn.WriteToUDPAddrPort(data, addr); err != nil {
		return err
	}
	out.say(event{Event: "sent", Local: local(conn), Peer: addr}.carrying(data), "")
	return nil
}
