package lesson

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hostlab/lab/wire"
)

// An arrow is one packet on its way to one host, as a diagram draws it.
type arrow struct {
	from, to string
	lost     bool
	words    []string // every way to say it, the usual one first
	sent     time.Time
}

func (a *arrow) line(text string) string {
	if a.lost {
		return fmt.Sprintf("%s-x%s: %s", a.from, a.to, text)
	}
	return fmt.Sprintf("%s->>%s: %s", a.from, a.to, text)
}

// arrows returns the packets of a run with the lesson's addresses.
func (u *updater) arrows(k int, packets []*wire.Passage) []arrow {
	var all []arrow
	for _, p := range packets {
		for _, line := range p.Lines() {
			head, _, _ := strings.Cut(line, ": ")
			m := arrowLine.FindStringSubmatch(head + ": x")
			if m == nil {
				return nil // an address or an unknown host at one end
			}
			a := arrow{from: m[1], to: m[3], lost: m[2] == "-x", sent: p.Sent}
			for _, w := range p.Words() {
				a.words = append(a.words, u.restored(k, w))
			}
			all = append(all, a)
		}
	}
	return all
}

// diagram compares a diagram with what crossed the wires in both runs.
func (u *updater) diagram(b *Block, res [2]*BlockResult) {
	differs := false
	for k, t := range u.takes {
		if why := res[k].Wire.Doubt; why != "" {
			u.leave(b.Pos, "the diagram stays as it is: %s", why)
			return
		}
		differs = differs || slices.ContainsFunc(t.All(), func(p *Problem) bool { return u.holds(b, p.Pos) })
	}
	switch {
	case !differs:
		for k := range u.takes {
			u.bindDiagram(u.scopes[k], b.Diagram.Statements, u.arrows(k, res[k].Wire.Packets))
		}
	case b.Diagram.Partial:
		u.leave(b.Pos, "a partial diagram stays as it is: hostlab cannot know which packets it means")
	default:
		u.redraw(b, res)
	}
}

// bindDiagram binds the names of a diagram: each arrow's with the next packet
// that it fits. It returns the packets that are left.
func (u *updater) bindDiagram(in scope, all []*Statement, packets []arrow) []arrow {
	for _, s := range all {
		for range min(max(1, s.Times), len(packets)) {
			packets = u.bindDiagram(in, s.Body, packets)
		}
		if s.Kind != Packet {
			continue
		}
		for i := range packets {
			if _, ok := u.says(s, &packets[i], in); ok {
				packets = packets[i+1:]
				break
			}
		}
	}
	return packets
}

// inDiagrams returns what names stand for by the diagrams of a section alone.
func (u *updater) inDiagrams(s *Section) map[string][2]string {
	var bound [2]scope
	for k, t := range u.takes {
		bound[k] = scope{}
		for _, r := range t.Blocks {
			if r.Block.Section == s && r.Wire != nil {
				u.bindDiagram(bound[k], r.Block.Diagram.Statements, u.arrows(k, r.Wire.Packets))
			}
		}
	}
	names := map[string][2]string{}
	for name, v := range bound[0] {
		if w, both := bound[1][name]; both {
			names[name] = [2]string{v, w}
		}
	}
	return names
}

// says reports whether an arrow of a diagram is a packet, and in which words;
// it binds names in the scope.
func (u *updater) says(s *Statement, a *arrow, in scope) (string, bool) {
	if s.Hosts[0] != a.from || s.Hosts[1] != a.to || s.Lost != a.lost {
		return "", false
	}
	parts, _ := u.l.patterns.split(s.Text)
	for _, w := range a.words {
		if _, ok := in.match(parts, w); ok {
			return w, true
		}
	}
	return "", false
}

// A stretch is a statement with the packets that it accounts for, those of
// [from, from+size); from is -1 when it fits none.
type stretch struct {
	*Statement
	size, from int
}

// size returns for how many packets a statement accounts.
func (s *Statement) size() int {
	switch s.Kind {
	case Packet:
		return 1
	case Loop:
		n := 0
		for _, in := range s.Body {
			n += in.size()
		}
		return min(s.Times*n, maxAligned)
	}
	return 0
}

