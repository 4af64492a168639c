package handout

import (
	"fmt"
	"slices"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/wire"
)

// A sequence is a sequence diagram as data: lifelines and what happens between
// them, from top to bottom.
type sequence struct {
	hosts []string
	rows  []row
}

// A row is one thing that happens.
type row struct {
	kind     rowKind
	from, to string   // arrow
	text     string   // arrow: the packet; note, loop, gap, more: words
	lost     bool     // arrow: it never arrived
	fault    string   // arrow: what took it, and where
	time     string   // arrow: when it was sent; "" when that is not known
	hosts    []string // note: over which lifelines; none means all
}

type rowKind int

const (
	arrowRow rowKind = iota + 1
	noteRow
	loopRow // up to its endRow
	endRow
	gapRow  // time passes
	moreRow // rows that are left out
)

// hostOf returns the lifeline of a host; a new one when it has none yet.
func (s *sequence) hostOf(name string) string {
	if !slices.Contains(s.hosts, name) {
		s.hosts = append(s.hosts, name)
	}
	return name
}

// stated returns what a lesson's diagram says.
func stated(d *lesson.Diagram) sequence {
	var s sequence
	s.statements(d.Statements)
	return s
}

func (s *sequence) statements(all []*lesson.Statement) {
	for _, st := range all {
		switch st.Kind {
		case lesson.Participant:
			s.hostOf(st.Hosts[0])
		case lesson.Packet:
			s.rows = append(s.rows, row{kind: arrowRow, from: s.hostOf(st.Hosts[0]), to: s.hostOf(st.Hosts[1]), text: st.Text, lost: st.Lost})
		case lesson.Note:
			for _, h := range st.Hosts {
				s.hostOf(h)
			}
			s.rows = append(s.rows, row{kind: noteRow, text: st.Text, hosts: st.Hosts})
		case lesson.Loop:
			s.rows = append(s.rows, row{kind: loopRow, text: fmt.Sprintf("%d times", st.Times)})
			s.statements(st.Body)
			s.rows = append(s.rows, row{kind: endRow})
		}
	}
}

const (
	mostPackets = 40                    // of one diagram; more are left out in its middle
	lastPackets = 5                     // of those
	shortGap    = 50 * time.Millisecond // a longer one is drawn
)

// seen returns what really crossed the wires where a diagram stands. The
// lifelines are those of the diagram, and of who else had a part in it.
func seen(d *lesson.Diagram, w *lesson.WireResult) sequence {
	stated := stated(d)
	s := sequence{hosts: stated.hosts}
	began := w.Since
	if began.IsZero() && len(w.Packets) > 0 {
		began = w.Packets[0].Sent
	}
	var last time.Time
	for i, p := range w.Packets {
		if left := len(w.Packets) - lastPackets; len(w.Packets) > mostPackets && i >= mostPackets-lastPackets && i < left {
			if i == mostPackets-lastPackets {
				s.rows = append(s.rows, row{kind: moreRow, text: fmt.Sprintf("%d more packets", left-i)})
			}
			continue
		}
		if gap := p.Sent.Sub(last); !last.IsZero() && gap >= shortGap {
			s.rows = append(s.rows, row{kind: gapRow, text: fmt.Sprintf("+%.2f s", gap.Seconds())})
		}
		last = p.Sent
		s.packet(p, fmt.Sprintf("%.4f s", p.Sent.Sub(began).Seconds()))
	}
	if len(w.Packets) == 0 {
		s.rows = append(s.rows, row{kind: noteRow, text: "no packets"})
	}
	return s
}

// packet adds one packet: an arrow, or for a broadcast one to each host into
// which it came.
func (s *sequence) packet(p *wire.Passage, at string) {
	from := p.From
	if from == "" {
		from = p.Src.String()
	}
	r := row{kind: arrowRow, from: s.hostOf(from), text: p.Packet.String(), time: at}
	arrivals := p.Arrivals()
	if p.To != "" && !slices.Contains(arrivals, p.To) || len(arrivals) == 0 {
		r.to = p.To
		if r.to == "" {
			r.to = p.Dst.String()
		}
		s.hostOf(r.to)
		r.lost = true
		if fault, host := p.Fault(); fault != "" {
			r.fault = fmt.Sprintf("taken at %s: %s", host, fault)
		}
		s.rows = append(s.rows, r)
		return
	}
	for _, to := range arrivals {
		r.to = s.hostOf(to)
		s.rows = append(s.rows, r)
		r.time = ""
	}
}

// words returns the diagram in words, for those who do not see it.
func (s *sequence) words() string {
	text := ""
	for _, r := range s.rows {
		line := r.text
		switch {
		case r.kind == arrowRow && r.lost:
			line = fmt.Sprintf("%s to %s, never arrived: %s %s", r.from, r.to, r.text, r.fault)
		case r.kind == arrowRow:
			line = fmt.Sprintf("%s to %s: %s", r.from, r.to, r.text)
		case r.kind == loopRow:
			line = "the following " + r.text
		case r.kind == endRow:
			line = "end of that"
		}
		if text != "" {
			text += "; "
		}
		if r.time != "" {
			text += "at " + r.time + ", "
		}
		text += line
	}
	return text
}
