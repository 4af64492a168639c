package record

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/capture"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
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

func start(t *testing.T, o Options, streams []Stream) *Recorder {
	t.Helper()
	o.Lab, o.Topology = "test", small
	r, err := Start(t.Context(), o, streams...)
	if err != nil {
		t.Fatal(err)
	}
	r.retry = 5 * time.Millisecond
	t.Cleanup(func() { r.Close() })
	return r
}

// udpFrame is a datagram from laptop to guinness.
func udpFrame(n byte) []byte {
	b := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, 8, 0)
	b = append(b, 0x45, 0, 0, 28+n, 0, n, 0, 0, 64, 17, 0, 0, 10, 5, 0, 1, 10, 5, 0, 2)
	return append(b, append([]byte{4, 0, 1060 >> 8, 1060 & 0xff, 0, 8 + n, 0, 0}, make([]byte, n)...)...)
}

func TestTracesBetweenFences(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	send := func(n byte) {
		l.do(func() {
			l.hosts["laptop"].packet("eth0", pcapng.Out, udpFrame(n))
			l.hosts["guinness"].packet("eth0", pcapng.In, udpFrame(n))
		})
	}
	fenced := func() []string {
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if tr.Doubt() != "" {
			t.Errorf("doubt: %s", tr.Doubt())
		}
		return wire.Lines(tr.Accounted(nil))
	}
	send(1)
	got := [][]string{fenced()}
	send(2)
	send(3)
	got = append(got, fenced(), fenced())
	want := [][]string{
		{"laptop->>guinness: UDP to 1060, 1 bytes"},
		{"laptop->>guinness: UDP to 1060, 2 bytes", "laptop->>guinness: UDP to 1060, 3 bytes"},
		nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if all := wire.Lines(r.Trace().Accounted(nil)); len(all) != 3 {
		t.Errorf("in all %q; want 3", all)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := r.Fence(t.Context()); err == nil {
		t.Error("a fence behind the end")
	}
	if all := wire.Lines(r.Trace().Accounted(nil)); len(all) != 3 {
		t.Errorf("behind the end %q; want 3", all)
	}
	if got, want := r.Remarks()[0], "forger: eth9: offloads tx stay as they are"; got != want {
		t.Errorf("remark %q; want %q", got, want)
	}
}

func TestFenceNamesWhatIsMissing(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*fakeLab)
		want   string
	}{
		{"deaf on one of two networks", func(l *fakeLab) { l.deaf["guinness<forger"] = 1 << 30 },
			"guinness has not seen the markers of forger on every network (0 of 2)"},
		{"deaf to one CPU", func(l *fakeLab) { l.deaf["guinness<laptop 1"] = 1 },
			"guinness has not seen the markers of laptop on every network (0 of 1)"},
		{"silent", func(l *fakeLab) { l.hosts["laptop"].silent = true }, "laptop has not sent its markers"},
		{"gone", func(l *fakeLab) { l.hosts["laptop"].out.Close() }, "the capture on laptop ended: unexpected EOF"},
		{"broken", func(l *fakeLab) {
			io.WriteString(l.hosts["laptop"].out, "Segmentation fault\n")
			l.hosts["laptop"].out.Close()
		},
			"the capture on laptop ended: wire: pcapng: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, streams := newFakeLab(t)
			r := start(t, Options{Patience: 200 * time.Millisecond}, streams)
			l.do(func() { test.change(l) })
			_, err := r.Fence(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v; want one with %q", err, test.want)
			}
			if err := r.Close(); (err == nil) != (test.name == "silent" || strings.HasPrefix(test.name, "deaf")) {
				t.Errorf("close: %v", err)
			}
		})
	}
}

