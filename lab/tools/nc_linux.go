package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"hostlab/lab/program"
)

// An ncCall is one call of nc.
type ncCall struct {
	udp, listen, four, six bool
	port                   uint16
	source                 string
	wait                   time.Duration // 0: for ever
	host                   string
}

func nc() *command {
	return &command{
		name:  "nc",
		forms: []string{"[-u] [-s ADDRESS] [-p PORT] [-w SECONDS] HOST PORT", "-l [-u] [-s ADDRESS] [-p] PORT"},
		about: "Sends what it reads to another host and prints what comes back, over TCP or UDP.",
		more: `As a client of UDP its socket is connected: a refusal (ICMP port unreachable)
ends it. As a listener it serves the first that calls, and no other. Without
-w it waits until the other side closes; over UDP nobody does: press Ctrl-C.`,
		examples: []string{"guinness 1060", "-u -w 1 guinness 1060", "-lu 1060", "-l -s 127.0.0.1 1060"},
		define: func(flags *pflag.FlagSet) action {
			var c ncCall
			flags.BoolVarP(&c.udp, "udp", "u", false, "UDP instead of TCP")
			flags.BoolVarP(&c.listen, "listen", "l", false, "wait to be called")
			flags.BoolVarP(&c.four, "ipv4", "4", false, "IPv4 only")
			flags.BoolVarP(&c.six, "ipv6", "6", false, "IPv6 only")
			port := flags.StringP("port", "p", "", "the own `PORT`")
			flags.StringVarP(&c.source, "source", "s", "", "the own `ADDRESS`")
			wait := flags.StringP("wait", "w", "", "end after so many `SECONDS` without a word, also of connecting")
			return func(ctx context.Context, s program.Stdio, words []string) error {
				if err := c.parse(words, *port, *wait); err != nil {
					return err
				}
				if c.listen {
					return c.serve(ctx, s)
				}
				return c.call(ctx, s, words[1])
			}
		},
	}
}

func (c *ncCall) parse(words []string, port, wait string) error {
	switch {
	case !c.listen && len(words) != 2:
		return misusef("a host and a port were expected")
	case c.listen && len(words) == 1 && port == "":
		port = words[0]
	case c.listen && (len(words) > 0 || port == ""):
		return misusef("-l: one port to listen at was expected")
	}
	if !c.listen {
		c.host = words[0]
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return misusef("port %q: a number up to 65535 was expected", port)
		}
		c.port = uint16(n)
	}
	if c.source != "" {
		if _, err := netip.ParseAddr(c.source); err != nil {
			return misusef("-s %q: an address of this host was expected", c.source)
		}
	}
	if wait != "" {
		d, err := parseTime(wait)
		if err != nil {
			return misusef("-w %q: a number of seconds was expected", wait)
		}
		c.wait = d
	}
	return nil
}

// network is "tcp4" and its like.
func (c *ncCall) network() string {
	n := "tcp"
	if c.udp {
		n = "udp"
	}
	switch {
	case c.four:
		n += "4"
	case c.six:
		n += "6"
	}
	return n
}

// call is the client.
func (c *ncCall) call(ctx context.Context, s program.Stdio, port string) error {
	d := net.Dialer{Timeout: c.wait}
	d.SetMultipathTCP(false) // TCP as every other program has it
	if c.source != "" || c.port != 0 {
		own := net.JoinHostPort(c.source, strconv.Itoa(int(c.port)))
		var err error
		if c.udp {
			d.LocalAddr, err = net.ResolveUDPAddr(c.network(), own)
		} else {
			d.LocalAddr, err = net.ResolveTCPAddr(c.network(), own)
		}
		if err != nil {
			return misusef("%s: %v", own, err)
		}
	}
	to := net.JoinHostPort(c.host, port)
	conn, err := d.DialContext(ctx, c.network(), to)
	if err != nil {
		return ncError(to, err)
	}
	defer conn.Close()
	return c.talk(s, conn, conn.RemoteAddr().String())
}

// serve is the listener, for the first caller.
func (c *ncCall) serve(ctx context.Context, s program.Stdio) error {
	at := net.JoinHostPort(c.source, strconv.Itoa(int(c.port)))
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	if c.udp {
		pc, err := lc.ListenPacket(ctx, c.network(), at)
		if err != nil {
			return ncError(at, err)
		}
		defer pc.Close()
		return c.talk(s, &caller{PacketConn: pc, known: make(chan struct{})}, at)
	}
	l, err := lc.Listen(ctx, c.network(), at)
	if err != nil {
		return ncError(at, err)
	}
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		return ncError(at, err)
	}
	defer conn.Close()
	l.Close()
	return c.talk(s, conn, conn.RemoteAddr().String())
}

// talk copies both ways until the other side closes, or is silent for too
// long, or there is an error.
func (c *ncCall) talk(s program.Stdio, conn ncConn, peer string) error {
	go func() {
		io.Copy(conn, s.In)
		if t, ok := conn.(*net.TCPConn); ok {
			t.CloseWrite()
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		if c.wait > 0 {
			conn.SetReadDeadline(time.Now().Add(c.wait))
		}
		n, err := conn.Read(buf)
		if n > 0 {
			if _, err := s.Out.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF, errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return ncError(peer, err)
		}
	}
}

// ncConn is what talk needs of a connection.
type ncConn interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
}

// A caller is the first who sent a datagram; what others send is left out.
type caller struct {
	net.PacketConn
	known chan struct{} // closed when addr is set
	addr  net.Addr
}

func (c *caller) Read(b []byte) (int, error) {
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return n, err
		}
		if c.addr == nil {
			c.addr = from
			close(c.known)
		}
		if from.String() == c.addr.String() {
			return n, nil
		}
	}
}

// Write waits for the caller.
func (c *caller) Write(b []byte) (int, error) {
	<-c.known
	return c.WriteTo(b, c.addr)
}

// ncError is "HOST:PORT: Connection refused".
func ncError(at string, err error) error {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("%s: name or service not known", dns.Name)
	case errors.As(err, &op):
		err = op.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	return fmt.Errorf("%s: %w", strings.TrimPrefix(at, ":"), err)
}
