package narrate

import (
	"strings"
	"testing"
	"time"

	"hostlab/lab/lesson"
)

// perform narrates a lesson on a fake clock, without waiting for anything but
// the lab, and returns how long it took and how long it waited. Tell is called
// at each moment.
func perform(t *testing.T, n *Narration, clock *fakeClock, tell func(at time.Duration)) (took, idle time.Duration) {
	t.Helper()
	p := n.player
	for !p.over {
		tell(clock.passed())
		n.receive()
		p.tick(clock.now, nil)
		pause, byItself := p.wait()
		if !byItself && !p.over {
			pause = spin
			idle += spin
		}
		clock.After(pause)
		if clock.passed() > time.Hour {
			t.Fatal("an hour has passed")
		}
	}
	return clock.passed(), idle
}

func narration(t *testing.T, o Options) (*Narration, *fakeClock, *fakeLab) {
	t.Helper()
	clock := newFakeClock()
	o.Clock = clock
	les := testLesson(t)
	return New(les, &o), clock, (&fakeLab{les: les}).play()
}

// A lab that tells everything within the time in which the title is read makes
// the narration no longer than one that told it beforehand.
func TestNarrationNeverWaitsForTheLab(t *testing.T) {
	n, clock, lab := narration(t, Options{})
	first, idle := perform(t, n, clock, func(at time.Duration) {
		if at == 0 {
			lab.tellAll(n)
		}
	})
	if idle != 0 {
		t.Errorf("with all of it told it waited %v", idle)
	}

	n, clock, lab = narration(t, Options{})
	next := 0
	second, idle := perform(t, n, clock, func(at time.Duration) {
		// A line each 0.1 s, beginning with the first second.
		for next < len(lab.tells) && time.Second+time.Duration(next)*100*time.Millisecond <= at {
			lab.tells[next](n)
			next++
		}
	})
	if idle != 0 || second != first {
		t.Errorf("beside the lab it took %v and waited %v; want %v and 0", second, idle, first)
	}
	if first < 30*time.Second || first > 3*time.Minute {
		t.Errorf("the lesson takes %v; that is no person's pace", first)
	}
}

// A lab that is slower is waited for, and nothing is lost.
func TestNarrationWaitsForASlowLab(t *testing.T) {
	n, clock, lab := narration(t, Options{})
	next := 0
	_, idle := perform(t, n, clock, func(at time.Duration) {
		for next < len(lab.tells) && time.Duration(next)*10*time.Second <= at {
			lab.tells[next](n)
			next++
		}
	})
	if idle < time.Minute {
		t.Errorf("it waited %v only", idle)
	}
	if got := len(n.player.state.Summary); got != 3 {
		t.Errorf("the summary has %d lines; want 2 claims and that all is as stated", got)
	}
}

// A verdict is not told before it is known, be all else told: the claims of a
// section are judged at its end.
func TestVerdictIsWaitedFor(t *testing.T) {
	block := "\n```console\nlaptop:~$ true\n```\n\n> **Verdict:** confirmed\n"
	les, err := lesson.Parse("x.md", []byte("---\nlab: {laptop: 10.0.0.1/24}\n---\n# Two\n\n> **Claim 1:** One.\n"+block+"\n> **Claim 2:** Two.\n"+block))
	if err != nil {
		t.Fatal(err)
	}
	n := New(les, &Options{Fast: true, Clock: newFakeClock()})
	lab := &fakeLab{les: les}
	judged := 0 // where the first verdict is told
	lab.spoil = func(*lesson.ClaimResult) {
		if judged == 0 {
			judged = len(lab.tells)
		}
	}
	lab.play()
	p := n.player
	var told []string
	for i, tell := range lab.tells {
		tell(n)
		n.receive()
		p.tick(p.now, func(b *beat) {
			if b.kind == verdict {
				told = append(told, b.passage.Claim.ID+" "+p.state.Claim.Verdict)
			}
		})
		if i < judged && len(told) > 0 {
			t.Fatalf("%q is told %d tellings early", told, judged-i)
		}
	}
	if got := strings.Join(told, ", "); got != "1 confirmed, 2 confirmed" {
		t.Errorf("verdicts: %s", got)
	}
}

// A section shows the windows that it uses, and those in which a program still
// runs.
func TestSectionsWindows(t *testing.T) {
	s := &State{}
	laptop := lesson.Place{Host: "laptop", Number: 1}
	for place, status := range map[lesson.Place]string{laptop: "[exit 0]", guinness: "[running]"} {
		s.happen(&lesson.Entry{Kind: lesson.Ended, Place: place, Text: status})
	}
	second := lesson.Place{Host: "laptop", Number: 2}
	s.enter("Next", []lesson.Place{second})
	for place, want := range map[lesson.Place]bool{laptop: false, guinness: true, second: true} {
		if got := s.window(place).Shown; got != want {
			t.Errorf("%v is shown: %v; want %v", place, got, want)
		}
	}
}

