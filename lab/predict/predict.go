// Package predict lets a student say what will happen before it does. It
// follows a run of a lesson by its events: before a command is typed it asks
// for its outcome, before a claim's first block for the claim's verdict, and
// then it shows what really came out, and compares.
//
// The choices are the outcomes that the lesson itself states for that program
// anywhere, or lets the book predict. Questions and answers are lines, so that
// it works on a pipe, with a screen reader and in a test.
package predict

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"hostlab/lab/lesson"
)

// ErrEnded is the cause with which a quiz ends the run: the student had enough.
var ErrEnded = errors.New("the student has ended the quiz")

// Options are the choices of a quiz.
type Options struct {
	In  io.Reader // answers, a line each; its end ends the quiz
	Out io.Writer // questions, and what came out

	// Echo repeats each answer on Out: a pipe does not show what it gives.
	Echo bool

	// End ends the run of the lesson, with ErrEnded.
	End func(error)
}

// A Quiz asks about one lesson. New makes one; its methods are called by the
// goroutine of the run.
type Quiz struct {
	o       Options
	ctx     context.Context
	l       *lesson.Lesson
	lines   chan string // answers; closed at their end
	rewrite func(string) string
	ended   bool

	choices map[string][]outcome
	hurried map[*lesson.Step]*lesson.Step
	asked   map[*lesson.Step]*Question
	open    map[lesson.Place]*Question // commands that run and are not judged yet
	claims  map[*lesson.Claim]*Question
	claim   *lesson.Claim // the latest that was shown
	sheet   Sheet
}

// New makes a quiz. Nobody is asked any more when ctx has ended. The goroutine
// that reads answers ends with In, or with the program.
func New(ctx context.Context, l *lesson.Lesson, o Options) *Quiz {
	q := &Quiz{
		o: o, ctx: ctx, l: l, lines: make(chan string), rewrite: func(s string) string { return s },
		choices: choicesOf(l), hurried: hurried(l),
		asked: map[*lesson.Step]*Question{}, open: map[lesson.Place]*Question{}, claims: map[*lesson.Claim]*Question{},
		sheet: Sheet{Lesson: l.File, Title: l.Title, Questions: []*Question{}},
	}
	go q.read()
	fmt.Fprintf(o.Out, "%s\n\nSay what will happen before it does: type a number, or some words of the line\nthat you expect. An empty line skips a question; Ctrl-D ends.\n", l.Title)
	return q
}

// read hands out the lines of In.
func (q *Quiz) read() {
	defer close(q.lines)
	in := bufio.NewScanner(q.o.In)
	for in.Scan() {
		select {
		case q.lines <- strings.TrimSpace(in.Text()):
		case <-q.ctx.Done():
			return
		}
	}
}

// Around is for stage.Options: the quiz learns the lab's addresses.
func (q *Quiz) Around(r lesson.Runner) lesson.Runner {
	q.rewrite = r.Rewrite
	return r
}

// Event is for stage.Options. It returns when the questions that belong before
// what happens next have been answered.
func (q *Quiz) Event(e lesson.Event) {
	if q.ended {
		return
	}
	switch e.Kind {
	case lesson.SectionBegan:
		if e.Section.Heading != "" {
			q.say("\n%s %s", strings.Repeat("#", e.Section.Level), e.Section.Heading)
		}
	case lesson.BlockBegan:
		q.begin(e.Block)
	case lesson.EntryTaken:
		q.entry(e.Entry)
	case lesson.ClaimJudged:
		q.judged(e.Claim)
	}
}

func (q *Quiz) say(format string, args ...any) { fmt.Fprintf(q.o.Out, format+"\n", args...) }

// begin shows the claim of a block and asks for its verdict.
func (q *Quiz) begin(b *lesson.Block) {
	if b.Claim == nil || b.Claim == q.claim {
		return
	}
	q.claim = b.Claim
	q.say("\nClaim %s: %s", b.Claim.ID, b.Claim.Text)
	if len(b.Steps) > 0 && q.hurried[b.Steps[0]] != nil {
		return
	}
	question := &Question{Line: b.Claim.Pos.Line, Claim: b.Claim.ID, Choices: []string{string(lesson.Confirmed), string(lesson.Contradicted)}}
	q.claims[b.Claim] = question
	q.ask(question, "What will the hosts say of it?")
}

// entry shows a line of the transcript. Before a command it asks.
func (q *Quiz) entry(e *lesson.Entry) {
	if e.Kind == lesson.Typed {
		q.ahead(e)
		if q.ended {
			return
		}
		q.say("\n    %s", e)
		if question := q.asked[e.Step]; question != nil {
			q.open[e.Place] = question
		}
		return
	}
	question := q.open[e.Place]
	if !e.Plain() {
		q.say("    %s", e)
	}
	if question == nil {
		return
	}
	switch e.Kind {
	case lesson.Printed:
		question.lines = append(question.lines, e.Text)
	case lesson.Ended:
		delete(q.open, e.Place)
		q.compare(question, e.Text)
	}
}

