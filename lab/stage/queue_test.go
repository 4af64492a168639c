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
}

func newLine(t *testing.T, s *Stage) *lineTest {
	mostBefore := mostStarting
	mostStarting = 2
	t.Cleanup(func() { mostStarting = mostBefore })
	return &lineTest{t, s, map[string]*request{}}
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
			if k == nil {
				name += " new"
			}
			all = append(all, name)
			delete(l.waiting, strings.TrimSuffix(name, " new"))
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

func (l *lineTest) done(key string, k *kept) {
	l.stage.mu.Lock()
	defer l.stage.mu.Unlock()
	l.stage.release(key, k)
}

func aLab() *kept { return &kept{lab: &lab.Lab{}} }

// The lessons that take longest have their labs first, two at a time; brief
// ones wait for a lab of their hosts, and the first of other hosts does not.
func TestLine(t *testing.T) {
	l := newLine(t, &Stage{})
	l.enter("brief@lan 0.3s", "page@lan 3.4s", "tcp@lan 4.3s", "ipv6@v6 0.3s", "who@lan 3.4s", "short@lan 0.3s")
	l.want("at first", "page@lan new, tcp@lan new")
	l.stage.started()
	l.want("one has started", "who@lan new")
	l.stage.started()
	l.want("and another", "ipv6@v6 new")
	l.stage.started()
	l.want("and a third", "")
	l.done("lan", aLab())
	l.want("a lab is free", "brief@lan")
	l.done("lan", nil)
	l.want("another is good for nothing", "")
	l.done("lan", aLab())
	l.want("a lab is free again", "short@lan")
}

// A long line of brief lessons is worth another lab, and so is one whose labs
// are all gone.
func TestLineOfBriefLessons(t *testing.T) {
	l := newLine(t, &Stage{})
	l.enter("a@lan 0.3s", "b@lan 0.3s", "c@lan 0.3s", "d@lan 0.3s", "e@lan 0.3s")
	l.want("five", "a@lan new")
	l.enter("f@lan 0.3s")
	l.want("five more than there are labs", "b@lan new")
	l.stage.started()
	l.stage.started()
	l.done("lan", nil)
	l.want("one lab is gone", "")
	l.done("lan", nil)
	l.want("both are", "c@lan new")
}

// What nobody knows the length of does not wait for another's lab.
func TestLineOfUnknownLessons(t *testing.T) {
	l := newLine(t, &Stage{Labs: 3})
	l.enter("a@lan 0s", "b@lan 0s", "c@lan 0s", "d@lan 0s")
	l.want("two at a time", "a@lan new, b@lan new")
	l.stage.started()
	l.want("one more", "c@lan new")
	l.stage.started()
	l.want("three at most", "")
	l.done("lan", aLab())
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
	if l.stage.starting != 1 || l.stage.playing != 1 {
		t.Errorf("%d start and %d play; want 1 and 1", l.stage.starting, l.stage.playing)
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