// redraw edits a diagram so that it shows the packets of both runs.
func (u *updater) redraw(b *Block, res [2]*BlockResult) {
	runs := [2][]arrow{u.arrows(0, res[0].Wire.Packets), u.arrows(1, res[1].Wire.Packets)}
	same := func(x, y arrow) bool { return x.from == y.from && x.to == y.to && x.lost == y.lost }
	if !slices.EqualFunc(runs[0], runs[1], same) {
		u.leave(b.Pos, "the diagram stays as it is: other packets crossed the wires in one run than in the other, or some of unknown hosts")
		return
	}
	before := len(u.rev.Left)
	all := u.lay(b.Diagram.Statements, runs)
	next := 0
	var gone []*stretch // arrows and loops that fit nothing, since the last one that fits
	for i := range all {
		s := &all[i]
		switch {
		case s.size == 0:
		case s.from < 0:
			gone = append(gone, s)
		default:
			u.fillGap(b, all, i, gone, runs, next, s.from)
			for k := range runs {
				u.takeStretch(s.Statement, runs[k][s.from:s.from+s.size], u.scopes[k])
			}
			next, gone = s.from+s.size, nil
		}
	}
	u.fillGap(b, all, len(all), gone, runs, next, len(runs[0]))
	u.mendNotes(b, res, all, runs)
	if left := len(u.rev.Left); len(u.edits) == 0 && left == before {
		u.leave(b.Pos, "the diagram stays as it is: its arrows are the packets, and what differs is another thing")
	}
}

// lay pairs the statements of a diagram with packets, as many as possible.
func (u *updater) lay(statements []*Statement, runs [2][]arrow) []stretch {
	var all []stretch
	for _, s := range statements {
		all = append(all, stretch{s, s.size(), -1})
	}
	n, m := len(all), len(runs[0])
	if n*m > maxAligned {
		return all
	}
	fits := func(i, j int) bool {
		s := all[i]
		if s.size == 0 || j+s.size > m {
			return false
		}
		for k := range runs {
			if !u.takeStretch(s.Statement, runs[k][j:j+s.size], maps.Clone(u.scopes[k])) {
				return false
			}
		}
		return true
	}
	best := covered(all, m, fits)
	for i, j := 0, 0; i < n && j < m; {
		switch {
		case all[i].size == 0:
			i++
		case fits(i, j) && best[i][j] == all[i].size+best[i+1][j+all[i].size]:
			all[i].from = j
			i, j = i+1, j+all[i].size
		case best[i][j] == best[i][j+1]:
			j++
		default:
			i++
		}
	}
	return all
}

// covered returns how many of m packets can be covered at most by the
// statements from i and the packets from j on.
func covered(all []stretch, m int, fits func(i, j int) bool) [][]int {
	best := make([][]int, len(all)+1)
	for i := range best {
		best[i] = make([]int, m+1)
	}
	for i := len(all) - 1; i >= 0; i-- {
		for j := m; j >= 0; j-- {
			best[i][j] = best[i+1][j]
			if j < m {
				best[i][j] = max(best[i][j], best[i][j+1])
			}
			if fits(i, j) {
				best[i][j] = max(best[i][j], all[i].size+best[i+1][j+all[i].size])
			}
		}
	}
	return best
}

// takeStretch reports whether a statement is all of the packets, and binds its
// names in the scope.
func (u *updater) takeStretch(s *Statement, packets []arrow, in scope) bool {
	if s.Kind == Packet {
		_, ok := u.says(s, &packets[0], in)
		return ok
	}
	for range s.Times {
		for _, b := range s.Body {
			if n := b.size(); n > 0 {
				if n > len(packets) || !u.takeStretch(b, packets[:n], in) {
					return false
				}
				packets = packets[n:]
			}
		}
		if len(packets) == 0 {
			break
		}
	}
	return true
}