// There is a pause before the last line that a claim's block waits for.
func TestAnswerIsWaitedFor(t *testing.T) {
	les := testLesson(t)
	for _, s := range les.Claims[0].Blocks[0].Steps {
		b := beat{kind: entry, entry: &lesson.Entry{Kind: lesson.Printed, Step: s, Text: s.Text}}
		want := shortestGap
		if s.Text == "192.168.5.10" {
			want += answer
		}
		if got := b.before(0, 1); s.Kind == lesson.Expect && got != want {
			t.Errorf("%q: a pause of %v; want %v", s.Text, got, want)
		}
	}
}

func TestTypingPace(t *testing.T) {
	for _, text := range []string{
		"udp_remote client guinness",
		"ip -brief address show dev eth0 && ss -lun",
		"hostname",
	} {
		var took time.Duration
		line := []rune(text)
		for i := range line {
			took += stroke(line, i)
		}
		perSecond := float64(len(line)) / took.Seconds()
		if perSecond < 12 || perSecond > 18 {
			t.Errorf("%q: %.1f letters per second; want about 15", text, perSecond)
		}
	}
}

func TestSpeed(t *testing.T) {
	took := map[float64]time.Duration{}
	for _, speed := range []float64{0, 1, 2, 1000} {
		n, clock, lab := narration(t, Options{Speed: speed})
		lab.tellAll(n)
		took[speed], _ = perform(t, n, clock, func(time.Duration) {})
	}
	if took[0] != took[1] {
		t.Errorf("no speed takes %v, a person's %v", took[0], took[1])
	}
	if ratio := took[1].Seconds() / took[2].Seconds(); ratio < 1.95 || ratio > 2.05 {
		t.Errorf("speed 2 is %.2f times as fast", ratio)
	}
	if ratio := took[1].Seconds() / took[1000].Seconds(); ratio > 1.05*MaxSpeed {
		t.Errorf("speed 1000 is %.0f times as fast; want %v at most", ratio, MaxSpeed)
	}
}

// A pause holds everything, for as long as it takes; space ends it.
func TestPauseAndSkip(t *testing.T) {
	n, clock, lab := narration(t, Options{})
	lab.tellAll(n)
	s := &screen{n: n, ctx: t.Context()}
	n.receive()
	s.key("p")
	clock.After(time.Hour)
	n.player.tick(clock.now, nil)
	if _, byItself := n.player.wait(); byItself || n.player.state.Section != "" {
		t.Errorf("an hour's pause led to %q", n.player.state.Section)
	}
	began := clock.now
	for presses := 0; !n.player.over; presses++ {
		s.key("space")
		n.player.tick(clock.now, nil)
		if presses > 200 {
			t.Fatal("200 times space did not end it")
		}
	}
	if clock.now != began {
		t.Errorf("space after space took %v", clock.now.Sub(began))
	}
	if !s.key("space") || s.err != nil {
		t.Error("space at the end does not end it")
	}
}

// Space in the middle of a word types the rest of it at once.
func TestSkipEndsTyping(t *testing.T) {
	n, clock, lab := narration(t, Options{})
	lab.tellAll(n)
	n.receive()
	p := n.player
	for p.typing == nil || p.typed < 3 {
		pause, _ := p.wait()
		clock.After(pause)
		p.tick(clock.now, nil)
	}
	w := p.typist
	if got := w.Lines[0].Text; got != "hos" || !w.Typing {
		t.Fatalf("typed %q", got)
	}
	p.skip()
	if got := w.Lines[0].Text; got != "hostname" || w.Typing {
		t.Errorf("typed %q; want all of it", got)
	}
}

// What a lesson prints keeps its rhythm, but nobody waits for a hundred lines.
func TestRhythm(t *testing.T) {
	line := beat{kind: entry, entry: &lesson.Entry{Kind: lesson.Printed}}
	for _, c := range []struct {
		gap   time.Duration
		lines int
		want  time.Duration
	}{
		{0, 1, shortestGap},
		{-time.Second, 1, shortestGap},
		{400 * time.Millisecond, 1, 400 * time.Millisecond},
		{time.Minute, 1, longestGap},
		{time.Minute, manyLines + 1, 0},
	} {
		if got := line.before(c.gap, c.lines); got != c.want {
			t.Errorf("gap %v, line %d: a pause of %v; want %v", c.gap, c.lines, got, c.want)
		}
	}
}
