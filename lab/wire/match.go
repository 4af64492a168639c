package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Match compares the trace with a diagram, names being those of the scope; nil
// means NoNames.
func (t *Trace) Match(d *Diagram, scope Scope) Result {
	if scope == nil {
		scope = NoNames{}
	}
	m := &matcher{trace: t, partial: d.Partial, packets: t.Accounted(d), budget: maxTries}
	m.most = max(1, len(t.hosts())) * len(m.packets)
	m.unroll(d.Statements, 0)
	m.fixed = !slices.ContainsFunc(m.steps, func(s step) bool { return s.Kind == Silence })
	r := Result{Scope: scope, Doubt: t.Doubt()}
	end, ok := m.run(state{scope: scope, last: t.Since})
	switch {
	case ok:
		r.Scope = end.scope
	default:
		r.Mismatch = m.mismatch
		r.Mismatch.Packets = Lines(m.packets)
	}
	if r.Doubt == "" {
		r.Doubt = m.doubt(ok)
	}
	return r
}

// maxTries bounds the comparisons of one Match. Only a partial diagram with
// unbound names comes near it.
const maxTries = 1_000_000

// hosts returns the names that the trace knows.
func (t *Trace) hosts() map[string]bool {
	names := map[string]bool{}
	if t.Topology != nil {
		for _, h := range t.Topology.Hosts {
			names[h.Name] = true
		}
	}
	for i := range t.Frames {
		names[t.Frames[i].Host] = true
	}
	return names
}

// A step is a statement in one round of its loops.
type step struct {
	*Statement
	round int
}

// A matcher lays the steps of a diagram over the packets of a trace.
type matcher struct {
	trace   *Trace
	partial bool
	fixed   bool // no step looks at the packets between two others
	packets []*Passage
	steps   []step
	arrows  int // among the steps
	most    int // arrows that the packets could be enough for
	budget  int

	mismatch *Mismatch // the one that the longest way came to
	reached  int       // the step that it stands for
}

// unroll takes loops apart, as far as there can be packets for them.
func (m *matcher) unroll(all []*Statement, round int) {
	for _, s := range all {
		if s.Kind != Loop {
			m.steps = append(m.steps, step{s, round})
			if s.Kind == Arrow {
				m.arrows++
			}
			continue
		}
		times := s.Times
		if !hasArrow(s.Body) {
			times = min(times, 1)
		}
		for i := 0; i < times && m.arrows <= m.most; i++ {
			m.unroll(s.Body, i+1)
		}
	}
}

// hasArrow reports whether there is an arrow that is reached at least once.
func hasArrow(all []*Statement) bool {
	return slices.ContainsFunc(all, func(s *Statement) bool {
		return s.Kind == Arrow || s.Kind == Loop && s.Times > 0 && hasArrow(s.Body)
	})
}

// A state is a way through the first steps.
type state struct {
	step  int       // the next one
	next  int       // the next packet
	last  time.Time // when the latest packet was sent
	scope Scope

	notes []step // since the latest packet

	open    *Passage // the latest packet, when it is for several hosts
	claimed []string // the hosts that arrows had it go to
}

// run follows a way to its end. Where a step can be met in several ways, and
// that may matter later, it tries each.
func (m *matcher) run(st state) (state, bool) {
	for st.step < len(m.steps) {
		s := m.steps[st.step]
		if s.Kind != Arrow {
			st.notes = append(slices.Clip(st.notes), s)
			st.step++
			continue
		}
		ways := m.ways(st, s)
		var first *state
		for way := range ways {
			if m.fixed && !hasNames(s.Text) && way.open == nil {
				first = &way // no later packet could serve better
				break
			}
			if end, ok := m.run(way); ok {
				return end, true
			}
		}
		if first == nil {
			return st, false
		}
		st = *first
	}
	return st, m.finish(st)
}

