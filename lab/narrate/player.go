package narrate

import (
	"math"
	"slices"
	"strings"
	"time"

	"hostlab/lab/lesson"
)

// A player plays beats at a person's pace. It does nothing by itself: tick
// tells it the time, and wait says when to tell it again.
type player struct {
	les     *lesson.Lesson
	script  *script
	queue   []beat
	state   *State
	judged  map[*lesson.Claim]*lesson.ClaimResult
	rewrite func(string) string
	outcome *Outcome // how the lesson ended on the lab; nil as long as it runs
	fast    bool
	over    bool // the last beat has begun

	now    time.Time
	left   time.Duration // until the next step, at speed 1
	held   bool          // the pause before the queue's first beat has begun
	typing []rune        // of the line that is being typed; nil when none is
	typed  int           // so many of them are
	typist *Window       // where
	at     time.Duration // the last entry's time on the lab
	lines  int           // what the last command has printed
}

func newPlayer(les *lesson.Lesson, now time.Time, fast bool) *player {
	p := &player{les: les, now: now, fast: fast, rewrite: asIs, state: &State{Speed: 1}}
	p.begin()
	return p
}

// begin begins, or begins again.
func (p *player) begin() {
	p.state = &State{Claims: len(p.les.Claims), Hosts: hosts(p.les, p.rewrite), Speed: p.state.Speed, Paused: p.state.Paused}
	p.judged = map[*lesson.Claim]*lesson.ClaimResult{}
	p.script, p.queue, p.state.Title = newScript(p.les)
	p.held, p.typing, p.at, p.lines = false, nil, 0, 0
	p.prompts()
}

func asIs(s string) string { return s }

// prompts gives each window the prompt that the lesson has for it.
func (p *player) prompts() {
	for _, passage := range p.script.passages {
		if passage.Block == nil {
			continue
		}
		for _, s := range passage.Block.Steps {
			if s.Prompt != "" && passage.Block.Kind == lesson.Console {
				p.state.window(s.Place).Prompt = s.Prompt
			}
		}
	}
}

