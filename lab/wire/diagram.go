package wire

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Diagram says which packets crossed the wires between hosts, in the order
// of their sending. It accounts for every IP packet between hosts of the lab.
//
// What hosts send by themselves is left out: ARP, neighbour discovery and
// multicast group reports, and acknowledgements of TCP that carry nothing. A
// diagram with an arrow that names one of these (its text begins with "ARP",
// "TCP ACK", "ICMP neighbour", "ICMP router" or "ICMP multicast") accounts for
// all of that sort. Traffic within one host is never on a wire.
type Diagram struct {
	Partial    bool // packets beside those of the diagram are no matter
	Statements []*Statement
}

// A Statement is one line of a diagram, or a loop of several.
type Statement struct {
	Kind StatementKind

	From, To string // Arrow: hosts
	Lost     bool   // Arrow: it left, and never arrived
	Text     string // Arrow: a packet's words, with names for a Scope in them

	AtLeast time.Duration // Passes
	Hosts   []string      // Silence: packets from and to these hosts; empty means all

	Times int          // Loop
	Body  []*Statement // Loop
}

// A StatementKind says what a statement is.
type StatementKind int

// The kinds of statements.
const (
	// Arrow is a packet that left From and arrived at To, or did not. Several
	// arrows that follow each other may be one broadcast; hosts that it
	// reached and that no arrow names are no matter.
	Arrow StatementKind = iota + 1

	// Passes says how much time passed at least from the sending of the packet
	// before it to that of the packet after it; from the trace's beginning, or
	// to its end, where there is none.
	Passes

	// Silence says that there were no packets between those of the arrows
	// before and after it.
	Silence

	// Loop repeats its body.
	Loop
)

// String returns the statement as a diagram has it, a loop's first line only.
func (s *Statement) String() string {
	switch s.Kind {
	case Arrow:
		return fmt.Sprintf("%s%s%s: %s", s.From, s.arrow(), s.To, s.Text)
	case Passes:
		return fmt.Sprintf("at least %s s passes", trimSeconds(s.AtLeast))
	case Silence:
		return "no packets"
	case Loop:
		return fmt.Sprintf("loop %d times", s.Times)
	}
	return "?"
}

func (s *Statement) arrow() string {
	if s.Lost {
		return "-x"
	}
	return "->>"
}

// A Scope holds what the names in diagrams stand for. It never changes;
// matching returns a further one. The methods are not called concurrently.
type Scope interface {
	// Match reports whether a statement's text fits a packet's words, and
	// returns the scope that also holds the names bound thereby.
	Match(text, words string) (Scope, bool)

	// Show returns the text with its bound names replaced.
	Show(text string) string
}

// NoNames is the Scope in which braces have no meaning.
type NoNames struct{}

// Match reports whether text and words are equal.
func (n NoNames) Match(text, words string) (Scope, bool) { return n, text == words }

// Show returns the text.
func (NoNames) Show(text string) string { return text }

// A Result is what became of a Match.
type Result struct {
	Scope    Scope     // with the names that the match bound; the given one when there was none
	Mismatch *Mismatch // nil when the trace is as the diagram says

	// Doubt says why the outcome does not count, whichever it was; "" when it
	// counts.
	Doubt string
}

// A Mismatch says where a trace differs from a diagram.
type Mismatch struct {
	Statement *Statement // the one that is not met; nil when the packets go on behind the last
	Round     int        // in how many-eth round of its innermost loop, from 1; 0 outside loops
	Text      string     // what differs, a few words
	Want      string     // as a diagram's line, bound names replaced
	Got       string     // likewise
	Packets   []string   // all packets that were accounted for, as a diagram's lines
}

// Host returns the host whose packet the diagram asks for; "" when it asks for
// none.
func (m *Mismatch) Host() string {
	if m.Statement == nil {
		return ""
	}
	return m.Statement.From
}

// Error returns the mismatch on one line.
func (m *Mismatch) Error() string {
	return fmt.Sprintf("wire: %s: got %q, want %q", m.Text, m.Got, m.Want)
}

// Accounted returns the passages of the trace for which a diagram accounts. A
// nil diagram names nothing that is otherwise left out.
func (t *Trace) Accounted(d *Diagram) []*Passage {
	var texts []string
	if d != nil {
		eachArrow(d.Statements, func(s *Statement) { texts = append(texts, s.Text) })
	}
	names := func(prefixes ...string) bool {
		return slices.ContainsFunc(texts, func(text string) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
		})
	}
	arp, acks := names("ARP"), names("TCP ACK")
	discovery := names("ICMP neighbour", "ICMP router", "ICMP multicast")
	return slices.DeleteFunc(t.Passages(), func(p *Passage) bool {
		switch {
		case p.Loopback() || p.From == "":
			return true
		case p.Kind == ARP:
			return !arp
		case !p.IsIP() || p.Kind == "IGMP":
			return true
		case p.ICMP.discovery():
			return !discovery
		case p.acknowledgement():
			return !acks
		}
		return !p.Group() && p.To == "" && len(p.Arrivals()) == 0
	})
}

func eachArrow(all []*Statement, do func(*Statement)) {
	for _, s := range all {
		switch s.Kind {
		case Arrow:
			do(s)
		case Loop:
			eachArrow(s.Body, do)
		}
	}
}

// Lines returns packets as a diagram's lines.
func Lines(packets []*Passage) []string {
	var lines []string
	for _, p := range packets {
		lines = append(lines, p.Lines()...)
	}
	return lines
}

// trimSeconds returns a duration in seconds with as many digits as it needs.
func trimSeconds(d time.Duration) string {
	s := fmt.Sprintf("%.6f", d.Seconds())
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}
