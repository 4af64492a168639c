package lessons

import (
	"strings"
	"time"

	"hostlab/lab/lesson"
)

// givingUp is what the book's programs print when they, or the kernel for
// them, have waited in vain, and for how long they had by then: udp_remote's
// five waits, and three unanswered questions of ARP (RFC 1122 section 2.3.2.1;
// Linux asks once a second).
var givingUp = map[string]time.Duration{
	"I think the server is down": 3100 * time.Millisecond,
	"No route to host":           3 * time.Second,
}

// otherwise is what lessons take beside their waits, all that hostlab brings
// but for a few tenths of a second.
const otherwise = 300 * time.Millisecond

// synAgain is after how long a lost SYN is sent again (RFC 6298 section 2).
const synAgain = time.Second

// Estimate estimates how long a lesson takes, mostly what its programs wait in
// vain. It is for stage.Options.
func Estimate(l *lesson.Lesson) time.Duration {
	sum := otherwise
	for _, s := range l.Sections {
		for _, b := range s.Blocks {
			if b.Kind != lesson.Console {
				continue
			}
			for _, step := range b.Steps {
				sum += wait(step)
			}
		}
	}
	return sum
}

// wait estimates how long the programs wait in vain in one step.
func wait(step *lesson.Step) (sum time.Duration) {
	if step.Kind == lesson.Hostlab && strings.Contains(step.Text, "fault drop") && strings.Contains(step.Text, " tcp/") {
		return synAgain
	}
	for text, d := range givingUp {
		if step.Kind == lesson.Expect && strings.Contains(step.Text, text) {
			sum += d
		}
	}
	return sum
}
