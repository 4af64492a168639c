package record

import (
	"net/netip"
	"testing"
)

// BenchmarkFence is the price of a look at the wire, with two hosts.
func BenchmarkFence(b *testing.B) {
	l := newLAN(b, "laptop", "guinness")
	r := l.record(b)
	for b.Loop() {
		if _, err := r.Fence(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDatagram is a datagram's price with both ends captured: sent, seen
// twice, streamed and kept. The metric lost is in percent.
func BenchmarkDatagram(b *testing.B) {
	l := newLAN(b, "laptop", "guinness")
	r := l.record(b)
	l.listen(b, "guinness", netip.AddrPortFrom(addr(1), 1060))
	c := l.connect(b, "laptop", netip.AddrPortFrom(addr(1), 1060))
	data := make([]byte, 64)
	sent := 0
	for b.Loop() {
		if _, err := c.Write(data); err != nil {
			b.Fatal(err)
		}
		sent++
	}
	tr, err := r.Fence(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(100*float64(tr.Dropped["laptop"]+tr.Dropped["guinness"])/float64(2*sent), "lost_%")
}