// ahead asks what is to be asked before a command: about it, and about those
// that will have to follow without a pause.
func (q *Quiz) ahead(e *lesson.Entry) {
	if e.Step.Kind != lesson.Command || q.hurried[e.Step] != nil {
		return
	}
	q.command(e.Step)
	eachCommand(q.l, lesson.Console, func(b *lesson.Block, i int) {
		if q.hurried[b.Steps[i]] == e.Step {
			q.command(b.Steps[i])
		}
	})
}

// command asks about one command.
func (q *Quiz) command(s *lesson.Step) {
	text := q.rewrite(s.String())
	question := &Question{Line: s.Pos.Line, Command: text, outcomes: q.choices[experiment(s.Text)]}
	for _, o := range question.outcomes {
		question.Choices = append(question.Choices, q.rewrite(o.String()))
	}
	question.Choices = append(question.Choices, "something else")
	q.asked[s] = question
	q.ask(question, "%s\nWhat will it do?", text)
}

// ask asks until the answer makes sense.
func (q *Quiz) ask(question *Question, format string, args ...any) {
	if q.ended {
		return
	}
	q.sheet.Questions = append(q.sheet.Questions, question)
	q.say("\n"+format, args...)
	for i, c := range question.Choices {
		q.say("  %d) %s", i+1, c)
	}
	for {
		fmt.Fprint(q.o.Out, "> ")
		line, ok := q.answer()
		if !ok {
			q.end()
			return
		}
		why := question.take(line)
		if why == "" {
			return
		}
		q.say("%s", why)
	}
}

// answer waits for a line.
func (q *Quiz) answer() (string, bool) {
	select {
	case line, ok := <-q.lines:
		if q.o.Echo && ok {
			q.say("%s", line)
		}
		return line, ok
	case <-q.ctx.Done():
		return "", false
	}
}

// end ends the quiz; its latest question was never answered.
func (q *Quiz) end() {
	q.ended = true
	q.say("")
	q.sheet.Questions = q.sheet.Questions[:len(q.sheet.Questions)-1]
	if q.ctx.Err() == nil {
		q.o.End(ErrEnded)
	}
}

// compare tells how a command came out.
func (q *Quiz) compare(question *Question, status string) {
	really := outcome{status: status}
	if n := len(question.lines); n > 0 {
		really.line = question.lines[n-1]
	}
	question.Really = outcome{strings.ReplaceAll(really.line, "{", `\{`), status}.String()
	other := len(question.Choices) // "something else"
	for i, o := range question.outcomes {
		if (outcome{q.rewrite(o.line), o.status}).is(really) {
			other = i + 1
			break
		}
	}
	question.settle(other)
	q.tell(question)
}

// judged tells what became of a claim.
func (q *Quiz) judged(c *lesson.ClaimResult) {
	question := q.claims[c.Claim]
	if question == nil || question.Really != "" || c.Verdict == "" {
		return
	}
	question.Really = string(c.Verdict)
	for i, choice := range question.Choices {
		if choice == question.Really {
			question.settle(i + 1)
		}
	}
	q.say("\nClaim %s is %s.", c.Claim.ID, c.Verdict)
	q.tell(question)
}

func (q *Quiz) tell(question *Question) {
	switch {
	case question.Answer == "":
	case question.Right:
		q.say("Right.")
	default:
		q.say("Not what you said: %s", question.Answer)
	}
}

// take takes an answer: a choice's number, words of one choice, or else words
// of a line that is expected. Why says what is wrong with it.
func (x *Question) take(line string) (why string) {
	x.Answer, x.Chosen = line, 0
	if line == "" {
		return ""
	}
	if n, err := strconv.Atoi(line); err == nil {
		if n < 1 || n > len(x.Choices) {
			return fmt.Sprintf("Please type a number from 1 to %d, or words.", len(x.Choices))
		}
		x.Answer, x.Chosen = x.Choices[n-1], n
		return ""
	}
	found := 0
	for i, c := range x.Choices {
		if contains(c, line) {
			found++
			x.Chosen = i + 1
		}
	}
	switch {
	case found == 1:
		x.Answer = x.Choices[x.Chosen-1]
	case x.Claim != "":
		return "Please type 1 or 2, or the word."
	default:
		x.Chosen = 0
	}
	return ""
}

// settle compares the answer with the choice that was right.
func (x *Question) settle(right int) {
	x.Right = x.Chosen == right
	if x.Chosen == 0 && x.Answer != "" {
		for _, line := range x.lines {
			x.Right = x.Right || contains(line, x.Answer)
		}
	}
}

func contains(text, words string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(words))
}
