package record

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"hostlab/lab/capture"
	"hostlab/lab/topology"
	"hostlab/lab/wire/pcapng"
)

// laptop --- lan --- guinness, forger; guinness --- far --- forger
var small = &topology.Topology{Hosts: []topology.Host{
	{Name: "laptop", Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{netip.MustParseAddr("10.5.0.1")}}}},
	{Name: "guinness", Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{netip.MustParseAddr("10.5.0.2")}}, {Network: "far"}}},
	{Name: "forger", Interfaces: []topology.Interface{{Network: "lan"}, {Network: "far"}}},
}}

// A fakeLab is captures that a test plays.
type fakeLab struct {
	mu    sync.Mutex
	hosts map[string]*fakeHost

	// deaf says, as "guinness<laptop", whose markers a host does not see, and
	// how many; as "guinness<laptop 1", of which CPU it never sees them.
	deaf map[string]int
}

// A fakeHost is a capture that answers fences with markers to its neighbours.
type fakeHost struct {
	name    string
	file    *pcapng.Writer
	out     *os.File // the other end of the recorder's stream
	ids     map[string]int
	clock   int64
	dropped uint64
	silent  bool // it answers no fence
	fences  int  // it was asked
}

// newFakeLab returns streams of small's hosts, which are ready.
func newFakeLab(t *testing.T) (*fakeLab, []Stream) {
	t.Helper()
	l := &fakeLab{hosts: map[string]*fakeHost{}, deaf: map[string]int{}}
	var streams []Stream
	for _, spec := range small.Hosts {
		fromHost, toRecorder, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		commands, toHost := io.Pipe()
		h := &fakeHost{name: spec.Name, out: toRecorder, ids: map[string]int{}, clock: 1000}
		h.file, err = pcapng.NewWriter(toRecorder, pcapng.Section{})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{capture.LossInterface, "eth0", "eth1", "lo"} {
			h.ids[name], _ = h.file.Interface(pcapng.Interface{Name: name})
		}
		h.say("note eth9: offloads tx stay as they are")
		h.say(capture.Ready)
		l.hosts[spec.Name] = h
		var wait sync.WaitGroup
		wait.Go(func() { l.serve(h, commands) })
		t.Cleanup(func() { commands.Close(); wait.Wait(); toRecorder.Close() })
		streams = append(streams, Stream{Host: spec.Name, Out: fromHost, In: toHost})
	}
	return l, streams
}

func (h *fakeHost) say(text string) {
	h.file.Statistics(pcapng.Statistics{Time: time.Now(), Dropped: h.dropped, Comment: text})
}

// serve answers what the recorder asks, and ends when it does.
func (l *fakeLab) serve(h *fakeHost, commands io.Reader) {
	for in := bufio.NewScanner(commands); in.Scan(); {
		var n uint64
		if _, err := fmt.Sscanf(in.Text(), "fence %d", &n); err == nil {
			l.fence(h, n)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h.say(capture.Ended)
	h.out.Close()
}

// fence sends two markers, one on each of two CPUs, on every network.
func (l *fakeLab) fence(h *fakeHost, n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.fences++
	if h.silent {
		return
	}
	spec, _ := small.Host(h.name)
	before := time.Now()
	for i, own := range spec.Interfaces {
		for part := range uint16(2) {
			m := capture.Marker{Lab: "test", Host: h.name, Fence: n, Part: part, Parts: 2}
			h.see(fmt.Sprint("eth", i), pcapng.Out, m)
			for _, to := range l.hosts {
				there, _ := small.Host(to.name)
				for j, other := range there.Interfaces {
					if to == h || other.Network != own.Network {
						continue
					}
					key := to.name + "<" + h.name
					if l.deaf[key] > 0 {
						l.deaf[key]--
						continue
					}
					if l.deaf[fmt.Sprint(key, " ", part)] > 0 {
						continue
					}
					to.see(fmt.Sprint("eth", j), pcapng.In, m)
				}
			}
		}
	}
	h.file.Statistics(pcapng.Statistics{Time: before, Dropped: h.dropped,
		Comment: fmt.Sprintf(capture.Fenced, n, 2*len(spec.Interfaces), h.clock)})
}

func (h *fakeHost) see(iface string, d pcapng.Direction, m capture.Marker) {
	frame := append(make([]byte, 12), capture.EtherType>>8, capture.EtherType&0xff)
	h.packet(iface, d, m.Append(frame))
}

func (h *fakeHost) packet(iface string, d pcapng.Direction, data []byte, comments ...string) {
	h.file.Packet(pcapng.Packet{Interface: h.ids[iface], Time: time.Now(), Direction: d, Data: data, Comments: comments})
}

// do changes the lab while no fence is under way.
func (l *fakeLab) do(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// send sends a datagram from laptop to guinness.
func (l *fakeLab) send(n byte) {
	l.do(func() {
		l.hosts["laptop"].packet("eth0", pcapng.Out, udpFrame(n))
		l.hosts["guinness"].packet("eth0", pcapng.In, udpFrame(n))
	})
}

// udpFrame is a datagram from laptop to guinness.
func udpFrame(n byte) []byte {
	b := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, 8, 0)
	b = append(b, 0x45, 0, 0, 28+n, 0, n, 0, 0, 64, 17, 0, 0, 10, 5, 0, 1, 10, 5, 0, 2)
	return append(b, append([]byte{4, 0, 1060 >> 8, 1060 & 0xff, 0, 8 + n, 0, 0}, make([]byte, n)...)...)
}
