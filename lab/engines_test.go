package lab_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"hostlab/lab"
	"hostlab/lab/engine"
	"hostlab/lab/labtest"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/stage"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// Every lesson comes to the same on all engines: the verdicts, what was
// printed, and what crossed the wires; ports and times aside. On a busy machine
// a client asks once more, or is gone before a late answer comes, so a lesson
// that differs is played again: what came out on one engine must come out on
// the other one as well, some time.
func TestEnginesAgree(t *testing.T) {
	if len(engines) < 2 {
		t.Skip("one engine alone, or another process compares them")
	}
	rest, err := lessons.All()
	if err != nil {
		t.Fatal(err)
	}
	var seen [2]map[string][]*outcome // by lesson
	seen[0], seen[1] = map[string][]*outcome{}, map[string][]*outcome{}
	for range stage.MostAttempts {
		for i, outcomes := range playOnAll(t, rest) {
			for file, o := range outcomes {
				seen[i][file] = append(seen[i][file], o)
			}
		}
		rest = slices.DeleteFunc(rest, func(les *lesson.Lesson) bool {
			diff := difference(seen[0][les.File], seen[1][les.File])
			if diff != "" {
				t.Logf("%s differs: -%s +%s\n%s", les.File, engines[0], engines[1], diff)
			}
			return diff == ""
		})
		if len(rest) == 0 {
			return
		}
	}
	t.Errorf("after %d times %d lessons differ, see above", stage.MostAttempts, len(rest))
}

// difference returns "" when two lists have an outcome in common, and else how
// the last two differ.
func difference(want, got []*outcome) (diff string) {
	for _, w := range want {
		for _, g := range got {
			if diff = cmp.Diff(w, g); diff == "" {
				return ""
			}
		}
	}
	return diff
}

// An outcome is what a lesson came to, as far as it is the same each time.
type outcome struct{ Verdicts, Lines, Packets []string }

// playOnAll plays lessons on the first two engines, side by side.
func playOnAll(t *testing.T, all []*lesson.Lesson) (outcomes [2]map[string]*outcome) {
	t.Helper()
	g, ctx := errgroup.WithContext(t.Context())
	for i := range outcomes {
		g.Go(func() (err error) {
			outcomes[i], err = playAll(ctx, engines[i], all)
			return err
		})
	}
	labtest.Require(t, g.Wait())
	return outcomes
}

// playAll plays lessons on an engine, some side by side.
func playAll(ctx context.Context, name string, all []*lesson.Lesson) (map[string]*outcome, error) {
	e, err := lab.FindEngine(name)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	outcomes := map[string]*outcome{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for _, les := range all {
		g.Go(func() error {
			p, err := stage.Play(ctx, les, &stage.Options{Lab: lab.Options{Engine: e}})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[les.File] = outcomeOf(p)
			return nil
		})
	}
	return outcomes, g.Wait()
}

func outcomeOf(p *stage.Performance) *outcome {
	declared := p.Result.Lesson.Topology
	say := topology.Rewriter(p.Topology, declared)
	o := &outcome{}
	var checked time.Time // up to here the packets were looked at
	for _, c := range p.Result.Claims {
		o.Verdicts = append(o.Verdicts, fmt.Sprintf("%s %s", c.Claim.ID, c.Verdict))
	}
	for _, b := range p.Result.Blocks {
		for _, e := range b.Entries {
			o.Lines = append(o.Lines, masked(say(e.String())))
		}
		if b.Wire != nil {
			o.Packets = append(o.Packets, fmt.Sprintf("line %d", b.Block.Pos.Line))
			o.Packets = append(o.Packets, wireLines(b.Wire.Packets, say)...)
			checked = b.Wire.Until
		}
	}
	// Beside what diagrams tell: everything that is not about neighbours.
	var rest []*wire.Passage
	for _, passage := range p.Trace.Passages() {
		if passage.Kind != wire.ARP && !passage.Group() && passage.Sent.Before(checked) {
			rest = append(rest, passage)
		}
	}
	o.Packets = append(o.Packets, "all")
	o.Packets = append(o.Packets, wireLines(rest, say)...)
	return o
}

func wireLines(packets []*wire.Passage, say func(string) string) []string {
	var lines []string
	for _, p := range packets {
		if acknowledges(p) || cameTooLate(p) {
			continue
		}
		for _, l := range p.Lines() {
			lines = append(lines, masked(say(l)))
		}
	}
	slices.Sort(lines) // the lesson itself has seen to the order, where there is one
	return lines
}

// acknowledges reports whether a segment does nothing else: when a kernel does
// that is its own affair.
func acknowledges(p *wire.Passage) bool {
	return p.Kind == wire.TCP && p.Length == 0 && p.Flags == wire.ACK
}

// cameTooLate reports whether a packet says that a reply came to a port which
// a client had and has no more. The server that replies twice and the client
// that ends with the first reply run a race.
func cameTooLate(p *wire.Passage) bool {
	return p.ICMP != nil && p.ICMP.Quoted != nil && p.ICMP.Quoted.DstPort >= firstChosen
}

// firstChosen is the first port that Linux gives to a socket which asks for
// none (ip(7), ip_local_port_range).
const firstChosen = 32768

// chance is what differs from run to run: ports that a kernel chose (32768 and
// more), times, identifiers of requests, which are four hex digits, and the
// Ethernet addresses, which engines make of the addresses that a lab got.
var chance = regexp.MustCompile(`\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b|\b(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[4-6]\d{4})\b|\d+(\.\d+)? m?s\b|\d\d:\d\d:\d\d\.\d+|\b[0-9a-f]{4}\b`)

func masked(line string) string {
	return chance.ReplaceAllStringFunc(strings.TrimSpace(line), func(s string) string {
		if s == "1060" || s == "1061" { // the book's port
			return s
		}
		return "~"
	})
}

// An engine that cannot run here is passed over, with a word, and the next one
// makes the hosts. One that can and fails is not.
func TestAutoTakesTheNext(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///no/such/socket")
	auto, err := lab.FindEngine("auto")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	l, err := lab.Start(t.Context(), labtest.Load(t, "../compose.yaml"), &lab.Options{
		Engine: auto, Progress: func(line string) { said = append(said, line) },
	})
	if len(lab.EngineNames()) == 2 {
		if !errors.Is(err, engine.ErrUnavailable) {
			t.Fatalf("without any engine: %v", err)
		}
		return
	}
	labtest.Require(t, err)
	t.Cleanup(func() { l.Close() })
	if !strings.HasPrefix(l.Describe(), "netns") || !strings.Contains(strings.Join(said, "\n"), "no docker here, so netns makes the hosts") {
		t.Errorf("on %s, and it said %q", l.Describe(), said)
	}
	broken := routed()
	broken.Hosts[0].Image = "debian:12"
	_, err = lab.Start(context.Background(), broken, &lab.Options{Engine: auto})
	if err == nil || errors.Is(err, engine.ErrUnavailable) || !strings.Contains(err.Error(), "image debian:12") {
		t.Errorf("a host that only another engine could make: %v", err)
	}
}