func TestFenceIsAskedForAgain(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	l.do(func() { l.deaf["guinness<laptop"] = 3 })
	if _, err := r.Fence(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.do(func() {
		if n := l.hosts["laptop"].fences; n <= rounds {
			t.Errorf("asked %d times; want more than the %d rounds", n, rounds)
		}
	})
}

// The second round begins when the first has been seen everywhere.
func TestFenceGoesRoundTwice(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	r.retry = time.Hour
	if _, err := r.Fence(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.do(func() {
		for _, h := range l.hosts {
			if h.fences != 2 {
				t.Errorf("%s was asked %d times; want 2", h.name, h.fences)
			}
		}
	})
}

func TestHostsThatCannotAnswer(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{Patience: 5 * time.Second}, streams)
	fence := func() *wire.Trace {
		t.Helper()
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	r.Pause("laptop")
	l.do(func() { l.hosts["laptop"].silent = true })
	if tr := fence(); tr.Blind["laptop"] != "it is paused" {
		t.Errorf("blind are %v; want laptop", tr.Blind)
	}
	l.do(func() { l.hosts["laptop"].silent = false })
	r.Resume("laptop")
	if tr := fence(); len(tr.Blind) > 0 {
		t.Errorf("blind are %v; want nobody", tr.Blind)
	}
	r.Cut("guinness", "far")
	l.do(func() { l.deaf["guinness<forger"] = 1; l.deaf["forger<guinness"] = 1 }) // of the two networks, one is enough now
	fence()
	r.Join("guinness", "far")
	r.Kill("laptop")
	l.do(func() { l.hosts["laptop"].out.Close() })
	if tr := fence(); len(tr.Blind) > 0 {
		t.Errorf("blind are %v; want nobody", tr.Blind)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close, with a host killed: %v", err)
	}
}

// What was lost before a fence is of no concern behind it.
func TestDropsMakeDoubt(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	var got []string
	for _, dropped := range []uint64{0, 3, 3, 4} {
		l.do(func() { l.hosts["guinness"].dropped = dropped })
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, tr.Doubt())
	}
	want := []string{"", "the capture on guinness lost 3 frames", "", "the capture on guinness lost 1 frames"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("doubts (-want +got):\n%s", diff)
	}
	if d := r.Trace().Doubt(); d != "the capture on guinness lost 4 frames" {
		t.Errorf("doubt about all: %q", d)
	}
}

func TestMemoryHasALimit(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{MaxBytes: 1000}, streams)
	l.do(func() {
		for range 20 {
			l.hosts["laptop"].packet("eth0", pcapng.Out, udpFrame(9))
		}
	})
	tr, err := r.Fence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tr.Frames); n == 0 || n == 20 || n+int(tr.Dropped["laptop"]) != 20 {
		t.Errorf("%d frames and %d dropped; want some of each, 20 in all", n, tr.Dropped["laptop"])
	}
}

func TestClockThatIsSetMakesDoubt(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	var got []string
	for _, clock := range []int64{1000, 2000, 2000 + 1e9, 2000 + 1e9} {
		l.do(func() { l.hosts["guinness"].clock = clock })
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, tr.Doubt())
	}
	if diff := cmp.Diff([]string{"", "", "the clock of guinness was set by 1s", ""}, got); diff != "" {
		t.Errorf("doubts (-want +got):\n%s", diff)
	}
}

func TestLossesAndComments(t *testing.T) {
	const fault = "drop udp/1060"
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	r.Comment("loss.md:12")
	l.do(func() {
		l.hosts["laptop"].packet("eth0", pcapng.Out, udpFrame(1))
		l.hosts["guinness"].packet("eth0", pcapng.In, udpFrame(1))
		l.hosts["guinness"].packet(capture.LossInterface, pcapng.In, udpFrame(1), fault)
	})
	tr, err := r.Fence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"laptop-xguinness: UDP to 1060, 1 bytes"}, wire.Lines(tr.Accounted(nil))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var file bytes.Buffer
	if err := r.Trace().WritePcapng(&file); err != nil {
		t.Fatal(err)
	}
	back, err := wire.ReadPcapng(&file)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Frames) != 2 || back.Frames[0].Comment != "loss.md:12" || back.Frames[1].Fault != fault {
		t.Errorf("the file has %+v", back.Frames)
	}
}

func TestStartFails(t *testing.T) {
	pipe := func(text string) Stream {
		return Stream{Host: "laptop", Out: io.NopCloser(strings.NewReader(text)), In: nopWriteCloser{}}
	}
	_, err := Start(t.Context(), Options{Topology: small}, pipe("capture: packet socket: operation not permitted\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "record: start: the capture on laptop ended: ") {
		t.Errorf("with a message for a stream: %v", err)
	}
	if _, err := Start(t.Context(), Options{Topology: small}, pipe("")); err == nil {
		t.Error("with an empty stream: no error")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	cancel(interrupted)
	_, streams := newFakeLab(t)
	if _, err := Start(ctx, Options{Topology: small}, streams...); err != nil && !errors.Is(err, interrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

type nopWriteCloser struct{}

func (nopWriteCloser) Write(b []byte) (int, error) { return len(b), nil }
func (nopWriteCloser) Close() error                { return nil }
