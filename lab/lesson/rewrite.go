package lesson

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// console compares a console block with what both runs showed there.
func (u *updater) console(b *Block, res [2]*BlockResult) {
	var all []op
	segments, before := u.segments(b, res), u.scopes
	for _, s := range segments {
		ops, ok := u.plan(s)
		if !ok {
			u.leave(s.begin(b), "%v: the runs disagree; what this shows stays as it is", s.place)
			for _, st := range s.lines {
				ops = append(ops, op{kind: kept, step: st, of: s})
			}
			s.failed = true
		}
		ops = append(ops, u.statuses(s, b)...)
		s.anchor(b, res, ops)
		all = append(all, ops...)
	}
	// In the order of the file, for names are bound by it; a removed line's own
	// lines stand where it stood.
	slices.SortStableFunc(all, func(x, y op) int {
		return cmp.Or(cmp.Compare(x.step.Pos.Offset, y.step.Pos.Offset), cmp.Compare(x.rank(), y.rank()))
	})
	u.lookAhead(all)
	edits := make([][]Edit, len(all))
	for i, o := range all {
		u.carryOut(b, o)
		edits[i], u.edits = u.edits, nil
	}
	for _, s := range segments {
		if s.wrong = !s.failed && !u.would(s, before); s.wrong {
			u.leave(s.begin(b), "%v: no lines that hostlab can think of are what both runs show; they stay as they are", s.place)
		}
	}
	for i, o := range all {
		if !o.of.wrong {
			u.edits = append(u.edits, edits[i]...)
		}
	}
}

// A shown is a line of a block as it will be.
type shown struct {
	at   *Step  // that it is, or stands beside
	text string // "" for "..." and for a removed one
	skip bool
	gone bool
}

// would reports whether a segment as it will be is what both runs showed.
func (u *updater) would(s *segment, before [2]scope) bool {
	for k, rest := range s.seen {
		in, skip := maps.Clone(before[k]), false
		for _, x := range s.expectations() {
			if x.skip {
				skip = true
				continue
			}
			parts, _ := u.l.patterns.split(x.text)
			for found := false; !found; {
				if len(rest) == 0 {
					return false
				}
				_, found = in.match(parts, rest[0])
				if !found && !skip {
					return false
				}
				rest = rest[1:]
			}
			skip = false
		}
		if len(rest) > 0 {
			return false
		}
	}
	return true
}

// expectations returns the lines of a segment as it will be: those that were
// settled, and each "..." that was not removed, in its place.
func (s *segment) expectations() []shown {
	all := slices.Clone(s.shows)
	for _, st := range s.lines {
		known := func(x shown) bool { return x.at == st && x.gone }
		if st.Kind == Skip && !slices.ContainsFunc(all, known) {
			behind := func(x shown) bool { return x.at.Pos.Offset > st.Pos.Offset }
			i := slices.IndexFunc(all, behind)
			if i < 0 {
				i = len(all)
			}
			all = slices.Insert(all, i, shown{at: st, skip: true})
		}
	}
	return slices.DeleteFunc(all, func(x shown) bool { return x.gone })
}

// lookAhead notes what names will stand for by the lines that stay, and by the
// section's diagrams.
func (u *updater) lookAhead(all []op) {
	u.ahead = map[string][2]string{}
	for _, o := range all {
		if o.kind != kept || o.of.failed {
			continue
		}
		parts, _ := u.l.patterns.split(o.step.Text)
		var bound [2]scope
		for k, line := range o.lines {
			bound[k] = maps.Clone(u.scopes[k])
			bound[k].match(parts, line)
		}
		for name, v := range bound[0] {
			if _, known := u.ahead[name]; !known {
				u.ahead[name] = [2]string{v, bound[1][name]}
			}
		}
	}
	for name, v := range u.drawn {
		if _, known := u.ahead[name]; !known {
			u.ahead[name] = v
		}
	}
}

// begin returns where a segment begins.
func (s *segment) begin(b *Block) Pos {
	switch {
	case s.action != nil:
		return s.action.Pos
	case len(s.lines) > 0:
		return s.lines[0].Pos
	}
	return b.Pos
}

// rank orders what stands beside one step: a window's own lines come before
// those of others.
func (o op) rank() int {
	switch {
	case o.kind != inserted:
		return 0
	case o.before:
		return -1
	case o.of.place != o.step.Place:
		return 2
	}
	return 1
}

// anchor gives every inserted line the step that it stands beside: the one of
// its segment that comes before it, else the one that comes after it. Where
// another window's command came between, it is the last one of that command.
func (s *segment) anchor(b *Block, res [2]*BlockResult, ops []op) {
	before := s.action
	for i := range ops {
		o := &ops[i]
		o.of = s
		if o.step != nil {
			before = o.step
			continue
		}
		var behind *Step
		if next := slices.IndexFunc(ops[i:], func(o op) bool { return o.step != nil }); next >= 0 {
			behind = ops[i+next].step
		}
		o.step = before
		if !o.status {
			cause := s.cause(res, o.line)
			if last := lastOf(b, cause); before == nil || last.Pos.Offset > before.Pos.Offset && s.action != cause {
				o.step = last
			}
		}
		if behind != nil && (o.step == nil || behind.Pos.Offset <= o.step.Pos.Offset) {
			o.step, o.before = behind, true
		}
		if !o.before {
			before = o.step
		}
	}
}

