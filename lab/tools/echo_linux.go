package tools

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"hostlab/lab/hint"
)

// An echoSocket sends ICMP echo requests to one address and reads what comes
// back.
type echoSocket struct {
	net.PacketConn
	to    netip.Addr
	four  *ipv4.PacketConn // one of the two
	six   *ipv6.PacketConn
	proto int // IANA's number of ICMP or ICMPv6
}

// An echoAnswer is one answer to a request.
type echoAnswer struct {
	from    netip.Addr
	seq     int
	at      time.Time
	size    int    // of an echo reply, in bytes, ICMP header included
	ttl     int    // of an echo reply's packet
	trouble string // of any other answer
}

// openEcho opens a raw socket. The own end may be an address or an interface.
func openEcho(to netip.Addr, own string) (*echoSocket, error) {
	network, any := "ip4:icmp", "0.0.0.0"
	if to.Is6() {
		network, any = "ip6:ipv6-icmp", "::"
	}
	lc := net.ListenConfig{}
	if addr, err := netip.ParseAddr(own); err == nil {
		any = addr.String()
	} else if own != "" {
		lc.Control = func(_, _ string, raw syscall.RawConn) error {
			var bindErr error
			err := raw.Control(func(fd uintptr) { bindErr = unix.BindToDevice(int(fd), own) })
			return errors.Join(err, bindErr)
		}
	}
	conn, err := lc.ListenPacket(context.Background(), network, any)
	switch {
	case errors.Is(err, unix.EPERM):
		return nil, hint.Add(fmt.Errorf("raw socket: %w: it needs CAP_NET_RAW", unix.EPERM), "cap_add: [NET_RAW] for this host in compose.yaml")
	case err != nil && own != "":
		return nil, fmt.Errorf("-I %s: %w", own, withoutSyscall(err))
	case err != nil:
		return nil, withoutSyscall(err)
	}
	s := &echoSocket{PacketConn: conn, to: to}
	if to.Is4() {
		s.proto, s.four = unix.IPPROTO_ICMP, ipv4.NewPacketConn(conn)
		return s, s.four.SetControlMessage(ipv4.FlagTTL, true)
	}
	s.proto, s.six = unix.IPPROTO_ICMPV6, ipv6.NewPacketConn(conn)
	return s, s.six.SetControlMessage(ipv6.FlagHopLimit, true)
}

// send sends one request. Broadcast addresses are allowed.
func (s *echoSocket) send(id, seq, size int) error {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: id, Seq: seq, Data: bytes.Repeat([]byte{0x2a}, size)}}
	if s.six != nil {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	b, err := m.Marshal(nil) // the kernel adds ICMPv6's checksum
	if err != nil {
		return err
	}
	_, err = s.WriteTo(b, &net.IPAddr{IP: s.to.AsSlice(), Zone: s.to.Zone()})
	return err
}

// read hands on the answers to requests with this id until the socket is
// closed.
func (s *echoSocket) read(id int, answers chan<- echoAnswer) {
	buf := make([]byte, 1<<16)
	for {
		n, ttl, from, err := s.receive(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if a, ok := parseAnswer(s.proto, id, s.to, buf[:n]); ok {
			a.from, a.ttl, a.at = from, ttl, time.Now()
			answers <- a
		}
	}
}

func (s *echoSocket) receive(buf []byte) (n, ttl int, from netip.Addr, err error) {
	var src net.Addr
	if s.four != nil {
		var cm *ipv4.ControlMessage
		if n, cm, src, err = s.four.ReadFrom(buf); cm != nil {
			ttl = cm.TTL
		}
	} else {
		var cm *ipv6.ControlMessage
		if n, cm, src, err = s.six.ReadFrom(buf); cm != nil {
			ttl = cm.HopLimit
		}
	}
	if a, ok := src.(*net.IPAddr); ok {
		from, _ = netip.AddrFromSlice(a.IP)
		from = from.Unmap().WithZone(a.Zone)
	}
	return n, ttl, from, err
}

// parseAnswer reads an ICMP message: an echo reply, or an error that quotes
// one of our requests (RFC 792, RFC 4443).
func parseAnswer(proto, id int, to netip.Addr, b []byte) (echoAnswer, bool) {
	m, err := icmp.ParseMessage(proto, b)
	if err != nil {
		return echoAnswer{}, false
	}
	switch body := m.Body.(type) {
	case *icmp.Echo:
		reply := m.Type == ipv4.ICMPTypeEchoReply || m.Type == ipv6.ICMPTypeEchoReply
		return echoAnswer{seq: body.Seq, size: len(b)}, reply && body.ID == id
	case *icmp.DstUnreach:
		return quoted(proto, id, to, body.Data, unreachable(m, b))
	case *icmp.PacketTooBig:
		return quoted(proto, id, to, body.Data, fmt.Sprintf("Packet too big: mtu=%d", body.MTU))
	case *icmp.TimeExceeded:
		return quoted(proto, id, to, body.Data, "Time to live exceeded")
	}
	return echoAnswer{}, false
}

// quoted reads the request that an error quotes.
func quoted(proto, id int, to netip.Addr, packet []byte, trouble string) (echoAnswer, bool) {
	header, at, request := 40, 24, byte(ipv6.ICMPTypeEchoRequest)
	if proto == unix.IPPROTO_ICMP {
		if len(packet) < 20 {
			return echoAnswer{}, false
		}
		header, at, request = int(packet[0]&15)*4, 16, byte(ipv4.ICMPTypeEcho)
	}
	if len(packet) < header+8 {
		return echoAnswer{}, false
	}
	dst, _ := netip.AddrFromSlice(packet[at : at+to.BitLen()/8])
	echo := packet[header:]
	ok := dst == to.WithZone("") && echo[0] == request && int(binary.BigEndian.Uint16(echo[4:])) == id
	return echoAnswer{seq: int(binary.BigEndian.Uint16(echo[6:])), trouble: trouble}, ok
}

// unreachable is the code of a "destination unreachable" in words.
func unreachable(m *icmp.Message, b []byte) string {
	four := map[int]string{
		0: "Destination Net Unreachable", 1: "Destination Host Unreachable", 2: "Destination Protocol Unreachable",
		3: "Destination Port Unreachable", 9: "Destination Net Prohibited", 10: "Destination Host Prohibited", 13: "Packet filtered",
	}
	six := map[int]string{
		0: "Destination unreachable: No route", 1: "Destination unreachable: Administratively prohibited",
		2: "Destination unreachable: Beyond scope of source address", 3: "Destination unreachable: Address unreachable",
		4: "Destination unreachable: Port unreachable",
	}
	words := four
	if m.Type == ipv6.ICMPTypeDestinationUnreachable {
		words = six
	} else if m.Code == 4 && len(b) >= 8 {
		return fmt.Sprintf("Frag needed and DF set (mtu = %d)", binary.BigEndian.Uint16(b[6:]))
	}
	if text, ok := words[m.Code]; ok {
		return text
	}
	return fmt.Sprintf("Destination Unreachable, code %d", m.Code)
}
