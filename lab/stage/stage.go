// Package stage plays lessons on labs: it starts the lab that a lesson asks
// for, gives the lesson's windows to the hosts and its "$ hostlab …" lines to
// the lab, and ends everything with the lesson. Lessons of the same hosts may
// follow each other on one lab, when it is proven to be as it was.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hostlab/lab"
	"hostlab/lab/capture/record"
	"hostlab/lab/lesson"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// Options are the choices of one Play. Nil means the defaults.
type Options struct {
	// Lab says how the lab starts; its defaults are those of lab.Start.
	Lab lab.Options

	// Event is told what happens in the lesson as it happens. Calls are never
	// concurrent. Nil means nobody listens.
	Event func(lesson.Event)

	// Around wraps the lab as the lesson sees it, to watch or to keep what goes
	// through it. Nil means that nothing stands between them.
	Around func(lesson.Runner) lesson.Runner

	// Takes is how long the lesson takes, as far as one knows; 0 means that
	// nobody knows. Lessons that take longest begin first, and those of the same
	// hosts wait for each other as long as one more lab is not worth its start.
	Takes time.Duration

	// Last says that the lesson leaves a lab on which no other can play, as far
	// as one knows: that lab ends with it.
	Last bool

	// Fresh says that no other lesson may have played on the lab before.
	Fresh bool

	// Again is told before a lesson is played once more, on a fresh lab,
	// because the run before says nothing. Nil means nobody listens.
	Again func(attempt int)
}

// MostAttempts is on how many labs a lesson is played when what came out says
// nothing: on one, and on two more. See lesson.Result.Inconclusive.
const MostAttempts = 3

// A Performance is one lesson played on one lab.
type Performance struct {
	Result   *lesson.Result
	Topology *topology.Topology // the lab as it ran
	Engine   string             // what it ran on: "docker 20.10.24, linux 6.18"
	Starting time.Duration      // until every host answered; 0 for a lab that was there
	Trace    *wire.Trace        // all that its hosts saw
	Attempts int                // labs it was played on
}

// Notes says what a reader of the lesson should know of the lab: which
// networks took other addresses than the lesson's.
func (p *Performance) Notes() []string {
	var notes []string
	for _, was := range p.Result.Lesson.Topology.Networks {
		is, _ := p.Topology.Network(was.Name)
		for i, prefix := range was.Prefixes {
			if i < len(is.Prefixes) && is.Prefixes[i] != prefix {
				notes = append(notes, fmt.Sprintf("network %s: %s is in use on this computer; the lab had %s, and the addresses below are rewritten", was.Name, prefix, is.Prefixes[i]))
			}
		}
	}
	return notes
}

// A Stage plays lessons, and keeps labs for those that follow. The zero value
// is ready. Its methods may be called concurrently: each lesson has a lab for
// itself as long as it plays. The caller closes it.
type Stage struct {
	// Labs is on how many labs lessons play, or start, side by side at most; 0
	// means on as many as there are lessons.
	Labs int

	// Frugal has a lab end as soon as no lesson waits for one of its hosts, or
	// those that do have enough labs.
	Frugal bool

	once       bool // keep nothing
	mu         sync.Mutex
	waiting    []*request
	playing    []*request         // those that have a lab, or start one
	starting   int                // of these
	idle       map[string][]*kept // by key, see keyOf
	longest    time.Duration      // of all lessons so far
	startTakes time.Duration      // what the last start of a lab took
	endTakes   time.Duration      // and the quickest end of one
	ending     sync.WaitGroup
	errs       []error // of labs that would not end
}

// Play plays a lesson on the lab that it asks for, and again when what came out
// says nothing. The error says that there was no lab, or that it broke; how the
// lesson came out is in the Performance.
func (s *Stage) Play(ctx context.Context, les *lesson.Lesson, o *Options) (*Performance, error) {
	if o == nil {
		o = &Options{}
	}
	r := newRequest(les, o)
	s.enter(r)
	return s.play(ctx, les, o, r)
}

