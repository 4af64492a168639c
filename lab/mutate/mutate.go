// Package mutate asks whether a lesson could fail at all. It changes one thing
// of a lesson at a time, an address that a server binds, a port, how many
// packets a fault takes, an option, a character of an expected line, an arrow, a status, a
// verdict, and requires that the lesson, run like that, differs from what it
// states. A change that goes unnoticed, a survivor, shows what the lesson does
// not check.
//
// Of makes the mutants, as edits of the lesson's bytes. Run judges them: those
// that change what is done need a lab; those that only change what is expected
// are held against a recording of one run. A mutant that the lesson cannot
// notice, for a reason that its author can tell, is excused by a comment:
//
//	<!-- survives bind "0.0.0.0" "127.0.0.1": both addresses are taken -->
//
// on a line above the fence, or above the verdict; only blank lines and other
// such comments may stand between. The two words are what was changed and into
// what; they and the kind are those that a report shows. An excuse that excuses
// nothing is a mistake.
package mutate

import (
	"bytes"
	"cmp"
	"slices"

	"hostlab/lab/lesson"
)

// A Kind says what a mutant changes.
type Kind string

// The kinds of mutants.
const (
	Bind    Kind = "bind"    // the address that a server binds; the line that repeats it changes with it
	Address Kind = "address" // another address or host in a command
	Port    Kind = "port"    // a port in a command, or one where the default was meant
	Option  Kind = "option"  // an option without a value, such as --reuse-addr, left out
	Drop    Kind = "drop"    // which packets a fault, or a program's --drop, takes
	Line    Kind = "line"    // a character of an expected line
	Arrow   Kind = "arrow"   // a packet, note or loop of a diagram
	Status  Kind = "status"  // how a program ends
	Verdict Kind = "verdict"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Bind, Address, Port, Option, Drop, Line, Arrow, Status, Verdict} }

// does reports whether mutants of the kind change what is done on the hosts.
func (k Kind) does() bool { return slices.Contains([]Kind{Bind, Address, Port, Option, Drop}, k) }

// A Mutant is a lesson with one thing changed.
type Mutant struct {
	Kind    Kind
	Pos     lesson.Pos    // of the change
	Was, Is string        // what was changed, and into what: words, or a whole line
	Edits   []lesson.Edit // in their order
	Excuse  *Excuse       // the lesson's own reason why it may survive; nil when it has none
}

// Apply returns the source of the mutant.
func (m *Mutant) Apply(source []byte) []byte {
	return (&lesson.Revision{Edits: m.Edits}).Apply(source)
}

// Of returns the mutants of a lesson, in the order of the file, and the excuses
// that excuse none of them. It does not look at the lab, so one may turn out to
// be no lesson; that is noticed, too.
func Of(l *lesson.Lesson) (all []*Mutant, idle []*Excuse) {
	g := &generator{l: l, source: l.Source()}
	for _, s := range l.Sections {
		for _, b := range s.Blocks {
			g.under(b.Pos, func() { g.block(b) })
		}
	}
	for _, c := range l.Claims {
		if c.Stated != "" {
			g.under(c.VerdictPos, func() { g.verdict(c) })
		}
	}
	slices.SortStableFunc(g.all, func(a, b *Mutant) int { return cmp.Compare(a.Pos.Offset, b.Pos.Offset) })
	idle = append(g.idle, g.stray()...)
	slices.SortFunc(idle, func(a, b *Excuse) int { return cmp.Compare(a.Pos.Offset, b.Pos.Offset) })
	return g.all, idle
}

// A generator collects mutants.
type generator struct {
	l       *lesson.Lesson
	source  []byte
	all     []*Mutant
	excuses []*Excuse    // of the block in hand
	seen    map[int]bool // offsets of excuses that stand above something
	last    int          // the largest offset above which excuses were looked for
	idle    []*Excuse
}

// under makes the mutants of what stands at a place, with the excuses above it.
func (g *generator) under(at lesson.Pos, mutants func()) {
	g.excuses = excusesAbove(g.l, at)
	mutants()
	if g.seen == nil {
		g.seen = map[int]bool{}
	}
	for _, e := range g.excuses {
		g.seen[e.Pos.Offset] = true
		if !e.used {
			g.idle = append(g.idle, e)
		}
	}
	g.last = max(g.last, at.Offset)
}

// stray returns the excuses that stand above nothing.
func (g *generator) stray() []*Excuse {
	var all []*Excuse
	for _, m := range excuseStart.FindAllIndex(g.source[:g.last], -1) {
		if !g.seen[m[0]] {
			all = append(all, &Excuse{Pos: g.l.PosAt(m[0])})
		}
	}
	return all
}

// add adds a mutant: [start, end) becomes is, and further edits go with it.
func (g *generator) add(kind Kind, start, end int, is string, more ...lesson.Edit) {
	was := string(g.source[start:end])
	g.addAs(kind, start, end, is, was, is, more...)
}

// addAs is add under other words than those of the edit.
func (g *generator) addAs(kind Kind, start, end int, text, was, is string, more ...lesson.Edit) {
	if string(g.source[start:end]) == text && len(more) == 0 {
		return
	}
	m := &Mutant{Kind: kind, Pos: g.l.PosAt(start), Was: was, Is: is, Edits: append([]lesson.Edit{{Start: start, End: end, Text: text}}, more...)}
	slices.SortStableFunc(m.Edits, func(a, b lesson.Edit) int { return cmp.Compare(a.Start, b.Start) })
	for _, e := range g.excuses {
		if e.Kind == kind && e.Was == was && e.Is == is {
			m.Excuse, e.used = e, true
		}
	}
	g.all = append(g.all, m)
}

// lines returns the offsets of a position's line.
func (g *generator) line(p lesson.Pos) (start, after int) {
	start = p.Offset - (p.Column - 1)
	if i := bytes.IndexByte(g.source[p.Offset:], '\n'); i >= 0 {
		return start, p.Offset + i + 1
	}
	return start, len(g.source)
}