// fillGap puts packets in the place of statements that fit none. The gap ends
// in front of statement i.
func (u *updater) fillGap(b *Block, all []stretch, i int, gone []*stretch, runs [2][]arrow, from, to int) {
	for _, s := range gone {
		if s.Kind != Packet || from == to {
			start, after := u.line(s.Pos, s.End)
			u.edits = append(u.edits, Edit{start, after, ""})
			continue
		}
		if line, ok := u.draw(b, runs, from, s.Text); ok {
			u.edits = append(u.edits, Edit{s.Pos.Offset, s.End, line})
		}
		s.from = from // so that the notes beside it stay
		from++
	}
	anchor, before := all[max(0, i-1)].Statement, i == 0
	if n := len(gone); n > 0 {
		anchor, before = gone[n-1].Statement, false
	}
	for ; from < to; from++ {
		if line, ok := u.draw(b, runs, from, ""); ok {
			u.insert(anchor.Pos, anchor.End, before, line)
		}
	}
}

// draw returns a packet of both runs as a diagram's line.
func (u *updater) draw(b *Block, runs [2][]arrow, i int, old string) (string, bool) {
	a := runs[0][i]
	text, why := u.propose([2]string{a.words[0], runs[1][i].words[0]}, old)
	if why != "" {
		u.leave(b.Pos, "%s; left: %s", why, a.line(a.words[0]))
		return "", false
	}
	return a.line(text), true
}

// mendNotes edits away the notes between statements that are no longer
// neighbours, looks at the times of the others, and adds a note when nothing
// crossed the wires.
func (u *updater) mendNotes(b *Block, res [2]*BlockResult, all []stretch, runs [2][]arrow) {
	silent, packets := false, len(runs[0])
	for i, s := range all {
		if s.Kind == Loop && s.from >= 0 && hasNote(s.Body) {
			u.leave(s.Pos, "look at the notes in this loop: they stay as they are")
		}
		if s.Kind != Note {
			continue
		}
		end, begin := packetBefore(all[:i]), packetBehind(all[i+1:], packets)
		if end != begin || end < 0 {
			start, after := u.line(s.Pos, s.End)
			u.edits = append(u.edits, Edit{start, after, ""})
			u.rev.Notes = append(u.rev.Notes, u.l.source.problem(s.Pos.Offset, "the note %q went: the packets around it are others", s.Text))
			continue
		}
		silent = silent || s.Text == "no packets"
		for k := range runs {
			if d := passed(res[k].Wire, runs[k], end); d < note(s.Statement).AtLeast {
				u.leave(s.Pos, "the note %q stays as it is: %v passed in a run", s.Text, d)
				break
			}
		}
	}
	if hosts := u.l.hostNames(); packets == 0 && !silent && len(hosts) > 0 {
		last := all[len(all)-1]
		u.insert(last.Pos, last.End, false, fmt.Sprintf("Note over %s: no packets", strings.Join(slices.Compact([]string{hosts[0], hosts[len(hosts)-1]}), ",")))
	}
}

// packetBefore returns the index behind the last packet of statements, -1 when
// the last arrow among them has none.
func packetBefore(all []stretch) int {
	for _, s := range slices.Backward(all) {
		if s.size > 0 && s.from < 0 {
			return -1
		}
		if s.size > 0 {
			return s.from + s.size
		}
	}
	return 0
}

// packetBehind returns the index of the first packet of statements, -1 when the
// first arrow among them has none; or how many packets there are.
func packetBehind(all []stretch, packets int) int {
	for _, s := range all {
		if s.size > 0 {
			return s.from
		}
	}
	return packets
}

// passed returns how much time passed in a run before packet i was sent.
func passed(w *WireResult, run []arrow, i int) time.Duration {
	from, to := w.Since, w.Until
	if i > 0 {
		from = run[i-1].sent
	}
	if i < len(run) {
		to = run[i].sent
	}
	return to.Sub(from)
}

func hasNote(all []*Statement) bool {
	return slices.ContainsFunc(all, func(s *Statement) bool { return s.Kind == Note || hasNote(s.Body) })
}

// hostNames returns the names of the lab's hosts, as far as they are known.
func (l *Lesson) hostNames() []string {
	var names []string
	if l.Topology != nil {
		for _, h := range l.Topology.Hosts {
			names = append(names, h.Name)
		}
	}
	return names
}
