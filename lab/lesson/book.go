package lesson

// A trace is what one run of a command printed, for comparison with a book
// block.
type trace struct {
	lines  []string            // of its own window, as long as it was in front
	others map[string][]string // by host: what other windows showed until the next command
	end    Status
}

func (r *run) beginTrace(w *window, s *Step) {
	r.trace = &trace{others: map[string][]string{}}
	w.trace = r.trace
	if c := s.Block.Claim; c != nil && s.Kind == Command {
		what := s.experiment()
		r.traces[c][what] = append(r.traces[c][what], r.trace)
	}
}

// traceLine notes a line that was taken.
func (r *run) traceLine(w *window, line string) {
	if w.trace != nil {
		w.trace.lines = append(w.trace.lines, line)
	}
	if r.trace != nil && r.trace != w.trace {
		r.trace.others[w.place.Host] = append(r.trace.others[w.place.Host], line)
	}
}

// A prediction is a book block beside what its commands really printed within
// the claim. The block is read as a normal one is: windows are queues.
type prediction struct {
	r       *run
	scope   scope                // names of a book block are its own
	own     map[Place]*predicted // windows in which the block runs a command
	others  map[Place]*predicted // those it only looks at, until the next command
	command *predicted           // the latest
	found   []*Problem
}

// A predicted is one window's queue.
type predicted struct {
	trace *trace // nil for a window that the block only looks at
	lines []string
	last  *Step // of the block, here
	skip  bool
	wrong bool // a difference was found: one for each command is enough
}

// compareBook returns the first difference of each command of a book block.
// Seen counts the runs of each command that were compared already.
func (r *run) compareBook(b *Block, seen map[string]int) []*Problem {
	p := &prediction{r: r, scope: scope{}, own: map[Place]*predicted{}}
	for _, s := range b.Steps {
		if s.Kind == Command {
			p.exhausted(p.own[s.Place])
			runs, n := r.traces[b.Claim][s.experiment()], seen[s.experiment()]
			seen[s.experiment()]++
			if n >= len(runs) {
				return p.found // refused by Parse
			}
			p.command = &predicted{trace: runs[n], lines: runs[n].lines, last: s}
			p.own[s.Place] = p.command
			p.others = map[Place]*predicted{}
			continue
		}
		p.step(s)
	}
	for _, s := range b.Steps { // in the order of the block
		if s.Kind == Command {
			p.exhausted(p.own[s.Place])
			delete(p.own, s.Place)
		}
	}
	return p.found
}

// queue returns the queue that a step looks at.
func (p *prediction) queue(s *Step) *predicted {
	if q := p.own[s.Place]; q != nil {
		return q
	}
	if p.others[s.Place] == nil {
		p.others[s.Place] = &predicted{lines: p.command.trace.others[s.Place.Host]}
	}
	return p.others[s.Place]
}

func (p *prediction) step(s *Step) {
	q := p.queue(s)
	if q.wrong {
		return
	}
	q.last = s
	switch s.Kind {
	case Skip:
		q.skip = true
	case Expect:
		p.line(s, q)
	case End:
		if q.trace != nil && s.Status != q.trace.end {
			p.differs(s, q, 0, s.Text, q.next())
		}
	}
}

// line takes the next line of a queue for an expected one.
func (p *prediction) line(s *Step, q *predicted) {
	text := p.r.lab.Rewrite(s.Text)
	parts, _ := p.r.l.patterns.split(text)
	for q.skip && len(q.lines) > 0 {
		if _, ok := p.scope.match(parts, q.lines[0]); ok {
			break
		}
		q.lines = q.lines[1:]
	}
	q.skip = false
	if len(q.lines) == 0 {
		p.differs(s, q, 0, p.scope.show(parts), q.next())
		return
	}
	if diff, ok := p.scope.match(parts, q.lines[0]); !ok {
		p.differs(s, q, unmap(s.Text, text, diff), p.scope.show(parts), q.lines[0])
		return
	}
	q.lines = q.lines[1:]
}

// exhausted reports a line that a command of the block printed and the block
// does not show.
func (p *prediction) exhausted(q *predicted) {
	if q != nil && !q.wrong && len(q.lines) > 0 {
		p.differs(q.last, q, 0, "nothing more", q.lines[0])
	}
}

// next says what a queue has where the book expects something else.
func (q *predicted) next() string {
	switch {
	case len(q.lines) > 0:
		return q.lines[0]
	case q.trace != nil && q.trace.end.Kind != 0:
		return q.trace.end.String()
	}
	return "nothing more"
}

func (p *prediction) differs(s *Step, q *predicted, offset int, want, got string) {
	q.wrong = true
	d := p.r.l.source.problem(s.TextPos.Offset+offset, "the book differs")
	d.Host, d.Diff, d.Want, d.Got = s.Place.String(), true, want, got
	p.found = append(p.found, d)
}
