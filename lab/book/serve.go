package book

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// maxTroubles is how many errors in a row a server's socket may have before the
// server ends: none of them is a client's doing then.
const maxTroubles = 16

// serveUDP hands every datagram and its sender's address to answer, one at a
// time, until ctx ends. Of each it reads as much as opts say, and tells when
// that was not all. A single error of the socket is printed and survived. data
// is answer's only until it returns.
func serveUDP(ctx context.Context, out *output, conn *net.UDPConn, opts *sockopts, answer func(data []byte, from netip.AddrPort)) error {
	buf := make([]byte, opts.readSize())
	for troubles := 0; ; {
		n, _, flags, from, err := conn.ReadMsgUDPAddrPort(buf, nil)
		cut := cutShort(flags, err)
		switch {
		case err == nil || cut:
			troubles = 0
			if cut {
				out.say(event{Event: "cut", Peer: from}.counting(int64(n)),
					"Read %d bytes of a longer datagram from %s", n, tuple(from))
			}
			answer(buf[:n], from)
		case errors.Is(err, net.ErrClosed) || troubles == maxTroubles:
			return err
		default:
			troubles++
			out.trouble(netip.AddrPort{}, err)
		}
	}
}

// acknowledge sends a reply. That it can't (a firewall forbids it, or the
// sender claims port 0) is printed; that the server is being stopped is not.
func acknowledge(out *output, conn *net.UDPConn, reply []byte, to netip.AddrPort) {
	_, err := conn.WriteToUDPAddrPort(reply, to)
	switch {
	case err == nil:
		out.say(event{Event: "replied", Peer: to}.carrying(reply), "")
	case !errors.Is(err, net.ErrClosed):
		out.trouble(to, err)
	}
}

// serveTCP accepts one connection after the other, as the listings do, hands
// each to answer and closes it, until ctx ends. An error of answer is printed
// and survived. ready runs before each accept.
func serveTCP(ctx context.Context, out *output, l *net.TCPListener, ready func(), answer func(*net.TCPConn) error) error {
	for troubles := 0; ctx.Err() == nil; {
		ready()
		conn, err := l.AcceptTCP()
		switch {
		case err == nil:
			troubles = 0
			serveConn(ctx, out, conn, answer)
		case errors.Is(err, net.ErrClosed) || troubles == maxTroubles:
			return err
		default:
			troubles++
			out.trouble(netip.AddrPort{}, err)
		}
	}
	return ctx.Err()
}

func serveConn(ctx context.Context, out *output, conn *net.TCPConn, answer func(*net.TCPConn) error) {
	defer closeAfter(ctx, conn)()
	err := conn.SetNoDelay(false)
	if err == nil {
		err = answer(conn)
	}
	if err != nil && ctx.Err() == nil {
		out.trouble(peer(conn), err)
	}
}
