package lesson

import (
	"slices"
	"time"
)

// A segment is what one window shows in one block, up to the next command or
// key there: what the lesson says of it, and what two runs saw.
type segment struct {
	place  Place
	action *Step   // Command, Hostlab or Key; nil for what ran already when the block began
	lines  []*Step // Expect and Skip
	ends   []*Step // End
	seen   [2][]string
	at     [2][]time.Duration // when each line of seen came
	ended  [2][]string        // statuses, [running] among them
	failed bool               // the runs disagree
	wrong  bool               // with its edits it would not be what the runs showed
	shows  []shown            // what the block will say of it, in its order
}

// A blockWatch takes a block apart into segments.
type blockWatch struct {
	all   []*segment
	begun map[*Step]*segment // by their actions
	early map[Place]*segment // of what ran already when the block began
}

func (w *blockWatch) open(p Place, action *Step) *segment {
	s := &segment{place: p, action: action}
	w.all = append(w.all, s)
	if action != nil {
		w.begun[action] = s
	} else {
		w.early[p] = s
	}
	return s
}

// segments takes a block and the runs of it apart.
func (u *updater) segments(b *Block, res [2]*BlockResult) []*segment {
	w := &blockWatch{begun: map[*Step]*segment{}, early: map[Place]*segment{}}
	current := map[Place]*segment{}
	for _, s := range b.Steps {
		if s.Kind == Command || s.Kind == Hostlab || s.Kind == Key {
			current[s.Place] = w.open(s.Place, s)
			continue
		}
		in := current[s.Place]
		if in == nil {
			in = w.open(s.Place, nil)
			current[s.Place] = in
		}
		if s.Kind == End {
			in.ends = append(in.ends, s)
		} else {
			in.lines = append(in.lines, s)
		}
	}
	for k, r := range res {
		u.watch(w, k, r.Entries)
	}
	return w.all
}

// watch gives the segments what a run showed.
func (u *updater) watch(w *blockWatch, k int, entries []*Entry) {
	now := map[Place]*segment{}
	for _, e := range entries {
		if e.Kind == Typed || e.Kind == Pressed {
			now[e.Place] = w.begun[e.Step]
			continue
		}
		s := now[e.Place]
		if s == nil {
			s = w.early[e.Place]
		}
		if s == nil {
			s = w.open(e.Place, nil)
		}
		u.saw(s, k, e)
	}
}

func (u *updater) saw(s *segment, k int, e *Entry) {
	if e.Kind == Ended {
		s.ended[k] = append(s.ended[k], e.Text)
		return
	}
	s.seen[k] = append(s.seen[k], u.restored(k, e.Text))
	s.at[k] = append(s.at[k], e.At)
}

// An op is what becomes of one line.
type op struct {
	kind   opKind
	step   *Step // of the lesson; for inserted, the one that the line stands beside
	before bool  // inserted: in front of that step
	lines  [2]string
	line   [2]int // inserted: which of the segment's lines it is
	status bool   // lines are a status, not to be generalized
	of     *segment
}

type opKind int

const (
	kept opKind = iota + 1
	replaced
	inserted
	removed
)

// align pairs expected lines with seen ones, as many as possible, in order. It
// returns for each step the index of its line, -1 for none.
func align(n, m int, fits func(i, j int) bool) []int {
	best := make([][]int, n+1) // best[i][j]: pairs among steps from i and lines from j
	for i := range best {
		best[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if fits(i, j) {
				best[i][j] = max(best[i][j], 1+best[i+1][j+1])
			}
		}
	}
	pairs := make([]int, n)
	i, j := 0, 0
	for i < n {
		switch {
		case j < m && best[i][j] == 1+best[i+1][j+1] && fits(i, j):
			pairs[i] = j
			i, j = i+1, j+1
		case j < m && best[i][j] == best[i][j+1]:
			j++
		default:
			pairs[i] = -1
			i++
		}
	}
	return pairs
}

// maxAligned bounds the work of one alignment: steps times lines.
const maxAligned = 1 << 16

// pairs returns, for every expected line of a segment that fits a line of both
// runs, which ones. It reports false when there are too many to compare.
func (u *updater) pairs(s *segment) (map[*Step][2]int, bool) {
	var expects []*Step
	for _, st := range s.lines {
		if st.Kind == Expect {
			expects = append(expects, st)
		}
	}
	if len(expects)*max(len(s.seen[0]), len(s.seen[1])) > maxAligned {
		return nil, false
	}
	var found [2][]int
	for k := range found {
		found[k] = align(len(expects), len(s.seen[k]), func(i, j int) bool { return u.fits(k, expects[i].Text, s.seen[k][j]) })
	}
	pairs := map[*Step][2]int{}
	for i, st := range expects {
		if a, b := found[0][i], found[1][i]; a >= 0 && b >= 0 {
			pairs[st] = [2]int{a, b}
		}
	}
	return pairs, true
}

