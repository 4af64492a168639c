package report

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// began is when each look at the wires of a script begins.
var began = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// onWire is the script's key for what crosses its wires: a line for each
// datagram, "0.1 laptop guinness 1060 23", with "lost", a fault behind it, when
// that took it; "doubt" and a reason.
const onWire = "wire"

func (s script) Wire(context.Context) (*wire.Trace, error) {
	t := &wire.Trace{
		Since: began, Until: began.Add(time.Hour), Dropped: map[string]uint64{},
		Topology: &topology.Topology{Hosts: []topology.Host{host("laptop", 10), host("guinness", 130)}},
	}
	for line := range strings.Lines(s[onWire]) {
		var at float64
		var from, to string
		var port uint16
		var n int
		if reason, ok := strings.CutPrefix(line, "doubt "); ok {
			t.Doubts = append(t.Doubts, strings.TrimSpace(reason))
			continue
		}
		fmt.Sscan(line, &at, &from, &to, &port, &n)
		_, fault, _ := strings.Cut(strings.TrimSpace(line), " lost ")
		data := udp(byte(len(t.Frames)), t.Topology, from, to, port, n)
		sent := began.Add(time.Duration(at * float64(time.Second)))
		t.Frames = append(t.Frames,
			wire.Frame{Host: from, Interface: "eth0", Direction: wire.Out, Time: sent, Data: data},
			wire.Frame{Host: to, Interface: "eth0", Direction: wire.In, Time: sent.Add(time.Microsecond), Data: data, Fault: fault})
	}
	return t, nil
}

func (script) Caption(string) {}

func host(name string, last byte) topology.Host {
	return topology.Host{Name: name, Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 5, last})}}}}
}

// udp makes a frame; id tells equal datagrams apart.
func udp(id byte, t *topology.Topology, from, to string, port uint16, n int) []byte {
	src, _ := t.Host(from)
	dst, _ := t.Host(to)
	s, d := src.Addrs()[0].As4(), dst.Addrs()[0].As4()
	b := append([]byte{2, 0}, d[:]...)
	b = append(append(b, 2, 0), s[:]...)
	b = append(b, 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+n))
	b = append(b, 0, id, 0, 0, 64, 17, 0, 0)
	b = append(append(b, s[:]...), d[:]...)
	b = binary.BigEndian.AppendUint16(b, 40000)
	b = binary.BigEndian.AppendUint16(b, port)
	b = binary.BigEndian.AppendUint16(b, uint16(8+n))
	return append(append(b, 0, 0), make([]byte, n)...)
}

func TestPackets(t *testing.T) {
	s := script{onWire: "0 laptop guinness 1060 23 lost drop udp/1060 --first 1\n0.1004 laptop guinness 1060 23\n"}
	trace, _ := s.Wire(t.Context())
	w := &lesson.WireResult{Packets: trace.Passages(), Since: trace.Since}
	want := []string{
		"   0.0000 s  laptop-xguinness: UDP to 1060, 23 bytes  (guinness: drop udp/1060 --first 1)",
		"   0.1004 s  laptop->>guinness: UDP to 1060, 23 bytes",
	}
	for i, p := range Packets(w) {
		if got := p.String(); got != want[i] {
			t.Errorf("packet %d: %q; want %q", i, got, want[i])
		}
	}
	w.Since = time.Time{}
	w.Packets = w.Packets[1:]
	if p := Packets(w)[0]; p.At != 0 || p.Lost {
		t.Errorf("without a bound the first packet is %v; want it at 0", p)
	}
}

// TestManyPackets shows the beginning and the end of a long diagram.
func TestManyPackets(t *testing.T) {
	var s strings.Builder
	for i := range 200 {
		fmt.Fprintf(&s, "%d laptop guinness 1060 23\n", i)
	}
	trace, _ := script{onWire: s.String()}.Wire(t.Context())
	term := &terminal{}
	term.wire(&lesson.WireResult{Packets: trace.Passages(), Since: trace.Since})
	lines := bytes.Split(bytes.TrimSpace(term.out.Bytes()), []byte("\n"))
	if len(lines) != maxPackets+2 { // a heading, and the line about those in between
		t.Errorf("%d lines; want %d", len(lines), maxPackets+2)
	}
	for i, want := range map[int]string{1: " 0.0000 s", 35: " 34.0000 s", 36: "… 160 more …", 37: " 195.0000 s", 41: " 199.0000 s"} {
		if !bytes.Contains(lines[i], []byte(want)) {
			t.Errorf("line %d: %s; want %s in it", i, lines[i], want)
		}
	}
}
