package wire

import (
	"testing"
	"time"
)

// BenchmarkPassages follows 10,000 packets, each seen twice.
func BenchmarkPassages(b *testing.B) {
	tr := &Trace{Topology: house}
	for i := range 10_000 {
		data := udp(laptop+":35084", guinness+":1060", 64, id(uint16(i)))
		at := zero.Add(time.Duration(i) * time.Microsecond)
		tr.Frames = append(tr.Frames,
			Frame{Host: "laptop", Interface: "eth0", Direction: Out, Time: at, Data: data},
			Frame{Host: "guinness", Interface: "eth0", Direction: In, Time: at.Add(500), Data: data})
	}
	for b.Loop() {
		if n := len(tr.Passages()); n != 10_000 {
			b.Fatalf("%d passages", n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	frame := udp(laptop+":35084", guinness+":1060", 64)
	for b.Loop() {
		Decode(frame)
	}
}
