package lesson

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// A Diagram is a Mermaid sequence diagram that accounts for the packets
// between hosts.
type Diagram struct {
	Partial    bool // "%% partial": other packets may have crossed too
	Drawing    bool // "%% not checked"
	Statements []*Statement
}

// A Statement is one line of a diagram, or a loop of several.
type Statement struct {
	Kind  StatementKind
	Pos   Pos
	End   int          // offset behind its last byte; of a loop, behind its "end"
	Hosts []string     // Packet: from and to; Note: those it stands over; Participant: the one
	Lost  bool         // Packet: "-x", left and never arrived
	Text  string       // Packet: "UDP to 1060, 23 bytes"; Note: "no packets"
	Times int          // Loop
	Body  []*Statement // Loop
}

// A StatementKind says what a statement is.
type StatementKind int

// The kinds of statements.
const (
	Packet StatementKind = iota + 1
	Note
	Loop
	Participant
)

var (
	arrowLine       = regexp.MustCompile(`^([A-Za-z0-9](?:[\w.-]*?\w)??) *(->>|-x) *([A-Za-z0-9][\w.-]*) *: *(.*)$`)
	noteLine        = regexp.MustCompile(`^Note over +([^:]*?) *: *(.*)$`)
	noteText        = regexp.MustCompile(`^(?:at least [0-9]+(?:\.[0-9]+)? s passes|no packets)$`)
	loopLine        = regexp.MustCompile(`^loop +([0-9]+) +times$`)
	participantLine = regexp.MustCompile(`^participant +([A-Za-z0-9][\w.-]*)$`)
)

const sequenceDiagram = "sequenceDiagram"

// isSequence reports whether a Mermaid fence is a sequence diagram: its first
// line says so, comments aside.
func (p *fileParser) isSequence(n ast.Node) bool {
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		line := strings.TrimSpace(string(s.Value(p.src.data)))
		if line != "" && !strings.HasPrefix(line, "%%") {
			return line == sequenceDiagram
		}
	}
	return false
}

// A diagramParser reads the lines of one diagram.
type diagramParser struct {
	*fileParser
	d     *Diagram
	loops []*Statement // the ones that are open
}

// diagram reads a sequence diagram.
func (p *fileParser) diagram(n ast.Node) *Diagram {
	d := &diagramParser{fileParser: p, d: &Diagram{}}
	type line struct {
		text   string
		offset int
	}
	var lines []line
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		raw := strings.TrimRight(string(s.Value(p.src.data)), " \t\n")
		text := strings.TrimLeft(raw, " \t")
		switch {
		case strings.HasPrefix(text, "%%"):
			d.comment(strings.TrimSpace(strings.TrimPrefix(text, "%%")))
		case text != "" && text != sequenceDiagram:
			lines = append(lines, line{text, s.Start + len(raw) - len(text)})
		}
	}
	for _, l := range lines {
		if !d.mermaidText(l.text, l.offset) && !d.d.Drawing {
			d.statement(l.text, l.offset)
		}
	}
	for _, l := range d.loops {
		p.failAt(l.Pos.Offset, "the loop has no end")
	}
	switch {
	case p.fenceEnd(n)-n.Pos() > maxMermaid:
		p.failAt(n.Pos(), "a diagram of more than %d bytes is not drawn by GitHub", maxMermaid)
	case len(lines) == 0:
		p.failAt(n.Pos(), "the diagram says nothing; if nothing crossed the wires: Note over laptop,guinness: no packets")
	}
	return d.d
}

func (d *diagramParser) comment(text string) {
	switch text {
	case "partial":
		d.d.Partial = true
	case "not checked":
		d.d.Drawing = true
	}
}

func (d *diagramParser) statement(text string, offset int) {
	s := &Statement{Pos: d.src.pos(offset), End: offset + len(text)}
	switch {
	case text == "end":
		if len(d.loops) == 0 {
			d.failAt(offset, "an end without a loop")
			return
		}
		last := len(d.loops) - 1
		d.loops[last].End = s.End
		d.loops = d.loops[:last]
		return
	case loopLine.MatchString(text):
		s.Kind = Loop
		s.Times, _ = strconv.Atoi(loopLine.FindStringSubmatch(text)[1])
		if s.Times < 1 || s.Times > 1_000_000 {
			d.failAt(offset, "a loop runs 1 to 1000000 times")
		}
	case noteLine.MatchString(text):
		d.note(s, text, offset)
	case arrowLine.MatchString(text):
		d.packet(s, text, offset)
	case participantLine.MatchString(text):
		s.Kind, s.Hosts = Participant, participantLine.FindStringSubmatch(text)[1:]
	default:
		d.failAt(offset, "no statement that can be checked; known are participant, a->>b: packet, a-xb: packet, "+
			"Note over, loop N times, end; a mere drawing says: %%%% not checked")
		return
	}
	if k := len(d.loops); k > 0 {
		d.loops[k-1].Body = append(d.loops[k-1].Body, s)
	} else {
		d.d.Statements = append(d.d.Statements, s)
	}
	if s.Kind == Loop {
		d.loops = append(d.loops, s)
	}
}

func (d *diagramParser) note(s *Statement, text string, offset int) {
	m := noteLine.FindStringSubmatchIndex(text)
	s.Kind, s.Text = Note, text[m[4]:m[5]]
	at := offset + m[2]
	for i, h := range strings.Split(text[m[2]:m[3]], ",") {
		s.Hosts = append(s.Hosts, strings.TrimSpace(h))
		d.mermaidHost(s.Hosts[i], at)
		if i == 2 {
			d.failAt(at, "Mermaid knows notes over one host or two; GitHub draws nothing of this; write two notes")
		}
		at += len(h) + len(",")
	}
	if !noteText.MatchString(s.Text) {
		d.failAt(offset+m[4], "a note says \"at least N s passes\" or \"no packets\", not %q", s.Text)
	}
}

func (d *diagramParser) packet(s *Statement, text string, offset int) {
	m := arrowLine.FindStringSubmatchIndex(text)
	s.Kind, s.Lost, s.Text = Packet, text[m[4]:m[5]] == "-x", text[m[8]:m[9]]
	s.Hosts = []string{text[m[2]:m[3]], text[m[6]:m[7]]}
	d.mermaidHost(s.Hosts[0], offset+m[2])
	d.mermaidHost(s.Hosts[1], offset+m[6])
	if s.Text == "" {
		d.failAt(offset+m[8], "an arrow says which packet: UDP to 1060, 23 bytes")
	}
	_, mistakes := d.lesson.patterns.split(s.Text)
	for _, b := range mistakes {
		d.failAt(offset+m[8]+b.offset, "no such name %s; names end in one of: %s", printable(b.text), d.lesson.patterns.types())
	}
}
