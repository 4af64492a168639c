package wire

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"hostlab/lab/topology"
)

// laptop .10 --- lan 192.168.5.0/24, fd00:5::/64 --- guinness .130
//
//	|---- forger .66
//	|---- router .1 --- far 10.0.9.0/24 --- server .2
var house = &topology.Topology{
	Networks: []topology.Network{{Name: "lan"}, {Name: "far"}},
	Hosts: []topology.Host{
		host("laptop", "lan 192.168.5.10 fd00:5::10"),
		host("guinness", "lan 192.168.5.130 fd00:5::130"),
		host("forger", "lan 192.168.5.66"),
		host("router", "lan 192.168.5.1", "far 10.0.9.1"),
		host("server", "far 10.0.9.2"),
	},
}

func host(name string, interfaces ...string) topology.Host {
	h := topology.Host{Name: name}
	for _, i := range interfaces {
		words := strings.Fields(i)
		on := topology.Interface{Network: words[0]}
		for _, a := range words[1:] {
			on.Addrs = append(on.Addrs, netip.MustParseAddr(a))
		}
		h.Interfaces = append(h.Interfaces, on)
	}
	return h
}

// macOf makes an Ethernet address of an IP address.
func macOf(a netip.Addr) net.HardwareAddr {
	switch {
	case a.Is4() && a.As4()[3] == 255:
		return net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case a.Is6() && a.IsMulticast():
		return append(net.HardwareAddr{0x33, 0x33}, a.AsSlice()[12:]...)
	}
	return append(net.HardwareAddr{2, 0}, a.AsSlice()[a.BitLen()/8-4:]...)
}

func serialize(all ...gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// An ipOption changes the IPv4 header before it is written.
type ipOption func(*layers.IPv4)

func id(n uint16) ipOption { return func(ip *layers.IPv4) { ip.Id = n } }

// ipFrame makes a frame of IPv4 or IPv6 from one address to another.
func ipFrame(from, to string, proto layers.IPProtocol, options []ipOption, rest ...gopacket.SerializableLayer) []byte {
	src, dst := netip.MustParseAddr(from), netip.MustParseAddr(to)
	eth := &layers.Ethernet{SrcMAC: macOf(src), DstMAC: macOf(dst), EthernetType: layers.EthernetTypeIPv4}
	var ip gopacket.SerializableLayer
	var network gopacket.NetworkLayer
	if src.Is4() {
		v4 := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		for _, o := range options {
			o(v4)
		}
		ip, network = v4, v4
	} else {
		eth.EthernetType = layers.EthernetTypeIPv6
		v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		ip, network = v6, v6
	}
	for _, l := range rest {
		switch l := l.(type) {
		case *layers.UDP:
			l.SetNetworkLayerForChecksum(network)
		case *layers.TCP:
			l.SetNetworkLayerForChecksum(network)
		case *layers.ICMPv6:
			l.SetNetworkLayerForChecksum(network)
		}
	}
	return serialize(append([]gopacket.SerializableLayer{eth, ip}, rest...)...)
}

// udp makes a datagram of n bytes; addresses are "192.168.5.10:35084".
func udp(from, to string, n int, options ...ipOption) []byte {
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	return ipFrame(src.Addr().String(), dst.Addr().String(), layers.IPProtocolUDP, options,
		&layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}, gopacket.Payload(make([]byte, n)))
}

// tcp makes a segment with flags such as "SA" and n bytes.
func tcp(from, to string, flags string, n int, options ...ipOption) []byte {
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	has := func(c string) bool { return strings.Contains(flags, c) }
	return ipFrame(src.Addr().String(), dst.Addr().String(), layers.IPProtocolTCP, options,
		&layers.TCP{SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()), Window: 1000,
			SYN: has("S"), ACK: has("A"), RST: has("R"), FIN: has("F"), PSH: has("P")},
		gopacket.Payload(make([]byte, n)))
}

// icmp makes an ICMP error about a frame's datagram.
func icmp(from, to string, kind, code uint8, mtu uint16, about []byte, options ...ipOption) []byte {
	if strings.Contains(from, ":") {
		data := append([]byte{0, 0, byte(mtu >> 8), byte(mtu)}, about[14:]...)
		return ipFrame(from, to, layers.IPProtocolICMPv6, options,
			&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, code)}, gopacket.Payload(data))
	}
	return ipFrame(from, to, layers.IPProtocolICMPv4, options,
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, code), Seq: mtu}, gopacket.Payload(about[14:]))
}

func arpRequest(from, who string) []byte {
	src, dst := netip.MustParseAddr(from), netip.MustParseAddr(who)
	return serialize(
		&layers.Ethernet{SrcMAC: macOf(src), DstMAC: net.HardwareAddr{255, 255, 255, 255, 255, 255}, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPRequest, SourceHwAddress: macOf(src), SourceProtAddress: src.AsSlice(),
			DstHwAddress: make([]byte, 6), DstProtAddress: dst.AsSlice()})
}

