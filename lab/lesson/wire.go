package lesson

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"hostlab/lab/wire"
)

// A WireResult is what crossed the wires where a diagram stands.
type WireResult struct {
	// Packets are those for which the diagram accounts, in the order of their
	// sending.
	Packets []*wire.Passage

	// Since and Until bound the time in which they were sent, by the hosts'
	// clock.
	Since, Until time.Time

	// Doubt says why the outcome does not count; "" when it does.
	Doubt string
}

// hasDiagram reports whether the section has a diagram that is checked.
func (s *Section) hasDiagram() bool {
	for _, b := range s.Blocks {
		if b.Kind == Wire && !b.Diagram.Drawing {
			return true
		}
	}
	return false
}

// forget leaves what crossed the wires so far to the section before.
func (r *run) forget(ctx context.Context, s *Section) error {
	if !s.hasDiagram() {
		return nil
	}
	_, err := r.packets(ctx, s.Pos)
	r.dog.diagramEnded()
	return err
}

// packets returns what crossed the wires since the call before.
func (r *run) packets(ctx context.Context, at Pos) (*wire.Trace, error) {
	limited, cancel := r.limited(ctx)
	defer cancel()
	t, err := r.lab.Wire(limited)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && limited.Err() != nil:
		err = fmt.Errorf("no answer of the captures within %v", r.l.Timeout)
	}
	if err != nil {
		return nil, &BrokenError{File: r.l.File, Pos: at, Err: err}
	}
	return t, nil
}

// diagram compares what crossed the wires since the last diagram or heading
// with a block. The console blocks above it have settled. A machine that stood
// still in any step since then may have made a program send once more.
func (r *run) diagram(ctx context.Context, b *Block) error {
	trace, err := r.packets(ctx, b.Pos)
	if err != nil {
		return err
	}
	stall := r.dog.diagramEnded()
	d, lines := r.expected(b.Diagram)
	res := trace.Match(d, names{r.l.patterns, r.scope})
	r.block.Wire = &WireResult{
		Packets: trace.Accounted(d), Since: trace.Since, Until: trace.Until, Doubt: res.Doubt,
	}
	if res.Scope != nil {
		r.scope = res.Scope.(names).scope
	}
	if m := res.Mismatch; m != nil {
		at := b.Pos
		if line := lines[m.Statement]; line != nil {
			at = line.Pos
		}
		r.failAt(b, at.Offset, Problem{
			Host: m.Host(), Text: m.Text, Diff: true, Want: m.Want, Got: cmp.Or(m.Got, "nothing more"),
			Packets: m.Packets, Doubt: res.Doubt, Stall: stall,
		})
	} else if res.Doubt != "" {
		r.failAt(b, b.Pos.Offset, Problem{Text: "the packets cannot be judged", Doubt: res.Doubt, Stall: stall})
	}
	return nil
}

// expected returns a diagram with the lab's addresses, and the lesson's
// statements by their counterparts.
func (r *run) expected(d *Diagram) (*wire.Diagram, map[*wire.Statement]*Statement) {
	lines := map[*wire.Statement]*Statement{}
	return &wire.Diagram{Partial: d.Partial, Statements: r.statements(d.Statements, lines)}, lines
}

func (r *run) statements(all []*Statement, lines map[*wire.Statement]*Statement) []*wire.Statement {
	var out []*wire.Statement
	for _, s := range all {
		w := &wire.Statement{}
		switch s.Kind {
		case Packet:
			*w = wire.Statement{Kind: wire.Arrow, From: s.Hosts[0], To: s.Hosts[1], Lost: s.Lost, Text: r.lab.Rewrite(s.Text)}
		case Note:
			*w = note(s)
		case Loop:
			*w = wire.Statement{Kind: wire.Loop, Times: s.Times, Body: r.statements(s.Body, lines)}
		default:
			continue // participant
		}
		lines[w] = s
		out = append(out, w)
	}
	return out
}

// note returns "at least 0.1 s passes" or "no packets" as a statement.
func note(s *Statement) wire.Statement {
	seconds, passes := strings.CutPrefix(s.Text, "at least ")
	if !passes {
		return wire.Statement{Kind: wire.Silence, Hosts: s.Hosts}
	}
	n, _ := strconv.ParseFloat(strings.TrimSuffix(seconds, " s passes"), 64) // the parser has seen to it
	return wire.Statement{Kind: wire.Passes, AtLeast: time.Duration(n * float64(time.Second))}
}

// names are a section's names, as package wire binds them.
type names struct {
	patterns patterns
	scope    scope
}

func (n names) Match(text, words string) (wire.Scope, bool) {
	parts, _ := n.patterns.split(text)
	bound := maps.Clone(n.scope)
	if bound == nil {
		bound = scope{}
	}
	if _, ok := bound.match(parts, words); !ok {
		return n, false
	}
	return names{n.patterns, bound}, true
}

func (n names) Show(text string) string {
	parts, _ := n.patterns.split(text)
	return n.scope.show(parts)
}

// caption is what the capture's packets are marked with while a step is
// carried out: the line that caused them.
func (r *run) caption(s *Step) string { return fmt.Sprintf("%s:%d", r.l.File, s.Pos.Line) }
