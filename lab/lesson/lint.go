package lesson

import (
	"slices"
	"strings"

	"hostlab/lab/topology"
)

// lint reports what is wrong with the lesson as a whole, which no single line
// shows.
func (p *fileParser) lint() {
	w := &windowLint{fileParser: p, state: map[Place]*windowState{}}
	for _, s := range p.lesson.Sections {
		for _, b := range s.Blocks {
			switch b.Kind {
			case Console:
				w.console(b)
				p.lintHostlab(b)
			case Book:
				p.lintBook(b)
			}
			p.lintSkips(b)
		}
	}
	p.lintCommandNames()
	for _, c := range p.lesson.Claims {
		p.lintClaim(c)
	}
	if p.lesson.Topology != nil {
		p.problems = append(p.problems, p.lesson.unknownHosts()...)
	}
}

// lintSkips reports "..." without an expected line of its window behind it.
func (p *fileParser) lintSkips(b *Block) {
	open := map[Place]*Step{}
	report := func(s *Step) {
		p.failAt(s.TextPos.Offset, "\"...\" goes up to the next expected line of %v, and this block has none", s.Place)
	}
	for _, s := range b.Steps {
		if skip := open[s.Place]; skip != nil && s.Kind != Expect {
			report(skip)
		}
		delete(open, s.Place)
		if s.Kind == Skip {
			open[s.Place] = s
		}
	}
	for _, s := range open {
		report(s)
	}
}

// lintClaim reports a claim that nothing is done about, and book blocks that
// nothing can be compared with.
func (p *fileParser) lintClaim(c *Claim) {
	runs, predictions := map[string][]*Step{}, map[string][]*Step{}
	consoles := 0
	for _, b := range c.Blocks {
		if b.Kind == Console {
			consoles++
		}
		for _, s := range b.Steps {
			switch {
			case s.Kind != Command:
			case b.Kind == Book:
				predictions[s.experiment()] = append(predictions[s.experiment()], s)
			default:
				runs[s.experiment()] = append(runs[s.experiment()], s)
			}
		}
	}
	if consoles == 0 && c.Stated != "" {
		p.failAt(c.Pos.Offset, "claim %s has no console block that puts it to the test", c.ID)
	}
	for what, steps := range predictions {
		for i, s := range steps {
			if i >= len(runs[what]) {
				p.failAt(s.Pos.Offset, "the book predicts %q on %s, but claim %s does not run it%s", s.Text, s.Place.Host, c.ID, more(i))
			}
		}
		if n := len(runs[what]); n > len(steps) {
			p.failAt(steps[0].Pos.Offset, "claim %s runs %q on %s %d times, and the book predicts %d of them",
				c.ID, steps[0].Text, steps[0].Place.Host, n, len(steps))
		}
	}
}

func more(i int) string {
	if i == 0 {
		return ""
	}
	return " that often"
}

// experiment is what makes two commands the same: the host and the text.
func (s *Step) experiment() string { return s.Place.Host + "$ " + s.Text }

// lintBook reports a book block outside a claim, or without a command.
func (p *fileParser) lintBook(b *Block) {
	if b.Claim == nil {
		p.failAt(b.Pos.Offset, "a book block stands between a claim and its verdict")
	}
	if len(b.Steps) > 0 && b.Steps[0].Kind != Command {
		p.failAt(b.Steps[0].Pos.Offset, "a book block begins with the command whose output the book predicts")
	}
}

// A windowLint follows the windows through the lesson as a run would find them.
type windowLint struct {
	*fileParser
	state map[Place]*windowState
	order []*windowState
}

// A windowState is what is known of one window before any run.
type windowState struct {
	place   Place
	command *Step // in front; nil when the window is at its prompt
	stays   bool  // [running]
	key     *Step // ^C, ^Z or ^\ was pressed, its outcome not yet asked for
}

func (w *windowLint) of(p Place) *windowState {
	if w.state[p] == nil {
		w.state[p] = &windowState{place: p}
		w.order = append(w.order, w.state[p])
	}
	return w.state[p]
}

// settle is what the next command, or the end of a block, does: what need not
// stay has ended.
func (w *windowLint) settle() {
	for _, s := range w.order {
		if !s.stays || s.key != nil {
			*s = windowState{place: s.place}
		}
	}
}

