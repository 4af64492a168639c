package record

import (
	"bytes"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"hostlab/lab/wire"
)

// What is in the ring when standard input ends is still in the file.
func TestEndDrains(t *testing.T) {
	l := newLAN(t, "laptop", "guinness")
	s := l.capture(t, "laptop", "--lo=false")
	file := make(chan []byte)
	first := make(chan struct{})
	go func() {
		var b bytes.Buffer
		one := make([]byte, 1)
		if n, _ := s.Out.Read(one); n == 1 {
			b.Write(one)
		}
		close(first) // it is ready
		io.Copy(&b, s.Out)
		file <- b.Bytes()
	}()
	<-first
	c := l.connect(t, "laptop", netip.AddrPortFrom(addr(1), 1060))
	for range 10 {
		c.Write(make([]byte, 23)) // refusals are no matter
	}
	s.In.Close()
	tr, err := wire.ReadPcapng(bytes.NewReader(<-file))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range tr.Passages() {
		if p.Kind == wire.UDP && p.Length == 23 {
			n++
		}
	}
	if n == 0 {
		t.Errorf("no datagram in the file; it has %v", tr.Passages())
	}
}

// 100,000 datagrams in a second: each is in the trace of its sender, or
// counted as dropped.
func TestFlood(t *testing.T) {
	const rate, seconds = 100_000, 1
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	fence(t, r)
	l.listen(t, "guinness", netip.AddrPortFrom(addr(1), 1060)) // and never read
	c := ipv4.NewPacketConn(l.connect(t, "laptop", netip.AddrPortFrom(addr(1), 1060)))
	batch := make([]ipv4.Message, 100)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, 64)}
	}
	sent := 0
	begin := time.Now()
	for sent < rate*seconds {
		if due := int(time.Since(begin).Seconds() * rate); sent+len(batch) > due {
			runtime.Gosched()
			continue
		}
		n, err := c.WriteBatch(batch, 0)
		if err != nil {
			t.Fatal(err)
		}
		sent += n
	}
	took := time.Since(begin)
	tr, err := r.Fence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left, arrived := 0, 0
	for i := range tr.Frames {
		f := &tr.Frames[i]
		if p := wire.Decode(f.Data); p.Kind == wire.UDP && p.Length == 64 && f.Interface == "eth0" {
			switch {
			case f.Host == "laptop" && f.Direction == wire.Out:
				left++
			case f.Host == "guinness" && f.Direction == wire.In:
				arrived++
			}
		}
	}
	t.Logf("%d datagrams in %v: %d seen at the sender, %d at the receiver; dropped %v", sent, took, left, arrived, tr.Dropped)
	if lost := tr.Dropped["laptop"]; uint64(left)+lost < uint64(sent) || lost == 0 && left != sent {
		t.Errorf("%d seen and %d dropped of %d", left, lost, sent)
	}
	if (tr.Dropped["laptop"] > 0 || tr.Dropped["guinness"] > 0) != (tr.Doubt() != "") {
		t.Errorf("dropped %v, doubt %q", tr.Dropped, tr.Doubt())
	}
}

// A ring that is far too small, and a reader that does not read: drops are
// counted, and the trace is in doubt.
func TestDropsAreCounted(t *testing.T) {
	l := newLAN(t, "laptop", "guinness")
	slow := l.capture(t, "laptop", "--ring", "1")
	gate := &gated{ReadCloser: slow.Out}
	slow.Out = gate
	r, err := Start(t.Context(), Options{Lab: "test", Topology: l.Topology}, slow, l.capture(t, "guinness"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	fence(t, r)
	gate.close()
	c := l.connect(t, "laptop", netip.AddrPortFrom(addr(1), 1060))
	l.listen(t, "guinness", netip.AddrPortFrom(addr(1), 1060))
	const sent = 60_000 // of 1400 bytes: more than ring, queue and pipe hold
	for range sent {
		if _, err := c.Write(make([]byte, 1400)); err != nil {
			t.Fatal(err)
		}
	}
	gate.release()
	tr, err := r.Fence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := uint64(0)
	for i := range tr.Frames {
		if f := &tr.Frames[i]; f.Host == "laptop" && f.Direction == wire.Out && len(f.Data) == 14+20+8+1400 {
			left++
		}
	}
	if lost := tr.Dropped["laptop"]; lost == 0 || left+lost < sent {
		t.Errorf("%d seen and %d counted as dropped of %d", left, lost, sent)
	}
	if tr.Doubt() == "" {
		t.Error("no doubt")
	}
}

// A gated reader waits while its gate is closed.
type gated struct {
	io.ReadCloser
	mu   sync.Mutex
	open chan struct{} // nil while the gate is open
}

func (g *gated) Read(b []byte) (int, error) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	if open != nil {
		<-open
	}
	return g.ReadCloser.Read(b)
}

func (g *gated) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gated) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.open = nil
}
