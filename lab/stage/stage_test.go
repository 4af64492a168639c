package stage_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"

	"hostlab/lab"
	"hostlab/lab/labtest"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/stage"
)

func open(t *testing.T, name string) *lesson.Lesson {
	t.Helper()
	les, err := lessons.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return les
}

func play(t *testing.T, les *lesson.Lesson) *stage.Performance {
	t.Helper()
	p, err := stage.Play(t.Context(), les, &stage.Options{Lab: lab.Options{Progress: func(line string) { t.Log(line) }}})
	labtest.Require(t, err)
	return p
}

// The page itself, and what it came to.
func TestPage30(t *testing.T) {
	p := play(t, open(t, "page-30"))
	for _, problem := range p.Result.All() {
		t.Error(problem)
	}
	want := map[string]lesson.Verdict{
		"30.1": lesson.Confirmed, "30.2": lesson.Confirmed, "30.3": lesson.Confirmed,
		"30.4": lesson.Contradicted, // on this network the book's superpower is nobody's
		"30.5": lesson.Confirmed,    // and behind a firewall it is as the book says
		"30.6": lesson.Confirmed,
	}
	for _, c := range p.Result.Claims {
		if c.Verdict != want[c.Claim.ID] {
			t.Errorf("claim %s: %s; want %s", c.Claim.ID, c.Verdict, want[c.Claim.ID])
		}
		delete(want, c.Claim.ID)
	}
	if len(want) != 0 {
		t.Errorf("claims not judged: %v", want)
	}
}

// Four labs of one lesson at once: each has a network of its own, and none
// disturbs another. On Docker, where networks cannot have the same addresses,
// they have others than the lesson's, and say so.
func TestFourLabsAtOnce(t *testing.T) {
	les := open(t, "two-servers")
	first := labtest.Start(t, les.Topology) // skips where there is no engine; and has the book's prefix
	moved := strings.HasPrefix(first.Describe(), "docker")
	var mu sync.Mutex
	taken := map[netip.Prefix]bool{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p, err := stage.Play(t.Context(), les, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for _, problem := range p.Result.All() {
				t.Errorf("in %s: %v", p.Topology.Networks[0].Prefixes, problem)
			}
			if said := len(p.Notes()) == 1; said != moved {
				t.Errorf("notes %q; want a word that the lab had other addresses: %v", p.Notes(), moved)
			}
			mu.Lock()
			defer mu.Unlock()
			taken[p.Topology.Networks[0].Prefixes[0]] = true
		})
	}
	wg.Wait()
	if prefix := les.Topology.Networks[0].Prefixes[0]; taken[prefix] == moved {
		t.Errorf("a lab had %v: %v; want %v", prefix, taken[prefix], !moved)
	}
}

// What a lesson asks of the lab that makes no sense there, though its words do,
// is a status and said in the transcript; it does not break the lab.
func TestMisuseInALesson(t *testing.T) {
	for _, line := range []struct{ command, want string }{
		{"fault resume laptop", "laptop: it is not paused"},
		{"fault join laptop lan", "no cable of the host was taken out of it"},
		{"fault cut laptop attic", "the host is not on it; it is on lan"},
		{"wait laptop sctp/1060", "udp/PORT or tcp/PORT was expected"},
	} {
		t.Run(line.command, func(t *testing.T) {
			les, err := lesson.Parse("mine.md", []byte("---\ntitle: Mine\nlab: {laptop: 192.168.5.10/24}\n---\n\n"+
				"```console\n$ hostlab "+line.command+"\n```\n"))
			if err != nil {
				t.Fatal(err)
			}
			p := play(t, les)
			if p.Result.OK() {
				t.Fatal("the lesson came out well")
			}
			var text strings.Builder
			for _, problem := range p.Result.All() {
				text.WriteString(problem.Error() + "\n")
			}
			for _, b := range p.Result.Blocks {
				for _, e := range b.Entries {
					text.WriteString(e.String() + "\n")
				}
			}
			if !strings.Contains(text.String(), line.want) {
				t.Errorf("no %q in\n%s", line.want, text.String())
			}
		})
	}
}

// Ctrl-\ ends a program without a word, as it ends any other.
func TestQuitKey(t *testing.T) {
	p := play(t, written(t, "laptop:~$ udp_remote server ''\nListening at ('0.0.0.0', 1060)\n^\\\n[killed SIGQUIT]\nlaptop:~$ true\n"))
	for _, problem := range p.Result.All() {
		t.Error(problem)
	}
}
