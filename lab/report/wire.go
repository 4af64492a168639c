package report

import (
	"fmt"
	"time"

	"hostlab/lab/lesson"
)

// A Packet is one packet that crossed the wires where a diagram stands, from
// one host to another. A broadcast is several, of the same time.
type Packet struct {
	At    time.Duration // since the diagram's own time began; see Began
	Line  string        // as a diagram has it: "laptop-xguinness: UDP to 1060, 23 bytes"
	Lost  bool          // it left, and never arrived
	Fault string        // what took it: "drop udp/1060 --first 2"; "" when no fault did
	Where string        // the host where that happened
}

// Packets returns what crossed the wires where a diagram stands, in the order
// of sending.
func Packets(w *lesson.WireResult) []Packet {
	var all []Packet
	for _, p := range w.Packets {
		one := Packet{At: p.Sent.Sub(Began(w)), Lost: len(p.Arrivals()) == 0}
		one.Lost = one.Lost || p.To != "" && !p.Arrived(p.To)
		if one.Lost {
			one.Fault, one.Where = p.Fault()
		}
		for _, one.Line = range p.Lines() {
			all = append(all, one)
		}
	}
	return all
}

// Began returns when a diagram's own time began: at the last diagram or heading
// before it, or, when that is not known, with its first packet.
func Began(w *lesson.WireResult) time.Time {
	if w.Since.IsZero() && len(w.Packets) > 0 {
		return w.Packets[0].Sent
	}
	return w.Since
}

// String returns the packet as a line of a report.
func (p Packet) String() string {
	line := fmt.Sprintf("%9.4f s  %s", p.At.Seconds(), p.Line)
	if p.Fault != "" {
		line += fmt.Sprintf("  (%s: %s)", p.Where, p.Fault)
	}
	return line
}

// maxPackets is how many packets of a diagram a terminal shows: so many at the
// beginning, and a few of the last.
const (
	maxPackets  = 40
	lastPackets = 5
)

// wire writes what crossed the wires where a diagram stands.
func (t *terminal) wire(w *lesson.WireResult) {
	all := Packets(w)
	t.print("\n  %s\n", t.paint(dim, "on the wire"))
	if len(all) == 0 {
		t.print("  %s\n", t.paint(dim, "    no packets"))
	}
	for i, p := range all {
		switch left := len(all) - lastPackets - i; {
		case len(all) <= maxPackets || i < maxPackets-lastPackets || left <= 0:
			t.print("  %s\n", visible(p.String()))
		case i == maxPackets-lastPackets:
			t.print("  %s\n", t.paint(dim, fmt.Sprintf("    … %d more …", left)))
		}
	}
	if w.Doubt != "" {
		t.wrapped("    "+t.paint(yellow, "in doubt")+"  ", "              ", w.Doubt)
	}
}

// A DocumentWire is what really crossed the wires where a diagram stands.
type DocumentWire struct {
	Line    int              `json:"line"` // of the diagram
	Packets []DocumentPacket `json:"packets"`
	Doubt   string           `json:"doubt,omitempty"` // why the outcome does not count
}

// A DocumentPacket is one packet on its way between two hosts. A broadcast is
// several, of the same time.
type DocumentPacket struct {
	At        float64 `json:"at"`                   // since the last diagram or heading; to the microsecond
	Text      string  `json:"text"`                 // as a diagram's line: "laptop->>guinness: UDP to 1060, 23 bytes"
	Arrived   bool    `json:"arrived"`              // into the host that it was for
	Fault     string  `json:"fault,omitempty"`      // that took it: "drop udp/1060 --first 2"
	FaultHost string  `json:"fault_host,omitempty"` // where
}

func documentWire(b *lesson.BlockResult) DocumentWire {
	d := DocumentWire{Line: b.Block.Pos.Line, Packets: []DocumentPacket{}, Doubt: b.Wire.Doubt}
	for _, p := range Packets(b.Wire) {
		d.Packets = append(d.Packets, DocumentPacket{
			At: p.At.Round(time.Microsecond).Seconds(), Text: p.Line, Arrived: !p.Lost, Fault: p.Fault, FaultHost: p.Where,
		})
	}
	return d
}
