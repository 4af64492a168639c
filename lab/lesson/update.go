package lesson

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Take is one run of a lesson, as Update reads it.
type Take struct {
	*Result

	// Restore brings the addresses of the run's lab back to those of the
	// lesson. Nil means that the lab had the lesson's.
	Restore func(string) string
}

// An Edit replaces the bytes [Start, End) of a lesson.
type Edit struct {
	Start, End int
	Text       string
}

// A Revision is what Update proposes.
type Revision struct {
	Edits []Edit     // in their order, none of them overlapping
	Left  []*Problem // what differs and stays as it was, at its place, and why
	Notes []*Problem // what else a reader should look at
}

// Apply returns the lesson's source with the edits in it. It keeps no
// reference to source.
func (r *Revision) Apply(source []byte) []byte { return splice(source, r.Edits) }

func splice(source []byte, edits []Edit) []byte {
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, source[at:e.Start]...), e.Text...)
		at = e.End
	}
	return append(out, source[at:]...)
}

// Update compares a lesson with two runs of it and returns the edits that make
// it say what both of them showed: the lines and statuses of its console
// blocks, and the arrows of its diagrams. What is right stays as it is, byte
// for byte, and so do commands, keys, book blocks and all prose. Names stay
// where they fit; a number or address that differs from run to run becomes a
// name. Where the runs disagree otherwise, where packets were doubted, and
// behind the place where a run ended early, the lesson stays as it is, and a
// note says so. Verdicts are edited only when asked for. An edit after which
// the lesson could not be read is left out. Both takes are runs of l itself.
func Update(l *Lesson, a, b Take, verdicts bool) *Revision {
	u := &updater{l: l, takes: [2]Take{a, b}, rev: &Revision{}}
	for _, s := range l.Sections {
		if !u.section(s) {
			break
		}
	}
	u.verdicts(verdicts)
	return u.rev
}

// An updater holds what is known while a lesson is compared with two runs.
type updater struct {
	l      *Lesson
	takes  [2]Take
	rev    *Revision
	scopes [2]scope        // of the section, as each run bound its names
	used   map[string]bool // names that stand in the section, or are proposed
	edits  []Edit          // of the block in hand

	drawn map[string][2]string // what names stand for by the section's diagrams
	ahead map[string][2]string // the same, and by lines further down in the block
}

// leave says that something stays as it is.
func (u *updater) leave(at Pos, format string, args ...any) {
	u.rev.Left = append(u.rev.Left, u.l.source.problem(at.Offset, format, args...))
}

// section compares the blocks of a section. It reports whether the runs went
// on behind it.
func (u *updater) section(s *Section) bool {
	u.scopes, u.used, u.drawn = [2]scope{{}, {}}, u.l.namesOf(s), u.inDiagrams(s)
	for _, b := range s.Blocks {
		var res [2]*BlockResult
		for k, t := range u.takes {
			i := slices.IndexFunc(t.Blocks, func(r *BlockResult) bool { return r.Block == b })
			if i < 0 {
				u.leave(b.Pos, "a run ended before this; what follows stays as it is")
				return false
			}
			res[k] = t.Blocks[i]
		}
		ended := u.endedIn(b)
		switch {
		case ended:
			u.cut(b)
		case b.Kind == Console:
			u.console(b, res)
		case b.Kind == Wire && res[0].Wire != nil && res[1].Wire != nil:
			u.diagram(b, res)
		}
		u.commit(b)
		if ended {
			return false
		}
	}
	return true
}

// endedIn reports whether a run came to its end in a block.
func (u *updater) endedIn(b *Block) bool {
	for _, t := range u.takes {
		last := t.Blocks[len(t.Blocks)-1].Block
		if t.Broken != nil && last == b || t.Stopped != nil && last == b && u.holds(b, t.Stopped.Pos) {
			return true
		}
	}
	return false
}

// holds reports whether a place is in a block's fence.
func (u *updater) holds(b *Block, at Pos) bool {
	return at.Offset >= b.Pos.Offset && at.Offset < b.end
}