func hasNames(text string) bool { return strings.ContainsAny(text, `{\`) }

// ways yields the states behind an arrow.
func (m *matcher) ways(st state, s step) func(yield func(state) bool) {
	return func(yield func(state) bool) {
		if p := st.open; p != nil && p.From == s.From && !slices.Contains(st.claimed, s.To) && p.fate(s) == "" {
			if scope, ok := m.says(p, s.Text, st.scope); ok && len(st.notes) == 0 {
				joined := st
				joined.step++
				joined.scope, joined.claimed = scope, append(slices.Clip(st.claimed), s.To)
				if !yield(joined) {
					return
				}
			}
		}
		for k := st.next; k < len(m.packets); k++ {
			if m.budget--; m.budget < 0 {
				break
			}
			if way, ok := m.take(st, s, k); ok && !yield(way) {
				return
			}
			if !m.partial {
				return
			}
		}
		if m.partial {
			m.fail(st, s, "no such packet", m.line(st, s), "")
		} else if st.next == len(m.packets) {
			m.fail(st, s, "no more packets", m.line(st, s), "")
		}
	}
}

// take returns the state in which packet k is the one of an arrow.
func (m *matcher) take(st state, s step, k int) (state, bool) {
	p := m.packets[k]
	if p.From != s.From || !p.concerns(s.To) {
		m.differs(st, s, p, "another packet")
		return st, false
	}
	scope, ok := m.says(p, s.Text, st.scope)
	if !ok {
		m.differs(st, s, p, "another packet")
		return st, false
	}
	if why := p.fate(s); why != "" {
		m.differs(st, s, p, why)
		return st, false
	}
	if !m.notesHold(st, s, p.Sent, k) {
		return st, false
	}
	way := state{step: st.step + 1, next: k + 1, last: p.Sent, scope: scope}
	if p.Group() {
		way.open, way.claimed = p, []string{s.To}
	}
	return way, true
}

// concerns reports whether an arrow to the host can be the packet.
func (p *Passage) concerns(host string) bool {
	return host != p.From && (p.To == host || p.Group() || !p.Arrived(p.To) && p.came(host))
}

// came reports whether the host saw the packet come in.
func (p *Passage) came(host string) bool {
	return slices.ContainsFunc(p.Sightings, func(s Sighting) bool { return s.Host == host && s.Direction == In && !s.Other })
}

// fate says why the packet did not fare as the arrow says; "" when it did.
func (p *Passage) fate(s step) string {
	arrived := p.Arrived(s.To)
	fault, at := p.Fault()
	switch {
	case !p.Left():
		return "the capture of " + s.From + " has not seen it go"
	case s.Lost && arrived:
		return "it arrived"
	case !s.Lost && !arrived && fault != "":
		return fmt.Sprintf("it did not arrive: %s at %s took it", fault, at)
	case !s.Lost && !arrived:
		return "it did not arrive"
	}
	return ""
}

// says compares a text with the packet's words.
func (m *matcher) says(p *Passage, text string, scope Scope) (Scope, bool) {
	words := p.Words()
	if !hasNames(text) {
		return scope, slices.Contains(words, text)
	}
	for _, w := range words {
		if next, ok := scope.Match(text, w); ok {
			return next, true
		}
	}
	return scope, false
}

// notesHold checks the notes in front of packet k, which was sent at a time.
// The step is that of the packet.
func (m *matcher) notesHold(st state, s step, sent time.Time, k int) bool {
	for _, n := range st.notes {
		if n.Kind == Passes && !st.last.IsZero() {
			if d := sent.Sub(st.last); d < n.AtLeast {
				m.fail(st, n, "too soon", n.String(), trimSeconds(d)+" s passed")
				return false
			}
		}
		if n.Kind == Silence {
			for _, p := range m.packets[st.next:k] {
				if p.involves(n.Hosts) {
					m.fail(st, n, "a packet", n.String(), p.Lines()[0])
					return false
				}
			}
		}
	}
	return true
}

// involves reports whether a packet is from or for one of the hosts.
func (p *Passage) involves(hosts []string) bool {
	return len(hosts) == 0 || slices.ContainsFunc(hosts, func(h string) bool {
		return p.From == h || p.To == h || p.Arrived(h)
	})
}

// finish checks what stands behind the last arrow.
func (m *matcher) finish(st state) bool {
	end := m.trace.Until
	if rest := m.packets[st.next:]; !m.partial && len(rest) > 0 {
		for _, n := range st.notes {
			if n.Kind == Silence {
				m.fail(st, n, "a packet", n.String(), rest[0].Lines()[0])
				return false
			}
		}
		m.fail(st, step{}, "a packet that the diagram does not have", "nothing more", rest[0].Lines()[0])
		return false
	}
	if end.IsZero() {
		end = st.last.Add(1<<63 - 1)
	}
	return m.notesHold(st, step{}, end, len(m.packets))
}

// line returns an arrow with the names that are bound.
func (m *matcher) line(st state, s step) string {
	return fmt.Sprintf("%s%s%s: %s", s.From, s.arrow(), s.To, st.scope.Show(s.Text))
}

// differs notes that a packet is not the one of an arrow. Of a partial
// diagram, that means nothing yet.
func (m *matcher) differs(st state, s step, p *Passage, why string) {
	if m.partial {
		return
	}
	lines := p.Lines()
	got := lines[0]
	for _, l := range lines {
		if strings.HasPrefix(l, s.From+"->>"+s.To+":") {
			got = l
		}
	}
	m.fail(st, s, why, m.line(st, s), got)
}

// fail notes a mismatch, unless another way came further.
func (m *matcher) fail(st state, s step, why, want, got string) {
	if m.mismatch != nil && m.reached >= st.step {
		return
	}
	m.reached = st.step
	m.mismatch = &Mismatch{Statement: s.Statement, Round: s.round, Text: why, Want: want, Got: got}
}

// doubt says why the outcome does not count. A host whose capture could not be
// read may have seen what is said to be missing.
func (m *matcher) doubt(matched bool) string {
	if m.budget < 0 && !matched {
		return "there are too many ways to lay the diagram over the packets"
	}
	for _, host := range slices.Sorted(maps.Keys(m.trace.Blind)) {
		missed := func(p *Passage) bool { return p.Group() || p.To == host && !p.Arrived(host) }
		if !matched || slices.ContainsFunc(m.packets, missed) {
			return fmt.Sprintf("the capture of %s could not be read: %s", host, m.trace.Blind[host])
		}
	}
	return ""
}
