package narrate

import (
	"hash/fnv"
	"strings"
	"time"

	"hostlab/lab/lesson"
)

// The pace of a narration at speed 1.
const (
	keystroke   = time.Second / 15 // the middle one
	thinking    = 600 * time.Millisecond
	enterKey    = 400 * time.Millisecond
	answer      = 900 * time.Millisecond // more, before the line that matters
	shortestGap = 60 * time.Millisecond  // between lines of output
	longestGap  = 2 * time.Second        // … which keep the rhythm that they had on the lab
	manyLines   = 40                     // of one command; no pauses between more
	word        = 300 * time.Millisecond // to read
	glance      = time.Second            // the least for anything new
	slideTime   = 3 * time.Second
	suspense    = 1200 * time.Millisecond // before a verdict
	verdictTime = 2500 * time.Millisecond
	packetTime  = 700 * time.Millisecond
)

// reading is how long a person reads a text.
func reading(text string) time.Duration {
	return glance + time.Duration(len(strings.Fields(text)))*word
}

// stroke is how long the pause before the i-th letter of a line is: the middle
// one, more or less, the same each time.
func stroke(line []rune, i int) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(string(line[:i+1]))) // which returns no errors
	percent := 60 + h.Sum32()%71        // 60 to 130, 95 in the middle
	if line[i] == ' ' {
		percent += 40
	}
	return keystroke * time.Duration(percent) / 100
}

// before is the pause before a beat. Gap is the time that passed on the lab
// since the entry before, and lines how many the command has printed.
func (b *beat) before(gap time.Duration, lines int) time.Duration {
	switch b.kind {
	case verdict:
		return suspense
	case entry:
		switch b.entry.Kind {
		case lesson.Typed, lesson.Pressed:
			return thinking
		case lesson.Printed:
			if lines > manyLines {
				return 0
			}
			pause := min(max(gap, shortestGap), longestGap)
			if matters(b.entry.Step) {
				pause += answer
			}
			return pause
		}
	}
	return 0
}

// matters reports whether a line is the one that a claim waits for: the last
// one that the last command of its block prints.
func matters(s *lesson.Step) bool {
	if s == nil || s.Block.Claim == nil {
		return false
	}
	var last *lesson.Step
	for _, other := range s.Block.Steps {
		if other.Kind == lesson.Expect && other.Label == "" {
			last = other
		}
	}
	return s == last
}

// after is the pause after a beat, for its audience to read.
func (b *beat) after() time.Duration {
	switch b.kind {
	case slide:
		return slideTime
	case tell, claim:
		return readingPassage(&b.passage)
	case entry:
		if b.entry.Kind == lesson.Ended && !b.entry.Plain() {
			return glance / 2
		}
	case aside:
		return glance + time.Duration(len(asideOf(b).Lines))*packetTime
	case verdict:
		return verdictTime
	case problem:
		return reading(b.problem.Error())
	case notice:
		return reading(b.text)
	}
	return 0
}

func readingPassage(p *lesson.Passage) time.Duration {
	text := lesson.Plaintext(p.Text) + " " + strings.Join(p.Lines, " ")
	for _, row := range p.Rows {
		for _, cell := range row {
			text += " " + lesson.Plaintext(cell)
		}
	}
	return reading(text)
}
