package book

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"syscall"
)

// bigDatagram is larger than any common link's MTU and smaller than loopback's.
const bigDatagram = 65000

// bigSender is listing 2-3: a datagram too large for the path, to learn how
// large it might have been.
var bigSender = &spec{
	name:    "big_sender",
	summary: "UDP larger than the path, to learn its MTU (chapter 2)",
	forms:   []string{"HOST [BYTES]"},
	about: `
Send one large UDP datagram to HOST that nobody may split into fragments.

The datagram has BYTES octets of data, 65000 unless told. When the kernel knows
the path to be too narrow for it, prints the MTU that it knows: the largest
packet in octets, IP header included. On IPv4 over Ethernet that is 1500, and
1472 octets of data pass. A datagram that a router further on refuses is sent
all the same; ask again, and the kernel has learned from the router's answer.

Needs Linux (IP_MTU_DISCOVER and IP_MTU). Other than the book's listing, takes
a size, and --fragment shows that fragments would have passed.`,
	examples: []string{
		"guinness",
		"guinness 1472",
		"guinness 65507 --fragment",
	},
	events: []string{"sent", "mtu"},
	exit:   "the system refused for another reason than the size",
	define: func(c *command) action {
		port := c.port("UDP")
		fragment := c.bool("", "fragment", "let the kernel and routers split the datagram")
		return func(ctx context.Context, operands []string) error {
			if err := c.count("HOST", operands, 1, 2); err != nil {
				return err
			}
			size, err := byteCount(operands[1:], bigDatagram, 1<<20)
			if err != nil {
				return err
			}
			opts := &sockopts{discover: pmtuDo}
			if *fragment {
				opts.discover = pmtuDont
			}
			return sendBig(ctx, c.out, operands[0], *port, int(size), opts)
		}
	},
}

// byteCount parses the optional word that is a number of octets.
func byteCount(words []string, otherwise, most int64) (int64, error) {
	if len(words) == 0 {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(words[0], 10, 63)
	if err != nil || int64(n) > most {
		return 0, misuse("BYTES %q: expected a number from 0 to %d", words[0], most)
	}
	return int64(n), nil
}

func sendBig(ctx context.Context, out *output, host string, p port, size int, opts *sockopts) error {
	addr, err := clientAddress(ctx, host, p)
	if err != nil {
		return err
	}
	conn, release, err := dialUDP(ctx, addr, opts)
	if err != nil {
		return err
	}
	defer release()
	_, err = conn.Write(bytes.Repeat([]byte("#"), size))
	if errors.Is(err, syscall.EMSGSIZE) {
		mtu, err := pathMTU(conn, addr.Addr().Is6())
		if err != nil {
			return err
		}
		out.say(event{Event: "mtu", Local: local(conn), Peer: addr, MTU: mtu}.counting(int64(size)),
			"Alas, the datagram did not make it\nActual MTU: %d", mtu)
		return nil
	}
	if err != nil {
		return err
	}
	out.say(event{Event: "sent", Local: local(conn), Peer: addr}.counting(int64(size)),
		"The big datagram was sent!")
	return nil
}
