package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hostlab/lab"
)

// A lineTest is a stage whose lessons stand in line under names; nothing starts.
type lineTest struct {
	t       *testing.T
	stage   *Stage
	waiting map[string]*request
	playing map[string]*request
}

func newLine(t *testing.T, s *Stage) *lineTest {
	mostBefore := mostStarting
	mostStarting = 2
	t.Cleanup(func() { mostStarting = mostBefore })
	return &lineTest{t, s, map[string]*request{}, map[string]*request{}}
}

// enter puts lessons in line: "name@hosts 3.1s", in the order of their arrival.
func (l *lineTest) enter(lessons ...string) {
	var rs []*request
	for _, text := range lessons {
		var name, takes string
		fmt.Sscan(text, &name, &takes)
		d, err := time.ParseDuration(takes)
		if err != nil {
			l.t.Fatal(err)
		}
		_, key, _ := strings.Cut(name, "@")
		r := &request{key: key, takes: d}
		rs, l.waiting[name] = append(rs, r), r
	}
	l.stage.enter(rs...)
}

// granted returns who has a lab by now, or is to start one ("new").
func (l *lineTest) granted() string {
	var all []string
	for name, r := range l.waiting {
		select {
		case k := <-r.granted:
			delete(l.waiting, name)
			l.playing[name] = r
			if k == nil {
				name += " new"
			}
			all = append(all, name)
		default:
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (l *lineTest) want(what, granted string) {
	l.t.Helper()
	if got := l.granted(); got != granted {
		l.t.Errorf("%s: %q have a lab; want %q", what, got, granted)
	}
}

// started says how long the starts of labs took.
func (l *lineTest) started(took ...time.Duration) {
	for _, d := range took {
		l.stage.started(d)
	}
}

// done ends a lesson and gives its lab back, or nil.
func (l *lineTest) done(name string, k *kept) {
	l.t.Helper()
	r := l.playing[name]
	if r == nil {
		l.t.Fatalf("%s does not play", name)
	}
	delete(l.playing, name)
	l.stage.mu.Lock()
	defer l.stage.mu.Unlock()
	l.stage.release(r, k)
}

func aLab() *kept { return &kept{lab: &lab.Lab{}} }

// The lessons that take longest have their labs first, two at a time. Those of
// the same hosts wait for each other when a lab more would not be worth it, and
// the first of other hosts does not.
func TestLine(t *testing.T) {
	l := newLine(t, &Stage{})
	l.enter("brief@lan 0.3s", "page@lan 3.4s", "tcp@lan 4.3s", "ipv6@v6 0.3s", "who@lan 3.4s", "short@lan 0.3s")
	l.want("at first", "page@lan new, tcp@lan new")
	l.started(time.Second) // 11.7 s on two labs is less than 4.3 s and twice 1 s
	l.want("one has started", "ipv6@v6 new")
	l.started(time.Second)
	l.started(time.Second)
	l.want("all three", "")
	l.done("tcp@lan", aLab())
	l.want("a lab is free", "who@lan")
	l.done("page@lan", nil)
	l.want("another is good for nothing", "")
	l.done("who@lan", aLab())
	l.want("a lab is free again", "brief@lan")
	l.done("brief@lan", nil)
	l.want("the last is good for nothing", "short@lan new")
}

// The sooner labs start, the more of them are worth it.
func TestLineOfQuickLabs(t *testing.T) {
	l := newLine(t, &Stage{})
	l.enter("brief@lan 0.3s", "page@lan 3.4s", "tcp@lan 4.3s", "who@lan 3.4s", "short@lan 0.3s")
	l.want("at first", "page@lan new, tcp@lan new")
	l.started(10 * time.Millisecond) // 11.7 s on two labs is more than 4.3 s
	l.want("one has started", "who@lan new")
	l.started(10 * time.Millisecond)
	l.started(10 * time.Millisecond)
	l.want("all have", "")
}

// Lessons that will play one after the other begin before a longer one; where
// there will be several labs, they do not.
func TestLineOfChains(t *testing.T) {
	for hosts, first := range map[string]string{
		"ipv6@two 1.4s": "router@two new",
		"long@two 3.6s, more@two 3.6s, most@two 3.6s": "tcp@lan new",
	} {
		l := newLine(t, &Stage{})
		mostStarting = 1
		l.enter(append(strings.Split(hosts, ", "), "tcp@lan 4.3s", "router@two 3.6s")...)
		l.want("beside "+hosts, first)
	}
}

// What nobody knows the length of does not wait for another's lab.
func TestLineOfUnknownLessons(t *testing.T) {
	l := newLine(t, &Stage{Labs: 3})
	l.enter("a@lan 0s", "b@lan 0s", "c@lan 0s", "d@lan 0s")
	l.want("two at a time", "a@lan new, b@lan new")
	l.started(time.Second)
	l.want("one more", "c@lan new")
	l.started(time.Second)
	l.want("three at most", "")
	l.done("a@lan", aLab())
	l.want("one is over", "d@lan")
}

// Who leaves the line, or does not want what he got, is in nobody's way.
func TestLeaveLine(t *testing.T) {
	l := newLine(t, &Stage{Labs: 1})
	l.enter("a@lan 3s", "b@lan 2s", "c@lan 1s")
	gone, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the reader went home")
	cancel(reason)
	if _, err := l.stage.await(gone, l.waiting["b@lan"]); !errors.Is(err, reason) {
		t.Errorf("waiting ended with %v; want the reason of the context's end", err)
	}
	delete(l.waiting, "b@lan")
	l.stage.leave(l.waiting["a@lan"]) // which was granted the start of a lab
	delete(l.waiting, "a@lan")
	l.want("two left", "c@lan new")
	if l.stage.starting != 1 || len(l.stage.playing) != 1 {
		t.Errorf("%d start and %d play; want 1 and 1", l.stage.starting, len(l.stage.playing))
	}
}

// A lab is kept as long as somebody waits for one of its hosts; on a stage
// that is not frugal, always.
func TestWanted(t *testing.T) {
	for _, tt := range []struct {
		frugal  bool
		waiting []string
		idle    int
		want    bool
	}{
		{false, nil, 3, true},
		{true, nil, 0, false},
		{true, []string{"a@v6 3s"}, 0, false},
		{true, []string{"a@lan 3s"}, 0, true},
		{true, []string{"a@lan 3s"}, 1, false},
	} {
		l := newLine(t, &Stage{Frugal: tt.frugal})
		mostStarting = 0
		l.enter(tt.waiting...)
		l.stage.idle = map[string][]*kept{"lan": make([]*kept, tt.idle)}
		if got := l.stage.wanted("lan"); got != tt.want {
			t.Errorf("frugal %v, %d idle, in line %q: wanted %v; want %v", tt.frugal, tt.idle, tt.waiting, got, tt.want)
		}
	}
}
