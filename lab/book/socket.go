package book

import (
	"context"
	"io"
	"net"
	"net/netip"
	"runtime"
	"syscall"

	"github.com/spf13/pflag"
)

// maxDatagram is more than any UDP datagram holds (65,507 octets on IPv4), so
// that nothing is cut short.
const maxDatagram = 65535

// sockopts are the socket options that the experiments choose. The zero value
// is a plain socket, as Python makes it; what Go's net package sets by itself
// is undone: SO_BROADCAST on UDP sockets, SO_REUSEADDR on TCP listeners.
type sockopts struct {
	reuseAddr bool // SO_REUSEADDR, socket(7)
	reusePort bool // SO_REUSEPORT, socket(7)
	v6only    bool // IPV6_V6ONLY, ipv6(7); for IPv6 only
	broadcast bool // SO_BROADCAST, socket(7); for UDP only
	recvErr   bool // IP_RECVERR, ip(7): also an unconnected socket hears of ICMP errors; Linux
	discover  int  // one of the pmtu constants

	recvBuffer count // SO_RCVBUF, socket(7): octets, of which Linux gives twice as many; 0 leaves it; for UDP servers only
	read       count // octets that one read takes at most; 0 is a whole datagram; for UDP servers only
}

// What a socket does about datagrams larger than the path; ip(7),
// IP_MTU_DISCOVER.
const (
	pmtuDefault = iota // leave it as the system has it
	pmtuDo             // never fragment: too large is EMSGSIZE
	pmtuDont           // fragment, and let routers do so
)

// serverFlags adds the options of a server's socket. SO_REUSEADDR is what the
// listings set for TCP and not for UDP; Windows means another thing by it.
func serverFlags(c *command, tcp bool) *sockopts {
	var o sockopts
	c.server("reuse-addr", func(f *pflag.FlagSet, name string) {
		f.BoolVar(&o.reuseAddr, name, tcp && runtime.GOOS != "windows", "set SO_REUSEADDR")
	})
	c.server("reuse-port", func(f *pflag.FlagSet, name string) {
		f.BoolVar(&o.reusePort, name, false, "set SO_REUSEPORT")
	})
	if !tcp {
		o.sizeFlags(c)
	}
	return &o
}

// sizeFlags adds what only a server of datagrams has.
func (o *sockopts) sizeFlags(c *command) {
	c.server("recv-buffer", func(f *pflag.FlagSet, name string) {
		f.Var(&o.recvBuffer, name, "set SO_RCVBUF to N bytes: room for datagrams that\n"+
			"wait to be read (Linux doubles N)")
	})
	c.server("read", func(f *pflag.FlagSet, name string) {
		f.Var(&o.read, name, "read N bytes of each datagram at most")
	})
}

// readSize is how many octets a server reads of a datagram.
func (o *sockopts) readSize() int {
	if o.read == 0 {
		return maxDatagram
	}
	return int(min(o.read, maxDatagram))
}

// v6Flag adds the option that only a server which may be IPv6 has.
func (o *sockopts) v6Flag(c *command) {
	c.server("v6only", func(f *pflag.FlagSet, name string) {
		f.BoolVar(&o.v6only, name, false, "set IPV6_V6ONLY: :: does not take IPv4 as well")
	})
}

// control returns the hook that sets the options between socket(2) and bind(2)
// or connect(2). IPV6_V6ONLY is for listeners.
func (o *sockopts) control(listens bool) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		udp, v6 := network[:3] == "udp", network[len(network)-1] == '6'
		var err error
		cerr := c.Control(func(fd uintptr) { err = o.apply(fd, udp, v6, listens) })
		if cerr != nil {
			return cerr
		}
		return err
	}
}

// apply sets the options on a socket without an address.
func (o *sockopts) apply(fd uintptr, udp, v6, listens bool) error {
	if listens {
		if err := setReuse(fd, o.reuseAddr, o.reusePort); err != nil {
			return err
		}
	}
	if listens && v6 {
		if err := setV6Only(fd, o.v6only); err != nil {
			return err
		}
	}
	if !udp {
		return nil
	}
	if err := setBroadcast(fd, o.broadcast); err != nil {
		return err
	}
	if o.recvBuffer > 0 {
		if err := setRecvBuffer(fd, int(o.recvBuffer)); err != nil {
			return err
		}
	}
	if o.recvErr {
		if err := setRecvErr(fd, v6); err != nil {
			return err
		}
	}
	if o.discover != pmtuDefault {
		return setDiscover(fd, v6, o.discover == pmtuDo)
	}
	return nil
}

// listenUDP returns a socket bound to a. It closes when ctx ends; release closes
// it, if need be, and returns when the kernel has its address back.
func listenUDP(ctx context.Context, a netip.AddrPort, o *sockopts) (conn *net.UDPConn, release func(), err error) {
	lc := net.ListenConfig{Control: o.control(true)}
	c, err := lc.ListenPacket(ctx, family("udp", a), a.String())
	if err != nil {
		return nil, nil, err
	}
	return c.(*net.UDPConn), closeAfter(ctx, c), nil
}

// openUDP returns a socket that is bound to no address of choice and connected
// to nobody, to send to addresses like a. Closing is as for listenUDP.
func openUDP(ctx context.Context, a netip.AddrPort, o *sockopts) (conn *net.UDPConn, release func(), err error) {
	everything := netip.IPv4Unspecified()
	if a.Addr().Is6() {
		everything = netip.IPv6Unspecified()
	}
	return listenUDP(ctx, netip.AddrPortFrom(everything, 0), o)
}

// dialUDP returns a socket connected to a. Closing is as for listenUDP.
func dialUDP(ctx context.Context, a netip.AddrPort, o *sockopts) (conn *net.UDPConn, release func(), err error) {
	d := net.Dialer{Control: o.control(false)}
	c, err := d.DialContext(ctx, family("udp", a), a.String())
	if err != nil {
		return nil, nil, err
	}
	return c.(*net.UDPConn), closeAfter(ctx, c), nil
}

// listenTCP returns a listening socket bound to a. Closing is as for listenUDP.
func listenTCP(ctx context.Context, a netip.AddrPort, o *sockopts) (l *net.TCPListener, release func(), err error) {
	lc := net.ListenConfig{Control: o.control(true), KeepAlive: -1}
	lc.SetMultipathTCP(false)
	c, err := lc.Listen(ctx, family("tcp", a), a.String())
	if err != nil {
		return nil, nil, err
	}
	return c.(*net.TCPListener), closeAfter(ctx, c), nil
}

// dialTCP returns a connection to a with Nagle's algorithm on and without
// keepalive, as a plain socket has them. Closing is as for listenUDP.
func dialTCP(ctx context.Context, a netip.AddrPort) (conn *net.TCPConn, release func(), err error) {
	d := net.Dialer{KeepAlive: -1}
	d.SetMultipathTCP(false)
	c, err := d.DialContext(ctx, family("tcp", a), a.String())
	if err != nil {
		return nil, nil, err
	}
	conn, release = c.(*net.TCPConn), closeAfter(ctx, c)
	if err := conn.SetNoDelay(false); err != nil {
		release()
		return nil, nil, err
	}
	return conn, release, nil
}

// closeAfter closes c when ctx ends, which ends every call that waits on it, or
// when release is called. A socket's Close returns when the kernel has let go
// of it, but only the first one: so release waits for that.
func closeAfter(ctx context.Context, c io.Closer) (release func()) {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		c.Close()
	})
	return func() {
		if stop() {
			c.Close()
			return
		}
		<-closed
	}
}
