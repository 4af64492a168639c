package lessons

import (
	"regexp"
	"strings"
	"time"

	"hostlab/lab/lesson"
)

const (
	// perLesson and perCommand are what lessons take beside their waits: all
	// that hostlab and the hosts bring.
	perLesson  = 200 * time.Millisecond
	perCommand = 40 * time.Millisecond

	// downAfter is for how long udp_remote waits in all: five times.
	downAfter = 3100 * time.Millisecond

	// nobodyAfter is after how long three questions of ARP remain unanswered
	// (RFC 1122 section 2.3.2.1; Linux asks once a second).
	nobodyAfter = 3 * time.Second

	// synAgain is after how long a lost SYN is sent again (RFC 6298 section 2).
	synAgain = time.Second
)

// waiting is what udp_remote prints before each of its waits.
var waiting = regexp.MustCompile(`^Waiting up to ([0-9.]+) seconds`)

// Estimate estimates how long a lesson takes, mostly what its programs wait in
// vain. It is for stage.Options.
func Estimate(l *lesson.Lesson) time.Duration {
	sum := perLesson
	for _, s := range l.Sections {
		sum += estimate(s)
	}
	return sum
}

// estimate estimates how long a section takes. Programs of several windows wait
// side by side.
func estimate(s *lesson.Section) (sum time.Duration) {
	windows := map[lesson.Place]*clock{}
	refused := false // by a fault, and so at once
	for _, b := range s.Blocks {
		if b.Kind != lesson.Console {
			continue
		}
		for _, step := range b.Steps {
			c := windows[step.Place]
			if c == nil {
				c = &clock{}
				windows[step.Place] = c
			}
			switch step.Kind {
			case lesson.Command:
				sum += perCommand
				*c = clock{sum: c.sum + c.command}
			case lesson.Hostlab:
				sum += perCommand
				refused = strings.HasPrefix(step.Text, "hostlab fault reject") || refused && !strings.HasPrefix(step.Text, "hostlab fault clear")
				if strings.HasPrefix(step.Text, "hostlab fault drop") && strings.Contains(step.Text, " tcp/") {
					sum += synAgain
				}
			case lesson.Expect:
				c.expect(step.Text, refused)
			}
		}
	}
	var longest time.Duration
	for _, c := range windows {
		longest = max(longest, c.sum+c.command)
	}
	return sum + longest
}

// A clock adds up what a window's programs wait in vain.
type clock struct {
	sum     time.Duration // of the commands that have ended
	command time.Duration // of the one under way
	wait    time.Duration // that it has begun; in vain if it says that it goes on
}

// expect takes the next line.
func (c *clock) expect(line string, refused bool) {
	m := waiting.FindStringSubmatch(line)
	switch {
	case strings.HasPrefix(line, "I think the server is down"):
		c.command = downAfter
	case strings.Contains(line, "No route to host") && !refused:
		c.command = nobodyAfter
	case m != nil:
		c.command += c.wait
	}
	c.wait = 0
	if m != nil {
		c.wait, _ = time.ParseDuration(m[1] + "s") // 0 when it is none
	}
}
