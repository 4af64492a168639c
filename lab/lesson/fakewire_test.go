package lesson

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// A fakeWire makes real frames of the lines of a script:
//
//	wire laptop->>guinness UDP 35084 1060 23    a datagram from port to port, with so many bytes
//	wire laptop-xguinness UDP 35084 1060 23     only the sender's capture sees it
//	wire guinness->>laptop refused              ICMP port unreachable about the latest datagram
//	wire laptop->>* UDP 35084 1060 19           a broadcast, into every other host
//	wire laptop->>* who-has 192.168.5.77        ARP's question
//	wire 0.1                                    so many seconds pass
//	wire doubt the clock was set                the next trace is not to be trusted
//	wire gone                                   the captures have ended
//
// Every packet takes a millisecond of a clock that nothing else moves.
type fakeWire struct {
	topology *topology.Topology
	now      time.Time
	since    time.Time
	frames   []wire.Frame
	latest   []byte // frame of the latest datagram
	doubts   []string
	gone     bool
	id       uint16
}

func newFakeWire() fakeWire {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return fakeWire{topology: &topology.Topology{}, now: start, since: start}
}

// with gives the lab the hosts of a lesson, under the addresses that the lab has.
func (l *fakeLab) with(les *Lesson) *fakeLab {
	t := *les.Topology
	t.Hosts = nil
	for _, h := range les.Topology.Hosts {
		var on []topology.Interface
		for _, i := range h.Interfaces {
			var addrs []netip.Addr
			for _, a := range i.Addrs {
				addrs = append(addrs, netip.MustParseAddr(l.rewrite.Replace(a.String())))
			}
			on = append(on, topology.Interface{Network: i.Network, Addrs: addrs})
		}
		t.Hosts = append(t.Hosts, topology.Host{Name: h.Name, Interfaces: on})
	}
	l.wire.topology = &t
	return l
}

func (l *fakeLab) Wire(ctx context.Context) (*wire.Trace, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &l.wire
	if w.gone {
		return nil, errors.New("the captures have ended")
	}
	w.now = w.now.Add(time.Millisecond)
	t := &wire.Trace{Topology: w.topology, Since: w.since, Until: w.now, Frames: append([]wire.Frame(nil), w.frames...), Doubts: w.doubts}
	w.since, w.doubts = w.now, nil
	return t, ctx.Err()
}

// cross carries out a "wire" line.
func (l *fakeLab) cross(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &l.wire
	words := strings.Fields(line)[1:]
	seconds, err := strconv.ParseFloat(words[0], 64)
	switch {
	case err == nil:
		w.now = w.now.Add(time.Duration(seconds * float64(time.Second)))
		return
	case words[0] == "gone":
		w.gone = true
		return
	case words[0] == "doubt":
		w.doubts = append(w.doubts, strings.Join(words[1:], " "))
		return
	}
	from, to, arrived := strings.Cut(words[0], "->>")
	if !arrived {
		from, to, _ = strings.Cut(words[0], "-x")
	}
	w.send(from, to, arrived, w.frame(from, to, words[1:]))
}

// send lets the captures see a frame.
func (w *fakeWire) send(from, to string, arrived bool, frame []byte) {
	w.now = w.now.Add(time.Millisecond)
	see := func(host string, d wire.Direction, at time.Time) {
		w.frames = append(w.frames, wire.Frame{Host: host, Interface: "eth0", Direction: d, Time: at, Data: frame})
	}
	see(from, wire.Out, w.now)
	for _, h := range w.topology.Hosts {
		if arrived && (h.Name == to || to == "*" && h.Name != from) {
			see(h.Name, wire.In, w.now.Add(10*time.Microsecond))
		}
	}
}

func (w *fakeWire) addr(host string) netip.Addr {
	for _, h := range w.topology.Hosts {
		if h.Name == host {
			return h.Interfaces[0].Addrs[0]
		}
	}
	return netip.MustParseAddr("255.255.255.255")
}

// frame makes the frame of "UDP 35084 1060 23", "refused" or "who-has ADDRESS".
func (w *fakeWire) frame(from, to string, words []string) []byte {
	w.id++
	src, dst := w.addr(from), w.addr(to)
	eth := &layers.Ethernet{SrcMAC: macOf(src), DstMAC: macOf(dst), EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Id: w.id, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	if words[0] == "who-has" {
		eth.EthernetType = layers.EthernetTypeARP
		return serialized(eth, &layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
			SourceHwAddress: macOf(src), SourceProtAddress: src.AsSlice(),
			DstHwAddress: make([]byte, 6), DstProtAddress: netip.MustParseAddr(words[1]).AsSlice(),
		})
	}
	if words[0] == "refused" {
		ip.Protocol = layers.IPProtocolICMPv4
		return serialized(eth, ip, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 3)}, gopacket.Payload(w.latest[14:]))
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(words[i+1])
	}
	ip.Protocol = layers.IPProtocolUDP
	udp := &layers.UDP{SrcPort: layers.UDPPort(n[0]), DstPort: layers.UDPPort(n[1])}
	_ = udp.SetNetworkLayerForChecksum(ip)
	w.latest = serialized(eth, ip, udp, gopacket.Payload(make([]byte, n[2])))
	return w.latest
}

func macOf(a netip.Addr) net.HardwareAddr {
	if a.As4()[3] == 255 {
		return net.HardwareAddr{255, 255, 255, 255, 255, 255}
	}
	return binary.BigEndian.AppendUint32([]byte{2, 0}, binary.BigEndian.Uint32(a.AsSlice()))
}

func serialized(all ...gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		panic(fmt.Sprint("frames of a test: ", err))
	}
	return b.Bytes()
}