// fragments cuts an IPv4 frame into fragments of at most n bytes of data.
func fragments(frame []byte, n int) [][]byte {
	var all [][]byte
	data := frame[34:]
	for at := 0; at < len(data); at += n {
		var ip layers.IPv4
		if err := ip.DecodeFromBytes(frame[14:], gopacket.NilDecodeFeedback); err != nil {
			panic(err)
		}
		part := data[at:min(len(data), at+n)]
		ip.FragOffset = uint16(at / 8)
		if at+n < len(data) {
			ip.Flags = layers.IPv4MoreFragments
		}
		b := serialize(&ip, gopacket.Payload(part))
		all = append(all, append(frame[:14:14], b...))
	}
	return all
}

// hop returns the frame as a router sends it on.
func hop(frame []byte) []byte {
	b := append([]byte(nil), frame...)
	b[14+8]-- // time to live
	b[14+10]++
	b[5], b[11] = 0xaa, 0xbb
	return b
}

var zero = time.Unix(1_700_000_000, 0).UTC()

func after(s float64) time.Time { return zero.Add(time.Duration(s * 1e9)) }

// trace makes a Trace of lines "0.1003 laptop out A  # a comment": the time in
// seconds, host, direction, and which of the packets. "lo" stands behind the
// direction for that interface, "other" for a frame to another MAC, "eth1" for
// a second one.
func trace(t testing.TB, packets map[string][]byte, lines string) *Trace {
	t.Helper()
	tr := &Trace{Topology: house, Since: zero}
	for line := range strings.Lines(lines) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s, err := strconv.ParseFloat(words[0], 64)
		data, known := packets[words[len(words)-1]]
		if err != nil || len(words) < 4 || !known {
			t.Fatalf("trace line %q", line)
		}
		f := Frame{Host: words[1], Interface: "eth0", Direction: In, Time: after(s), Data: data}
		if words[2] == "out" {
			f.Direction = Out
		}
		switch words[3] {
		case "lo", "eth1":
			f.Interface = words[3]
		case "other":
			f.Other = true
		}
		tr.Frames = append(tr.Frames, f)
	}
	return tr
}

// diagram reads statements as a lesson writes them.
func diagram(t testing.TB, text string) *Diagram {
	t.Helper()
	arrow := regexp.MustCompile(`^(\S+?)(->>|-x)(\S+): (.*)$`)
	d := &Diagram{}
	open := []*[]*Statement{&d.Statements}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		into := open[len(open)-1]
		st := &Statement{}
		var n int
		var seconds float64
		switch m := arrow.FindStringSubmatch(line); {
		case line == "":
			continue
		case line == "%% partial":
			d.Partial = true
			continue
		case line == "end":
			open = open[:len(open)-1]
			continue
		case m != nil:
			*st = Statement{Kind: Arrow, From: m[1], To: m[3], Lost: m[2] == "-x", Text: m[4]}
		case scan(line, "loop %d times", &n):
			*st = Statement{Kind: Loop, Times: n}
			open = append(open, &st.Body)
		case scan(line, "at least %f s passes", &seconds):
			*st = Statement{Kind: Passes, AtLeast: time.Duration(seconds * 1e9)}
		case strings.HasPrefix(line, "no packets"):
			*st = Statement{Kind: Silence, Hosts: strings.Fields(line)[2:]}
		default:
			t.Fatalf("diagram line %q", line)
		}
		*into = append(*into, st)
	}
	return d
}

func scan(line, format string, into any) bool {
	n, err := fmt.Sscanf(line, format, into)
	return n == 1 && err == nil
}

// names is a Scope of names like {port} and {port2}, which stand for numbers.
type names map[string]string

func (n names) Match(text, words string) (Scope, bool) {
	next := names{}
	for k, v := range n {
		next[k] = v
	}
	var keys []string
	re := regexp.MustCompile(`\\\{[a-z0-9]+\\\}`).ReplaceAllStringFunc(regexp.QuoteMeta(text), func(s string) string {
		keys = append(keys, strings.Trim(s, `\{}`))
		return `([0-9]+)`
	})
	compiled, err := regexp.Compile("^" + re + "$")
	if err != nil { // not UTF-8
		return n, false
	}
	m := compiled.FindStringSubmatch(words)
	if m == nil {
		return n, false
	}
	for i, k := range keys {
		if v, bound := next[k]; bound && v != m[i+1] {
			return n, false
		}
		next[k] = m[i+1]
	}
	return next, true
}

func (n names) Show(text string) string {
	for k, v := range n {
		text = strings.ReplaceAll(text, "{"+k+"}", v)
	}
	return text
}