// cut deals with the block in which a run ended: an expected line for which
// both waited in vain goes.
func (u *updater) cut(b *Block) {
	u.leave(b.Pos, "a run ended in this block; run the update again for the rest of it and for what follows")
	first, second := u.takes[0].Stopped, u.takes[1].Stopped
	if first == nil || second == nil || first.Pos != second.Pos {
		return
	}
	for i, s := range b.Steps {
		if s.Kind != Expect || s.TextPos != first.Pos {
			continue
		}
		u.remove(s)
		if i > 0 && b.Steps[i-1].Kind == Skip && b.Steps[i-1].Place == s.Place {
			u.remove(b.Steps[i-1])
		}
	}
}

// commit takes the edits of a block, unless the lesson could not be read with
// them.
func (u *updater) commit(b *Block) {
	edits := u.edits
	u.edits, u.ahead = nil, nil
	if len(edits) == 0 {
		return
	}
	all := append(slices.Clone(u.rev.Edits), edits...)
	slices.SortStableFunc(all, func(a, b Edit) int { return cmp.Compare(a.Start, b.Start) })
	if _, err := Parse(u.l.File, splice(u.l.source.data, all)); err != nil {
		u.leave(b.Pos, "the block stays as it is, for with what the runs showed it would be no lesson: %s", Problems(err)[0].Text)
		return
	}
	u.rev.Edits = all
}

// verdicts states what both runs say of each claim, when that is asked for.
func (u *updater) verdicts(asked bool) {
	for i, c := range u.takes[0].Claims {
		v := c.likely
		switch {
		case v == "" || u.takes[1].Claims[i].likely == "":
		case v != u.takes[1].Claims[i].likely:
			u.leave(c.Claim.VerdictPos, "the verdict stays as it is: one run says %s, the other %s", v, u.takes[1].Claims[i].likely)
		case v != c.Claim.Stated && !asked:
			u.leave(c.Claim.VerdictPos, "the verdict stays as it is, for it was not asked for; both runs say %s", v)
		case v != c.Claim.Stated:
			u.edits = append(u.edits, Edit{c.Claim.VerdictPos.Offset, c.Claim.VerdictPos.Offset + len(c.Claim.Stated), string(v)})
			u.commit(c.Claim.Blocks[len(c.Claim.Blocks)-1])
		}
	}
}

// restored returns text of a run with the lesson's addresses.
func (u *updater) restored(k int, text string) string {
	if u.takes[k].Restore == nil {
		return text
	}
	return u.takes[k].Restore(text)
}

// line returns where a step's lines begin and where the next line does.
func (u *updater) line(from Pos, end int) (start, after int) {
	starts := u.l.source.starts
	start = starts[from.Line-1]
	if last := u.l.source.pos(end).Line; last < len(starts) {
		return start, starts[last]
	}
	return start, len(u.l.source.data)
}

// remove edits a step away, with its line.
func (u *updater) remove(s *Step) {
	start, after := u.line(s.Pos, s.End)
	u.edits = append(u.edits, Edit{start, after, ""})
}

// replace edits the text of a step.
func (u *updater) replace(s *Step, text string) {
	if text != s.Text {
		u.edits = append(u.edits, Edit{s.TextPos.Offset, s.End, text})
	}
}

// insert adds a line before or behind a step's lines; it begins like them,
// with the marks of blockquotes and lists.
func (u *updater) insert(anchor Pos, end int, before bool, text string) {
	start, after := u.line(anchor, end)
	at := after
	if before {
		at = start
	}
	lead := string(u.l.source.data[start:anchor.Offset])
	u.edits = append(u.edits, Edit{at, at, strings.TrimRight(lead+text, " ") + "\n"})
}

// labeled returns a line as a block shows it at a step, of which it is the
// next or the previous one: with its window's name where the nearest prompt
// above is another's.
func labeled(b *Block, anchor *Step, before bool, place Place, text string) string {
	here, label := Place{}, ""
	for _, s := range b.Steps {
		if s == anchor && before {
			break
		}
		if s.Kind == Command || s.Kind == Hostlab {
			here = s.Place
		}
		if s == anchor {
			break
		}
	}
	for _, s := range b.Steps {
		if s.Place == place && s.Label != "" {
			label = s.Label
		}
	}
	if here == place && (anchor.Label == "" || anchor.Place != place || label == "") {
		return text
	}
	return fmt.Sprintf("%s | %s", cmp.Or(label, place.String()), text)
}