// cause returns the command in whose time a line came: the later one where the
// runs differ. A line that stands too late is still found, for windows are
// queues; one that stands too early is waited for in vain.
func (s *segment) cause(res [2]*BlockResult, line [2]int) *Step {
	a, b := latestOf(res[0], s.at[0][line[0]]), latestOf(res[1], s.at[1][line[1]])
	if a == nil || b != nil && b.Pos.Offset > a.Pos.Offset {
		return b
	}
	return a
}

// latestOf returns the command of a block that was the latest one at a time;
// its first one when there was none yet.
func latestOf(res *BlockResult, at time.Duration) *Step {
	var latest *Step
	for _, e := range res.Entries {
		if e.Kind == Typed && (latest == nil || e.At <= at) {
			latest = e.Step
		}
	}
	return latest
}

// lastOf returns the last step of a command in its block.
func lastOf(b *Block, command *Step) *Step {
	last := b.Steps[len(b.Steps)-1]
	for i := len(b.Steps) - 1; i > 0 && command != nil; i-- {
		if k := b.Steps[i].Kind; (k == Command || k == Hostlab) && b.Steps[i].Pos.Offset > command.Pos.Offset {
			last = b.Steps[i-1]
		}
	}
	return last
}

// statuses says what becomes of the words in brackets of a segment.
func (u *updater) statuses(s *segment, b *Block) (ops []op) {
	if !slices.Equal(s.ended[0], s.ended[1]) {
		u.leave(s.begin(b), "%v: the runs end differently, %s and %s; the status stays as it is",
			s.place, strings.Join(s.ended[0], " "), strings.Join(s.ended[1], " "))
		return nil
	}
	seen := s.ended[0]
	var last *Step
	for _, st := range s.ends {
		last = st
		if len(seen) == 0 {
			continue // it was not reached
		}
		switch {
		case seen[0] == (Status{Kind: Exit}).String() && seen[0] != st.Text:
			ops = append(ops, op{kind: removed, step: st})
		case seen[0] != st.Text:
			ops = append(ops, op{kind: replaced, step: st, status: true, lines: [2]string{seen[0], seen[0]}})
		}
		seen = seen[1:]
	}
	if n := len(s.lines); n > 0 && (last == nil || s.lines[n-1].Pos.Offset > last.Pos.Offset) {
		last = s.lines[n-1]
	}
	for _, text := range seen {
		if !s.goesWithoutSaying(text) {
			ops = append(ops, op{kind: inserted, step: last, status: true, lines: [2]string{text, text}})
		}
	}
	return ops
}

// goesWithoutSaying reports whether a status is the one that is meant where no
// step names one.
func (s *segment) goesWithoutSaying(text string) bool {
	w := &window{}
	if s.action != nil && s.action.Kind == Key {
		w.key = s.action
	}
	status, _ := statusOfText(text)
	_, fits := w.expected(nil)
	return fits(status)
}

// carryOut turns an op into edits, and binds the names of its line.
func (u *updater) carryOut(b *Block, o op) {
	show := func(text string) { o.of.shows = append(o.of.shows, shown{at: o.step, text: text}) }
	switch {
	case o.kind == removed:
		u.remove(o.step)
		o.of.shows = append(o.of.shows, shown{at: o.step, gone: true})
	case o.kind == kept && o.of.failed:
	case o.status && o.kind == replaced:
		u.replace(o.step, o.lines[0])
	case o.status:
		u.insert(o.step.Pos, o.step.End, o.before, labeled(b, o.step, o.before, o.of.place, o.lines[0]))
	case o.kind == kept && u.bind(o.step.Text, o.lines):
		show(o.step.Text)
	default:
		if text, ok := u.carryOutLine(b, o); ok {
			show(text)
		}
	}
}

// carryOutLine writes a line of both runs. What cannot be written is left; then
// the rest of the segment is, too.
func (u *updater) carryOutLine(b *Block, o op) (string, bool) {
	old := ""
	if o.kind != inserted {
		old = o.step.Text
	}
	text, why := u.propose(o.lines, old)
	switch {
	case why != "":
		u.leave(o.step.TextPos, "%v: %s; left: %s", o.of.place, why, printable(o.lines[0]))
		o.of.failed = true
		return "", false
	case o.kind == inserted:
		u.insert(o.step.Pos, o.step.End, o.before, labeled(b, o.step, o.before, o.of.place, text))
	default:
		u.replace(o.step, text)
	}
	return text, true
}

// bind matches a line of each run and binds its names, when both match.
func (u *updater) bind(text string, lines [2]string) bool {
	parts, _ := u.l.patterns.split(text)
	var next [2]scope
	for k, line := range lines {
		next[k] = maps.Clone(u.scopes[k])
		if _, ok := next[k].match(parts, line); !ok {
			return false
		}
	}
	u.scopes = next
	return true
}
