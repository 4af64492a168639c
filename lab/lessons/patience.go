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

// Patience estimates how long the programs of a lesson wait in vain. A run of
// many lessons begins with the most patient one, so that it does not end with
// one that everybody waits for.
func Patience(l *lesson.Lesson) time.Duration {
	var sum time.Duration
	for _, s := range l.Sections {
		for _, b := range s.Blocks {
			if b.Kind != lesson.Console {
				continue
			}
			for _, step := range b.Steps {
				for text, d := range givingUp {
					if step.Kind == lesson.Expect && strings.Contains(step.Text, text) {
						sum += d
					}
				}
			}
		}
	}
	return sum
}