func newRequest(les *lesson.Lesson, o *Options) *request {
	return &request{key: keyOf(les, o), takes: o.Takes, last: o.Last, fresh: o.Fresh}
}

// play plays a lesson that is in line.
func (s *Stage) play(ctx context.Context, les *lesson.Lesson, o *Options, r *request) (*Performance, error) {
	for attempt := 1; ; attempt++ {
		p, err := s.attempt(ctx, les, o, r)
		if p != nil {
			p.Attempts = attempt
		}
		if err != nil || !p.Result.Inconclusive() || attempt == MostAttempts {
			return p, err
		}
		if o.Again != nil {
			o.Again(attempt + 1)
		}
		r = newRequest(les, o)
		r.fresh = true
		s.enter(r)
	}
}

// A Part is a lesson that is to be played, and how.
type Part struct {
	Lesson  *lesson.Lesson
	Options Options
}

// PlayAll plays lessons side by side, those that take longest first, and tells
// what came of each, see Play, when it has ended. Calls of done are never
// concurrent. Their first error stops the others, and is returned.
func (s *Stage) PlayAll(ctx context.Context, parts []Part, done func(i int, p *Performance, err error) error) error {
	line := make([]*request, len(parts))
	for i := range parts {
		line[i] = newRequest(parts[i].Lesson, &parts[i].Options)
	}
	s.enter(line...)
	g, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	for i := range parts {
		g.Go(func() error {
			p, err := s.play(ctx, parts[i].Lesson, &parts[i].Options, line[i])
			mu.Lock()
			defer mu.Unlock()
			if p == nil && ctx.Err() != nil {
				return context.Cause(ctx) // it was stopped, which is told once
			}
			return done(i, p, err)
		})
	}
	return g.Wait()
}

// attempt plays a lesson once.
func (s *Stage) attempt(ctx context.Context, les *lesson.Lesson, o *Options, r *request) (p *Performance, err error) {
	k, err := s.await(ctx, r)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	p = &Performance{}
	if k == nil {
		if k, err = s.start(ctx, les, o, r); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.release(r, nil)
			return nil, err
		}
		p.Starting = time.Since(begin)
	}
	p.Topology, p.Engine = k.lab.Topology(), k.lab.Describe()
	err = p.play(ctx, les, k, o)
	s.put(ctx, r, k, err == nil && !p.Result.Inconclusive())
	return p, err
}

// play plays a lesson on a lab that has just started, or is as if it had.
func (p *Performance) play(ctx context.Context, les *lesson.Lesson, k *kept, o *Options) (err error) {
	on := NewRunner(k.lab, k.recorder, les.Topology)
	if o.Around != nil {
		on = o.Around(on)
	}
	p.Result, err = lesson.Run(ctx, les, on, lesson.Options{Progress: o.Event})
	p.Trace = k.recorder.Trace()
	return err
}

// Play plays one lesson on a lab of its own, which ends with it. See
// Stage.Play.
func Play(ctx context.Context, les *lesson.Lesson, o *Options) (*Performance, error) {
	s := &Stage{once: true}
	p, err := s.Play(ctx, les, o)
	return p, errors.Join(err, s.Close())
}

// NewRunner returns a lab as a lesson sees it, its packets by a recorder of
// it. Declared is the topology with the addresses that the lesson speaks of.
func NewRunner(l *lab.Lab, r *record.Recorder, declared *topology.Topology) lesson.Runner {
	return runner{l, r, topology.Rewriter(declared, l.Topology())}
}

type runner struct {
	lab      *lab.Lab
	recorder *record.Recorder
	rewrite  func(string) string
}

func (r runner) Window(ctx context.Context, host, name string) (lesson.Window, error) {
	return r.lab.Host(host).Window(ctx, name)
}

func (r runner) Hostlab(ctx context.Context, args []string, out io.Writer) (int, error) {
	return act(ctx, r.lab, args, out)
}

func (r runner) Wire(ctx context.Context) (*wire.Trace, error) { return r.recorder.Fence(ctx) }

func (r runner) Caption(text string) { r.recorder.Comment(text) }

func (r runner) Rewrite(text string) string { return r.rewrite(text) }
