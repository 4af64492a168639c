package book

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"
)

// udpRemote is listing 2-2: a request and a reply between machines, with a
// client that connects its socket and backs off when it hears nothing.
var udpRemote = &spec{
	name:    "udp_remote",
	summary: "UDP between machines, with back-off (chapter 2)",
	forms:   []string{"server INTERFACE", "client HOST"},
	about: `
Send and receive UDP between machines.

The server listens on INTERFACE: an address or name of this machine, or '' or
0.0.0.0 for every one of its IPv4 addresses, or :: for IPv6 and IPv4 alike. It
answers each datagram with the number of its octets. The client connects its
socket to HOST, sends 23 octets and waits 0.1 s for a reply, then doubles its
patience and sends again; after five sends it gives up, with less --patience
sooner. With --ask it sends that instead, and several one after the other by the
same socket.

With --ids on either side each request begins with an identifier, which its
reply must bear too: the client ignores any other, as chapter 2 advises.

The server of the book's listing drops half of what it receives. This one drops
nothing, unless --drop, --drop-first or --drop-every says so, and it survives
text that is not ASCII, whose octets it prints as \xNN.`,
	examples: []string{
		"server 192.168.5.130",
		"client guinness",
		"server '' --drop 50% --seed 7",
		"server ::1 -p 2060",
		"client guinness --ids --ask first --ask second",
		"client guinness --patience 0.5s",
	},
	events: []string{"seed", "listening", "cut", "request", "dropped", "held", "replied", "connected", "numbered", "sent", "waiting", "ignored", "reply"},
	exit:   "refused, no reply, or another failure",
	define: func(c *command) action {
		port := c.port("UDP")
		drops := dropFlags(c)
		opts := serverFlags(c, false)
		opts.v6Flag(c)
		recvErr := c.bool("client", "recv-err", "set IP_RECVERR: hear of every ICMP error (Linux)")
		late := c.bool("server", "late", "answer the first datagram when the third has come,\n"+
			"as if that reply had gone a longer way")
		c.roles["ask"] = "client"
		asks := c.flags.StringArray("ask", nil, "send `TEXT` instead; may be given several times")
		ids := c.bool("", "ids", "begin requests and replies with an identifier")
		c.roles["patience"] = "client"
		longest := patience(maxWait)
		c.flags.Var(&longest, "patience", "give up when the next wait would be longer")
		return func(ctx context.Context, operands []string) error {
			role, words, err := c.role(operands, map[string][2]int{"server": {1, 1}, "client": {1, 1}})
			if err != nil {
				return err
			}
			if role == "client" {
				if len(*asks) == 0 {
					*asks = []string{"This is another message"}
				}
				q := questions{*asks, newIdentifiers(*ids), longest}
				return udpRemoteClient(ctx, c.out, words[0], *port, &sockopts{recvErr: *recvErr}, q)
			}
			drop, err := drops()
			if err != nil {
				return err
			}
			return udpRemoteServer(ctx, c.out, words[0], *port, opts, &answers{drop: drop, late: *late, ids: *ids})
		}
	},
}

func udpRemoteServer(ctx context.Context, out *output, iface string, p port, opts *sockopts, a *answers) error {
	conn, release, err := listenUDPServer(ctx, iface, p, opts)
	if err != nil {
		return err
	}
	defer release()
	out.say(event{Event: "listening", Local: local(conn)}, "Listening at %s", tuple(local(conn)))
	return serveUDP(ctx, out, conn, opts, func(data []byte, from netip.AddrPort) {
		if a.drop.drop() {
			out.say(event{Event: "dropped", Peer: from}.counting(int64(len(data))),
				"Pretending to drop packet from %s", tuple(from))
			return
		}
		out.behind(func() {
			out.say(event{Event: "request", Peer: from}.carrying(data),
				"The client at %s says %s", tuple(from), quote(data))
			a.answer(out, conn, data, from)
		})
	})
}

// listenUDPServer binds to what a server was told on its command line.
func listenUDPServer(ctx context.Context, iface string, p port, opts *sockopts) (*net.UDPConn, func(), error) {
	addr, err := serverAddress(ctx, iface, p)
	if err != nil {
		return nil, nil, err
	}
	return listenUDP(ctx, addr, opts)
}

// The client's back-off: chapter 2, "Unreliability, Backoff, Blocking, and
// Timeouts".
const (
	firstWait = 100 * time.Millisecond // doubled after each silence
	maxWait   = 2 * time.Second        // when the next wait would be longer, it gives up, unless told
)

// A patience is the longest time that a client waits for one reply, as a flag.
type patience time.Duration

func (p *patience) String() string { return time.Duration(*p).String() }
func (*patience) Type() string     { return "TIME" }

// Set parses a duration that is long enough for one wait.
func (p *patience) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < firstWait {
		return errors.New("expected a time from 0.1s up, such as 0.5s")
	}
	*p = patience(d)
	return nil
}

const errDown plainError = "I think the server is down"

// Questions are what a client asks one after the other, and for how long.
type questions struct {
	texts    []string
	ids      *identifiers
	patience patience
}

func udpRemoteClient(ctx context.Context, out *output, host string, p port, opts *sockopts, ask questions) error {
	addr, err := clientAddress(ctx, host, p)
	if err != nil {
		return err
	}
	conn, release, err := dialUDP(ctx, addr, opts)
	if err != nil {
		return err
	}
	defer release()
	out.say(event{Event: "connected", Local: local(conn), Peer: peer(conn)},
		"Client socket name is %s", tuple(local(conn)))
	for _, question := range ask.texts {
		reply, err := request(out, conn, ask.ids.number(out, question), ask.patience)
		if err != nil {
			return err
		}
		out.say(event{Event: "reply", Peer: peer(conn)}.carrying(reply), "The server says %s", quote(reply))
	}
	return nil
}

// request sends a question until a reply to it comes or patience is at its end.
func request(out *output, conn *net.UDPConn, q numbered, longest patience) (reply []byte, err error) {
	data := q.data()
	for wait := firstWait; wait <= time.Duration(longest); wait *= 2 {
		if _, err := conn.Write(data); err != nil {
			return nil, err
		}
		out.say(event{Event: "sent", Local: local(conn), Peer: peer(conn)}.carrying(data), "")
		out.say(event{Event: "waiting", Seconds: wait.Seconds()},
			"Waiting up to %s seconds for a reply", strconv.FormatFloat(wait.Seconds(), 'g', -1, 64))
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return nil, err
		}
		reply, err := q.receive(out, conn)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return reply, err
		}
	}
	return nil, errDown
}
