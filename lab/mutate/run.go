package mutate

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hostlab/lab/lesson"
)

// An Outcome is what became of a mutant.
type Outcome string

// The outcomes.
const (
	Killed   Outcome = "killed"   // the lesson noticed
	Survived Outcome = "survived" // the lesson came out as stated
	Excused  Outcome = "excused"  // it did, and says why that is right
	Broken   Outcome = "broken"   // there was no run that says anything
)

// A Finding is one mutant with what became of it.
type Finding struct {
	*Mutant
	Outcome Outcome
	By      Judge  // who judged
	Why     string // Killed: the first difference; Broken: what broke; one line
}

// A Judge says how a mutant was judged.
type Judge string

// The judges.
const (
	Lint   Judge = "lint"   // it is no lesson any more
	Replay Judge = "replay" // by the recorded run
	Lab    Judge = "lab"    // by a run of its own
)

// Options say how mutants are run. Both functions may be called concurrently.
type Options struct {
	// Replay returns a runner that answers as the lab of the recorded run did.
	Replay func() (lesson.Runner, error)

	// Play plays a lesson on a lab. It may end the run at the first difference.
	Play func(context.Context, *lesson.Lesson) (*lesson.Result, error)

	// Until is the claim with which the lesson was cut; "" when it is whole.
	Until string

	// Patience bounds each step of a run; 0 means the lesson's own timeout.
	Patience time.Duration

	// Parallel is how many mutants are judged at once; 0 means 1.
	Parallel int

	// Judged is told each finding as it is made; calls are never concurrent.
	// Nil means nobody listens.
	Judged func(Finding)
}

// replayPatience bounds each step of a run that answers at once, in which only
// what never comes takes time.
const replayPatience = 2 * time.Second

// attempts is how often a mutant is judged while the machine stands still.
const attempts = 3

// Run judges mutants of a lesson, in any order, and returns the findings in the
// mutants' order. The error is that of ctx's end, or says that the lesson itself
// does not come out as stated on the recorded run, which then proves nothing.
func Run(ctx context.Context, l *lesson.Lesson, all []*Mutant, o Options) ([]Finding, error) {
	res, err := o.replay(ctx, l)
	if err != nil {
		return nil, err
	}
	if differs := res.All(); len(differs) > 0 {
		return nil, fmt.Errorf("mutate: %s: on its own recording the lesson differs: %w", l.File, differs[0])
	}
	found := make([]Finding, len(all))
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, o.Parallel))
	for i, m := range all {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			f := o.judge(ctx, l, m)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			mu.Lock()
			defer mu.Unlock()
			found[i] = f
			if o.Judged != nil {
				o.Judged(f)
			}
			return nil
		})
	}
	return found, g.Wait()
}

// judge runs one mutant.
func (o *Options) judge(ctx context.Context, l *lesson.Lesson, m *Mutant) Finding {
	f := Finding{Mutant: m, By: Lint, Outcome: Killed}
	les, err := lesson.Parse(l.File, m.Apply(l.Source()))
	if err == nil && les.LabFile != "" {
		err = les.SetTopology(l.Topology)
	}
	if err == nil && o.Until != "" {
		les, err = les.Until(o.Until)
	}
	if err != nil {
		f.Why = err.Error()
		if all := lesson.Problems(err); len(all) > 0 {
			f.Why = all[0].Text
		}
		return f
	}
	f.By = Replay
	run := o.replay
	if m.Kind.does() {
		f.By, run = Lab, o.Play
		if o.Patience > 0 {
			les.Timeout = min(les.Timeout, o.Patience)
		}
	} else {
		les.Timeout = min(les.Timeout, replayPatience)
	}
	for range attempts {
		f.Outcome, f.Why = verdict(run(ctx, les))
		if f.Outcome != Broken || ctx.Err() != nil {
			break
		}
	}
	if f.Outcome == Survived && m.Excuse != nil {
		f.Outcome, f.Why = Excused, m.Excuse.Reason
	}
	return f
}

// replay holds a lesson against the recorded run. What differs from the
// recording in what it does has noticed as well. A machine that stands still
// does not matter here: what the recording has, it has.
func (o *Options) replay(ctx context.Context, les *lesson.Lesson) (*lesson.Result, error) {
	r, err := o.Replay()
	if err != nil {
		return nil, err
	}
	res, err := lesson.Run(ctx, les, r, lesson.Options{})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	found := &lesson.Result{Lesson: les, Problems: res.All()}
	if err != nil {
		found.Problems = append(found.Problems, &lesson.Problem{File: les.File, Text: err.Error()})
	}
	return found, nil
}

// verdict says what a run means.
func verdict(res *lesson.Result, err error) (Outcome, string) {
	switch {
	case err != nil:
		return Broken, err.Error()
	case res.Inconclusive():
		return Broken, "this machine stood still in it"
	case len(res.All()) == 0:
		return Survived, ""
	}
	p := res.All()[0]
	if p.Pos.Line == 0 {
		return Killed, p.Text
	}
	return Killed, fmt.Sprintf("line %d: %s", p.Pos.Line, cmp.Or(p.Text, "differs"))
}

// Patience returns how long a mutant's step may take: well over the longest
// step of a run that was as stated.
func Patience(res *lesson.Result) time.Duration {
	var last, longest time.Duration
	for _, b := range res.Blocks {
		for _, e := range b.Entries {
			longest = max(longest, e.At-last)
			last = max(last, e.At)
		}
	}
	return 2*longest + 2*time.Second
}