func (w *windowLint) console(b *Block) {
	for _, s := range b.Steps {
		switch s.Kind {
		case Command, Hostlab:
			w.settle()
			w.command(s)
		case Key:
			w.key(s)
		case End:
			w.end(s)
		default:
			if w.state[s.Place] == nil && w.lesson.knows(s.Place.Host) {
				w.failAt(s.Pos.Offset, "nothing has been started in %s, so it shows nothing", s.Place.numbered())
				w.of(s.Place) // once is enough
			}
		}
	}
	w.settle()
}

func (w *windowLint) command(s *Step) {
	st := w.of(s.Place)
	if c := st.command; c != nil {
		w.failAt(s.Pos.Offset, "%s is busy running %q (line %d); stop it with ^C or open another window: %s$",
			s.Place.numbered(), c.Text, c.Pos.Line, w.free(s.Place.Host).numbered())
	}
	*st = windowState{place: s.Place, command: s}
}

// free returns a host's first window that is at its prompt.
func (w *windowLint) free(host string) Place {
	p := Place{Host: host, Number: 1}
	for w.state[p] != nil && w.state[p].command != nil {
		p.Number++
	}
	return p
}

func (w *windowLint) key(s *Step) {
	st := w.of(s.Place)
	if st.command == nil {
		w.failAt(s.TextPos.Offset, "nothing runs in %s that %s could reach", s.Place.numbered(), s.Text)
		return
	}
	st.key = s
}

func (w *windowLint) end(s *Step) {
	st := w.of(s.Place)
	switch {
	case st.command == nil:
		w.failAt(s.TextPos.Offset, "nothing runs in %s that could be %s", s.Place.numbered(), s.Text)
	case s.Status.Kind == Running && st.key != nil:
		w.failAt(s.TextPos.Offset, "%s in line %d must end or stop the program, so it is not running", st.key.Text, st.key.Pos.Line)
	case s.Status.Kind == Running:
		st.stays = true
	case s.Status.Kind == Stopped && st.key != nil && st.key.Text != "^Z":
		w.failAt(s.TextPos.Offset, "%s in line %d must end the program, so it is not stopped", st.key.Text, st.key.Pos.Line)
	case s.Status.Kind != Stopped && st.key != nil && st.key.Text == "^Z":
		w.failAt(s.TextPos.Offset, "^Z in line %d must stop the program, so it has not ended", st.key.Pos.Line)
	}
	if s.Status.Kind != Running {
		*st = windowState{place: s.Place}
	}
}

// knows reports whether a host is in the lab, as far as the lab is known.
func (l *Lesson) knows(host string) bool {
	return l.Topology == nil || slices.ContainsFunc(l.Topology.Hosts, func(h topology.Host) bool { return h.Name == host })
}

// unknownHosts reports every prompt, window and arrow of a host that the lab
// does not have.
func (l *Lesson) unknownHosts() []*Problem {
	var found []*Problem
	var names []string
	for _, h := range l.Topology.Hosts {
		names = append(names, h.Name)
	}
	check := func(host string, offset int, advice string) {
		if host == "" || l.knows(host) {
			return
		}
		hosts := "none; the front matter lists them: lab: {laptop: 192.168.5.10/24}"
		if len(names) > 0 {
			hosts = strings.Join(names, ", ")
		}
		found = append(found, l.source.problem(offset, "no host %q in the lab (%s)%s", host, hosts, advice))
	}
	for _, s := range l.Sections {
		for _, b := range s.Blocks {
			for _, st := range b.Steps {
				if st.Kind == Command || st.Label != "" {
					check(st.Place.Host, st.Pos.Offset, `; if it is output, begin the line with \`)
				}
				if st.Kind == Hostlab {
					hosts, _ := hostsOf(st) // lintHostlab tells of the error
					for _, h := range hosts {
						check(h, st.TextPos.Offset, "")
					}
				}
			}
			if b.Diagram != nil {
				eachHost(b.Diagram.Statements, func(host string, s *Statement) { check(host, s.Pos.Offset, "") })
			}
		}
	}
	return found
}

// eachHost calls f for every host that statements name.
func eachHost(list []*Statement, f func(host string, s *Statement)) {
	for _, s := range list {
		for _, h := range s.Hosts {
			f(h, s)
		}
		eachHost(s.Body, f)
	}
}
