package lessons

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"hostlab/lab/lesson"
)

const (
	// perLesson and perCommand are what lessons take beside their waits: all
	// that hostlab and the hosts bring.
	perLesson  = 150 * time.Millisecond
	perCommand = 25 * time.Millisecond

	// downAfter is for how long udp_remote waits in all, five times, where a
	// lesson leaves out that it says so.
	downAfter = 3100 * time.Millisecond

	// arpAsks is how often ARP asks (mcast_solicit of ip-sysctl), and arpWaits
	// for how long each time, unless a lesson sets it.
	arpAsks  = 3
	arpWaits = time.Second

	// synAgain is after how long a lost SYN is sent again (RFC 6298 section 2).
	synAgain = time.Second
)

// retrans sets arpWaits, in milliseconds.
var retrans = regexp.MustCompile(`\bretrans_time_ms=([0-9]+)`)

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

// Spoils reports whether a lesson leaves a lab that only time mends: a fault took
// a fragment, and what was left of the datagram waits for it for half a minute
// (ipfrag_time of ip-sysctl). It is for stage.Options.
func Spoils(l *lesson.Lesson) bool {
	for _, s := range l.Sections {
		for _, b := range s.Blocks {
			for _, step := range b.Steps {
				if step.Kind == lesson.Hostlab && strings.HasPrefix(step.Text, "hostlab fault drop") && strings.Contains(step.Text, " --fragment ") {
					return true
				}
			}
		}
	}
	return false
}

// An estimator goes through a section.
type estimator struct {
	sum     time.Duration // of all that windows do not wait for side by side
	nobody  time.Duration // is at an address: after so long that is known
	windows map[lesson.Place]*clock
}

// estimate estimates how long a section takes.
func estimate(s *lesson.Section) time.Duration {
	e := &estimator{nobody: arpAsks * arpWaits, windows: map[lesson.Place]*clock{}}
	for _, b := range s.Blocks {
		if b.Kind != lesson.Console {
			continue
		}
		for _, step := range b.Steps {
			e.step(step)
		}
	}
	var longest time.Duration
	for _, c := range e.windows {
		longest = max(longest, c.sum+c.command)
	}
	return e.sum + longest
}

func (e *estimator) step(step *lesson.Step) {
	c := e.windows[step.Place]
	if c == nil {
		c = &clock{}
		e.windows[step.Place] = c
	}
	switch step.Kind {
	case lesson.Command:
		e.sum += perCommand
		*c = clock{sum: c.sum + c.command}
		if m := retrans.FindStringSubmatch(step.Text); m != nil {
			ms, _ := strconv.Atoi(m[1])
			e.nobody = arpAsks * time.Duration(ms) * time.Millisecond
		}
	case lesson.Hostlab:
		e.sum += perCommand
		e.hostlab(step.Text)
	case lesson.Expect:
		c.expect(step.Text, e.nobody)
	}
}

// hostlab minds what a fault does to the waits: who is refused does not wait.
func (e *estimator) hostlab(line string) {
	switch {
	case strings.HasPrefix(line, "hostlab fault reject"):
		e.nobody = 0
	case strings.HasPrefix(line, "hostlab fault clear"):
		e.nobody = arpAsks * arpWaits
	case strings.HasPrefix(line, "hostlab fault drop") && strings.Contains(line, " tcp/"):
		e.sum += synAgain
	}
}

// A clock adds up what a window's programs wait in vain.
type clock struct {
	sum     time.Duration // of the commands that have ended
	command time.Duration // of the one under way
	wait    time.Duration // that it has begun; in vain if it says that it goes on
}

// expect takes the next line. That there is nobody is known after a while.
func (c *clock) expect(line string, nobody time.Duration) {
	m := waiting.FindStringSubmatch(line)
	switch {
	case strings.HasPrefix(line, "I think the server is down"):
		if c.command += c.wait; c.wait == 0 {
			c.command = downAfter
		}
	case strings.Contains(line, "No route to host"):
		c.command = nobody
	case m != nil:
		c.command += c.wait
	}
	c.wait = 0
	if m != nil {
		c.wait, _ = time.ParseDuration(m[1] + "s") // 0 when it is none
	}
}