// plan says what becomes of the lines of a segment. It reports false where the
// runs disagree.
func (u *updater) plan(s *segment) (ops []op, ok bool) {
	pairs, ok := u.pairs(s)
	if !ok {
		return nil, false
	}
	var gap []*Step
	rest := lines{seen: s.seen, to: [2]int{len(s.seen[0]), len(s.seen[1])}}
	for _, st := range s.lines {
		at, paired := pairs[st]
		if !paired {
			gap = append(gap, st)
			continue
		}
		at = u.first(st, gap, rest, at)
		more, agree := fill(gap, lines{s.seen, rest.from, at}, true)
		if !agree {
			return nil, false
		}
		ops = append(append(ops, more...), op{kind: kept, step: st, lines: [2]string{s.seen[0][at[0]], s.seen[1][at[1]]}})
		rest.from, gap = [2]int{at[0] + 1, at[1] + 1}, nil
	}
	more, agree := fill(gap, rest, false)
	if !agree {
		return nil, false
	}
	return append(ops, more...), true
}

// first returns the first lines behind a "..." that fit an expected one: it is
// these that a run stops at.
func (u *updater) first(st *Step, gap []*Step, rest lines, at [2]int) [2]int {
	if len(gap) == 0 || gap[len(gap)-1].Kind != Skip {
		return at
	}
	pre := slices.IndexFunc(gap, func(s *Step) bool { return s.Kind == Skip })
	for k := range at {
		for j := min(rest.from[k]+pre, at[k]); j < at[k]; j++ {
			if u.fits(k, st.Text, rest.seen[k][j]) {
				at[k] = j
			}
		}
	}
	return at
}

// fits reports whether a line is what an expected one shows, by what was known
// when the block began.
func (u *updater) fits(k int, text, line string) bool {
	parts, _ := u.l.patterns.split(text)
	_, ok := scope{}.match(parts, line)
	if !ok {
		return false
	}
	bound := scope{}
	for name, v := range u.scopes[k] {
		bound[name] = v
	}
	_, ok = bound.match(parts, line)
	return ok
}

// lines are those of both runs in the same place: [from, to) of each.
type lines struct {
	seen     [2][]string
	from, to [2]int
}

func (l lines) count(k int) int { return l.to[k] - l.from[k] }

// head and tail take n lines from either end.
func (l lines) head(n int) (head, rest lines) {
	head, rest = l, l
	for k := range l.from {
		head.to[k], rest.from[k] = l.from[k]+n, l.from[k]+n
	}
	return head, rest
}

func (l lines) tail(n int) lines {
	for k := range l.from {
		l.from[k] = l.to[k] - n
	}
	return l
}

// fill says what becomes of expected lines that fit nothing, and of the lines
// of both runs that stand where they are. A "..." among them takes what the
// others leave, if an expected line follows it.
func fill(gap []*Step, l lines, more bool) (ops []op, ok bool) {
	isSkip := func(s *Step) bool { return s.Kind == Skip }
	first := slices.IndexFunc(gap, isSkip)
	pre, post := gap, gap[len(gap):]
	if first >= 0 {
		last := len(gap) - 1
		for !isSkip(gap[last]) {
			last--
		}
		pre, post = gap[:first], gap[last+1:]
	}
	least := min(l.count(0), l.count(1))
	if first < 0 || !more && (len(post) == 0 || least == 0) {
		return exchange(gap, l), l.count(0) == l.count(1)
	}
	n := min(len(pre), least)
	head, rest := l.head(n)
	k := min(len(post), least-n)
	if k == 0 && !more {
		return nil, false
	}
	ops = exchange(pre, head)
	for _, s := range gap[first+1 : len(gap)-k] {
		ops = append(ops, op{kind: removed, step: s})
	}
	return append(ops, exchange(post[len(post)-k:], rest.tail(k))...), true
}

// exchange puts lines in the places of expected ones; "..." goes.
func exchange(steps []*Step, l lines) (ops []op) {
	next := func(kind opKind, s *Step) {
		ops = append(ops, op{kind: kind, step: s, line: l.from, lines: [2]string{l.seen[0][l.from[0]], l.seen[1][l.from[1]]}})
		_, l = l.head(1)
	}
	for _, s := range steps {
		if s.Kind == Expect && min(l.count(0), l.count(1)) > 0 {
			next(replaced, s)
		} else {
			ops = append(ops, op{kind: removed, step: s})
		}
	}
	for min(l.count(0), l.count(1)) > 0 {
		next(inserted, nil)
	}
	return ops
}
