package narrate

import (
	"os"
	"testing"
	"time"

	"hostlab/lab/lesson"
)

// A fakeClock is a Clock on which a wait takes no time: it moves on at once.
type fakeClock struct {
	now    time.Time
	waited []time.Duration
}

func newFakeClock() *fakeClock { return &fakeClock{now: time.Unix(0, 0)} }

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.now = c.now.Add(d)
	c.waited = append(c.waited, d)
	over := make(chan time.Time, 1)
	over <- c.now
	return over
}

// passed is the time since the clock began.
func (c *fakeClock) passed() time.Duration { return c.now.Sub(time.Unix(0, 0)) }

func testLesson(t testing.TB) *lesson.Lesson {
	t.Helper()
	data, err := os.ReadFile("testdata/lesson.md")
	if err != nil {
		t.Fatal(err)
	}
	les, err := lesson.Parse("lesson.md", data)
	if err != nil {
		t.Fatal(err)
	}
	return les
}

// A fakeLab is a lab on which everything comes out as the lesson says, or is
// made to by spoil. A line of output takes it 10 ms.
type fakeLab struct {
	les   *lesson.Lesson
	at    time.Duration
	tells []func(*Narration) // what it tells, in order
	spoil func(*lesson.ClaimResult)
	ended *lesson.Result
}

// play makes up what the lab tells of the whole lesson.
func (l *fakeLab) play() *fakeLab {
	l.ended = &lesson.Result{Lesson: l.les}
	l.tells = append(l.tells,
		func(n *Narration) { n.Progress("starting 2 hosts") },
		func(n *Narration) { n.Ready(nil) })
	judged := 0
	for i, s := range l.les.Sections {
		l.event(lesson.Event{Kind: lesson.SectionBegan, Section: s})
		for _, b := range s.Blocks {
			l.block(b)
		}
		for ; judged < len(l.les.Claims); judged++ {
			c := l.les.Claims[judged]
			if i+1 < len(l.les.Sections) && c.VerdictPos.Offset > l.les.Sections[i+1].Pos.Offset {
				break
			}
			res := &lesson.ClaimResult{Claim: c, Verdict: c.Stated}
			if c.Stated == lesson.Contradicted {
				res.Differs = []*lesson.Problem{{Diff: true, Want: "silence", Got: "an answer"}}
			}
			if l.spoil != nil {
				l.spoil(res)
			}
			l.ended.Claims = append(l.ended.Claims, res)
			l.event(lesson.Event{Kind: lesson.ClaimJudged, Claim: res})
		}
	}
	l.tells = append(l.tells, func(n *Narration) { n.Done(Outcome{Result: l.ended}) })
	return l
}

func (l *fakeLab) event(e lesson.Event) {
	l.tells = append(l.tells, func(n *Narration) { n.Event(e) })
}

func (l *fakeLab) block(b *lesson.Block) {
	l.event(lesson.Event{Kind: lesson.BlockBegan, Block: b})
	res := &lesson.BlockResult{Block: b}
	var command *lesson.Step
	for _, s := range b.Steps {
		if b.Kind == lesson.Book {
			res.Predicted = append(res.Predicted, s.String())
			continue
		}
		if (s.Kind == lesson.Command || s.Kind == lesson.Hostlab) && command != nil {
			l.entry(lesson.Ended, &lesson.Step{Place: command.Place, Block: b}, "[exit 0]")
		}
		switch s.Kind {
		case lesson.Command, lesson.Hostlab:
			command = s
			l.entry(lesson.Typed, s, s.Text)
		case lesson.Expect:
			l.entry(lesson.Printed, s, s.Text)
		case lesson.Key:
			l.entry(lesson.Pressed, s, s.Text)
			l.entry(lesson.Ended, s, "[killed SIGINT]")
		case lesson.End:
			l.entry(lesson.Ended, s, s.Text)
			command = nil
		}
	}
	l.event(lesson.Event{Kind: lesson.BlockEnded, Block: b, Result: res})
}

func (l *fakeLab) entry(kind lesson.EntryKind, s *lesson.Step, text string) {
	l.at += 10 * time.Millisecond
	l.event(lesson.Event{Kind: lesson.EntryTaken, Block: s.Block, Entry: &lesson.Entry{
		Kind: kind, Step: s, Place: s.Place, Text: text, Label: s.Label, At: l.at,
	}})
}

// tellAll tells a narration everything at once: the lab is ahead.
func (l *fakeLab) tellAll(n *Narration) {
	for _, tell := range l.tells {
		tell(n)
	}
}