// hosts returns the lab's hosts with their addresses, a line each.
func hosts(les *lesson.Lesson, rewrite func(string) string) []string {
	var lines []string
	for _, h := range les.Topology.Hosts {
		line := h.Name
		for _, i := range h.Interfaces {
			for _, a := range i.Addrs {
				line += "  " + rewrite(a.String())
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// receive takes what the lab tells.
func (p *player) receive(m message) {
	switch {
	case m.progress != "":
		p.state.Lab = visible(m.progress)
	case m.rewrite != nil:
		was := p.state.Hosts
		p.rewrite, p.state.Lab = m.rewrite, "the lab is ready"
		p.state.Hosts = hosts(p.les, p.rewrite)
		if is := strings.Join(p.state.Hosts, ", "); is != strings.Join(was, ", ") {
			p.note("This computer uses the lesson's addresses elsewhere. In this lab they are: " + is)
		}
	case m.again:
		p.begin()
		p.note("This machine stood still while the lab was at work: what came out says nothing. The lesson begins again, on a fresh lab.")
	case m.outcome != nil:
		p.outcome, p.state.Lab = m.outcome, ""
		p.queue = append(p.queue, p.script.end(m.outcome)...)
	default:
		if m.judged != nil {
			p.judged[m.judged.Claim] = m.judged
		}
		if e := m.event.Entry; e != nil && e.Kind == lesson.Typed {
			p.state.Lab = visible(e.String())
		}
		p.queue = append(p.queue, p.script.event(m.event)...)
	}
}

// note says something next, but for the title.
func (p *player) note(text string) {
	next := 1 + slices.IndexFunc(p.queue, func(b beat) bool { return b.kind == slide })
	p.queue = slices.Insert(p.queue, next, beat{kind: notice, text: text})
}

// failed returns why there is nothing to narrate: there was no lab.
func (p *player) failed() error {
	if p.outcome != nil && p.outcome.Result == nil {
		return p.outcome.Err
	}
	return nil
}

// setSpeed sets the speed within its bounds; 0 is a person's.
func (p *player) setSpeed(speed float64) {
	if speed == 0 {
		speed = 1
	}
	p.state.Speed = min(max(speed, MinSpeed), MaxSpeed)
}

// skip ends the pause, or the typing, that is going on.
func (p *player) skip() {
	p.left = 0
	for p.typing != nil {
		p.stroke()
	}
	p.left = 0
	p.state.Paused = false
}

// tick brings the narration to a moment. Begun is told each beat that has begun
// by then, with the state as it is at that beat; nil means that nobody listens.
func (p *player) tick(now time.Time, begun func(*beat)) {
	passed := now.Sub(p.now)
	p.now = now
	if p.state.Paused || p.over {
		return
	}
	p.left -= time.Duration(float64(passed) * p.state.Speed)
	for p.left <= 0 && !p.over {
		switch {
		case p.typing != nil:
			p.stroke()
		case p.waits():
			p.state.Idle += passed
			p.left = 0
			return
		default:
			p.state.Idle = 0
			if b := p.step(); b != nil && begun != nil {
				begun(b)
			}
		}
	}
}

// wait returns how long nothing happens by itself; false when that is until
// the lab says something, or a key is pressed.
func (p *player) wait() (time.Duration, bool) {
	if p.state.Paused || p.over || p.typing == nil && p.left <= 0 && p.waits() {
		return 0, false
	}
	return max(0, time.Duration(math.Ceil(float64(p.left)/p.state.Speed))), true
}

// waits reports whether the next beat is the lab's to make.
func (p *player) waits() bool {
	if len(p.queue) == 0 {
		return true
	}
	next := &p.queue[0]
	return next.kind == verdict && p.judged[next.passage.Claim] == nil && p.outcome == nil
}

// step begins the pause before the next beat, or the beat, which it returns.
func (p *player) step() *beat {
	b := p.queue[0]
	if !p.held {
		p.held = true
		gap := time.Duration(0)
		if b.entry != nil {
			gap = b.entry.At - p.at
		}
		p.pause(b.before(gap, p.lines))
		return nil
	}
	p.held = false
	p.queue = p.queue[1:]
	p.play(&b)
	p.pause(b.after())
	return &b
}

func (p *player) pause(d time.Duration) {
	if !p.fast {
		p.left += d
	}
}

// stroke types a letter.
func (p *player) stroke() {
	w := p.typist
	w.Lines[len(w.Lines)-1].Text += string(p.typing[p.typed])
	p.pause(stroke(p.typing, p.typed))
	p.typed++
	if p.typed == len(p.typing) {
		p.typing, w.Typing = nil, false
		p.pause(enterKey)
	}
}

// enterCommand begins to type a line.
func (p *player) enterCommand(e *lesson.Entry) {
	p.state.stale, p.lines = true, 0
	w := p.state.use(e.Place)
	w.add(Line{Prompt: e.Step.Prompt, Tone: Loud})
	w.Prompt, w.Running = e.Step.Prompt, true
	if text := []rune(visible(e.Text)); len(text) > 0 {
		p.typing, p.typed, p.typist, w.Typing = text, 0, w, true
	}
}

// play brings a beat onto the stage.
func (p *player) play(b *beat) {
	s := p.state
	s.Opening = b.kind == slide
	switch b.kind {
	case slide:
		s.enter("", b.places)
	case tell:
		p.tell(b)
	case claim:
		s.Asides = nil
		s.Claim = &Claim{ID: b.passage.Claim.ID, Text: rewriteSpans(b.passage.Text, p.rewrite)}
	case windows:
		s.stale = true
	case entry:
		if p.at = b.entry.At; b.entry.Kind == lesson.Typed {
			p.enterCommand(b.entry)
			return
		}
		p.lines++
		s.happen(b.entry)
	case aside:
		s.stale = true
		s.Asides = append(s.Asides, asideOf(b))
	case verdict:
		p.verdict(b.passage.Claim)
	case problem:
		s.Asides = append(s.Asides, Aside{Title: "not as the lesson says", Lines: problemLines(b.problem)})
	case notice:
		s.say(lesson.Passage{Kind: lesson.Paragraph, Text: []lesson.Span{{Text: b.text, Style: lesson.Emphasized}}})
	case end:
		s.Summary = summary(b.outcome)
		p.over = true
	}
}

func (p *player) tell(b *beat) {
	if b.passage.Kind == lesson.Heading {
		p.state.enter(lesson.Plaintext(rewriteSpans(b.passage.Text, p.rewrite)), b.places)
		return
	}
	p.state.say(rewritePassage(b.passage, p.rewrite))
}

// verdict shows what a claim came to.
func (p *player) verdict(c *lesson.Claim) {
	s := p.state
	if s.Claim == nil || s.Claim.ID != c.ID {
		s.Claim = &Claim{ID: c.ID, Text: []lesson.Span{{Text: p.rewrite(c.Text)}}}
	}
	s.Claim.Verdict, s.Claim.Tone, s.Claim.Notes = judgement(p.judged[c])
}
