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

// place puts lessons on the stage and in line as they are: "hosts 3.1s", or "hosts
// 3.1s fresh", or "hosts 3.1s last".
func (l *lineTest) place(playing, waiting []string) {
	request := func(text string) *request {
		var r request
		var takes, how string
		fmt.Sscan(text, &r.key, &takes, &how)
		r.takes, _ = time.ParseDuration(takes)
		r.until, r.fresh, r.last = time.Now().Add(r.takes), how == "fresh", how == "last"
		return &r
	}
	for _, text := range playing {
		l.stage.playing = append(l.stage.playing, request(text))
	}
	for _, text := range waiting {
		l.stage.waiting = append(l.stage.waiting, request(text))
	}
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

// started says that the labs of lessons have started, and how long that took.
func (l *lineTest) started(took time.Duration, names ...string) {
	for _, name := range names {
		l.stage.started(l.playing[name], took)
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
	l.started(time.Second, "tcp@lan")
	l.want("one has started", "who@lan new")
	l.started(time.Second, "page@lan")
	l.want("two have started", "ipv6@v6 new")
	l.started(time.Second, "who@lan", "ipv6@v6")
	l.want("all have", "")
	l.done("tcp@lan", aLab())
	l.want("a lab is free", "brief@lan")
	l.done("page@lan", nil)
	l.want("another is good for nothing", "")
	l.done("who@lan", aLab())
	l.want("a lab is free again", "short@lan")
	l.done("brief@lan", nil)
	l.done("short@lan", nil)
	l.enter("late@lan 0.3s")
	l.want("the last was good for nothing", "late@lan new")
}

// One more lab starts where all is over sooner by more than it takes from the
// others, or where several together do that.
func TestWorthLab(t *testing.T) {
	for what, tt := range map[string]struct {
		start   time.Duration
		playing []string // until when
		waiting []string
		want    bool
	}{
		"there is none":                    {9 * time.Second, []string{"v6 1s"}, []string{"lan 1s"}, true},
		"it would be there too late":       {9 * time.Second, []string{"lan 4s"}, []string{"lan 4s"}, false},
		"it is there soon":                 {time.Second, []string{"lan 4s"}, []string{"lan 4s"}, true},
		"it gains less than it takes":      {4 * time.Second, []string{"lan 4s"}, []string{"lan 1s"}, false},
		"others play for longer":           {time.Second, []string{"lan 4s", "v6 8s"}, []string{"lan 4s"}, false},
		"others wait and will have a lab":  {time.Second, []string{"lan 4s"}, []string{"lan 4s", "v6 7s"}, false},
		"one gains nothing, and two do":    {2 * time.Second, []string{"lan 5s", "lan 5s"}, []string{"lan 4s", "lan 4s"}, true},
		"two gain less than they take":     {3 * time.Second, []string{"lan 5s", "lan 5s"}, []string{"lan 4s", "lan 4s"}, false},
		"whoever wants a new one is apart": {time.Second, []string{"lan 4s"}, []string{"lan 4s fresh"}, false},
		"there will be none":               {3 * time.Second, []string{"lan 4s last"}, []string{"lan 1s"}, true},
		"the next one spoils it":           {3 * time.Second, []string{"lan 4s"}, []string{"lan 1s last", "lan 1s"}, true},
		"the last one spoils it":           {3 * time.Second, []string{"lan 4s"}, []string{"lan 1s", "lan 1s last"}, false},
	} {
		s := &Stage{startTakes: tt.start}
		newLine(t, s).place(tt.playing, tt.waiting)
		if got := s.worthLab("lan"); got != tt.want {
			t.Errorf("%s: worth its start: %v; want %v", what, got, tt.want)
		}
	}
}

// A lab is kept for another lesson where all is over sooner by more than it takes
// from the others when it ends with them.
func TestWorthKeeping(t *testing.T) {
	for what, tt := range map[string]struct {
		frugal  bool
		playing []string // beside the one that is over
		waiting []string
		want    bool
	}{
		"it is the only one":               {true, nil, []string{"lan 0.1s"}, true},
		"others are busy":                  {true, []string{"lan 5s"}, []string{"lan 1s", "lan 1s"}, true},
		"others will be free soon":         {true, []string{"lan 0.3s"}, []string{"lan 1s"}, false},
		"they will not so soon":            {true, []string{"lan 0.8s"}, []string{"lan 1s"}, true},
		"nobody knows for how long":        {true, []string{"lan 5s"}, []string{"lan 0s"}, true},
		"others play for longer":           {true, []string{"lan 1s", "v6 9s"}, []string{"lan 2s"}, false},
		"others will be good for nothing":  {true, []string{"lan 0.1s last"}, []string{"lan 0.3s"}, true},
		"every lab is kept for what comes": {false, []string{"lan 0.1s"}, []string{"lan 0.3s"}, true},
	} {
		s := &Stage{endTakes: 2 * time.Second, Frugal: tt.frugal}
		newLine(t, s).place(append(tt.playing, "lan 0s"), tt.waiting)
		over := s.playing[len(s.playing)-1]
		if got := s.worthKeeping(over); got != tt.want || !slices.Contains(s.playing, over) {
			t.Errorf("%s: worth keeping: %v; want %v", what, got, tt.want)
		}
		if over.last = true; s.worthKeeping(over) {
			t.Errorf("%s: a spoilt one is worth keeping", what)
		}
	}
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
	l.started(time.Second, "a@lan")
	l.want("one more", "c@lan new")
	l.started(time.Second, "b@lan")
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
