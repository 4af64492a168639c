// Command steady measures how steady the lessons are: it plays each of them
// many times, on an idle machine and then beside busy loops, and prints how
// often each came out as stated, and on the how-many-eth lab.
//
//	go run ./scripts/steady
//	go run ./scripts/steady -rounds 5 -busy 0 -engine netns two-servers loss
//
// It exits with 1 when a lesson did not come out as stated, or, without busy
// loops, needed another lab.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"text/tabwriter"
	"time"

	"hostlab/lab"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/stage"
)

func main() {
	rounds := flag.Int("rounds", 20, "how often each lesson is played")
	busy := flag.Int("busy", 8, "busy loops beside the second half; 0 leaves it out")
	labs := flag.Int("j", runtime.NumCPU(), "labs side by side")
	engine := flag.String("engine", "auto", "what makes the hosts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := measure(ctx, flag.Args(), *rounds, *busy, *labs, *engine)
	if err != nil {
		fmt.Fprintln(os.Stderr, "steady:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// measure plays the lessons idle and busy.
func measure(ctx context.Context, names []string, rounds, busy, labs int, engine string) (bool, error) {
	if len(names) == 0 {
		names = lessons.Names()
	}
	e, err := lab.FindEngine(engine)
	if err != nil {
		return false, err
	}
	s := series{rounds: rounds, labs: labs}
	for _, name := range names {
		les, err := lessons.Open(name)
		if err != nil {
			return false, err
		}
		s.lessons = append(s.lessons, les)
		s.parts = append(s.parts, stage.Part{Lesson: les, Options: stage.Options{Lab: lab.Options{Engine: e}, Takes: lessons.Estimate(les), Last: lessons.Spoils(les)}})
	}
	fmt.Printf("idle, %d rounds, %d labs side by side\n", rounds, labs)
	ok, err := s.play(ctx, false)
	if err != nil || busy == 0 {
		return ok, err
	}
	stop, err := loops(ctx, busy)
	if err != nil {
		return false, err
	}
	defer stop()
	fmt.Printf("\nbeside %d busy loops, %d rounds, %d labs side by side\n", busy, rounds, labs)
	well, err := s.play(ctx, true)
	return ok && well, err
}

// loops starts busy loops, which end with stop and with this process.
func loops(ctx context.Context, n int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var all []*exec.Cmd
	stop = func() {
		cancel()
		for _, c := range all {
			_ = c.Wait() // it was killed
		}
	}
	for range n {
		c := exec.CommandContext(ctx, "sh", "-c", "while kill -0 $PPID; do i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done")
		if err := c.Start(); err != nil {
			stop()
			return nil, err
		}
		all = append(all, c)
	}
	return stop, nil
}

// A series is some lessons to be played many times.
type series struct {
	lessons []*lesson.Lesson
	rounds  int
	labs    int
	parts   []stage.Part
}

// A count is how often a lesson came out in what way.
type count struct {
	asStated [stage.MostAttempts]int // by the attempt at which it did
	nothing  int                     // inconclusive on every lab
	differs  int
	longest  time.Duration
	first    *lesson.Problem
}

// play plays all lessons, round by round, and prints the counts. With
// retries, coming out as stated on a second lab is well enough.
func (s *series) play(ctx context.Context, retries bool) (bool, error) {
	counts := make([]count, len(s.lessons))
	labs := stage.Stage{Labs: s.labs}
	var err error
	for range s.rounds {
		if err = labs.PlayAll(ctx, s.parts, func(i int, p *stage.Performance, err error) error {
			if err == nil {
				counts[i].add(p)
			}
			return err
		}); err != nil {
			break
		}
	}
	if end := labs.Close(); err == nil {
		err = end
	}
	return s.print(counts, retries), err
}

func (c *count) add(p *stage.Performance) {
	c.longest = max(c.longest, p.Result.Elapsed)
	switch {
	case p.Result.OK():
		c.asStated[p.Attempts-1]++
		return
	case p.Result.Inconclusive():
		c.nothing++
	default:
		c.differs++
	}
	if all := p.Result.All(); c.first == nil && len(all) > 0 {
		c.first = all[0]
	}
}

// print prints the counts, and reports whether they are as they should be.
func (s *series) print(counts []count, retries bool) bool {
	ok := true
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LESSON\tAS STATED\tON 2ND LAB\tON 3RD\tINCONCLUSIVE\tDIFFERS\tLONGEST")
	for i, les := range s.lessons {
		c := &counts[i]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%.2f s\n", les.File, c.asStated[0], c.asStated[1], c.asStated[2], c.nothing, c.differs, c.longest.Seconds())
		ok = ok && c.differs+c.nothing == 0 && (retries || c.asStated[0] == s.rounds)
	}
	w.Flush()
	for i := range counts {
		if p := counts[i].first; p != nil {
			fmt.Println(p)
		}
	}
	return ok
}
