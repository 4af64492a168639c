package lesson

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"hostlab/lab/mark"
	"hostlab/lab/wire"
)

// A Runner is the running lab of a lesson, as far as Run needs one.
type Runner interface {
	// Window returns a terminal of a host; the same one each time for the same
	// host and name. Run asks once per window and closes it.
	Window(ctx context.Context, host, name string) (Window, error)

	// Hostlab runs a "$ hostlab …" line, args being the words behind
	// "hostlab", and writes what it prints to out. The error says that the lab
	// broke; a command that fails says so with its status.
	Hostlab(ctx context.Context, args []string, out io.Writer) (status int, err error)

	// Wire waits until all that was sent has been captured, and returns what
	// crossed the wires since the call before, or since the beginning. The
	// error says that the lab broke.
	Wire(ctx context.Context) (*wire.Trace, error)

	// Caption is told which line of the lesson causes what happens from now
	// on, as "file:line".
	Caption(text string)

	// Rewrite replaces the lesson's addresses in text by those that the lab
	// really has. It returns text as it is when the lab has the lesson's.
	Rewrite(text string) string
}

// A Window is a terminal with a shell that marks its prompts and ends, a
// program at a time in front. Its terminal does not echo.
type Window interface {
	Type(line string) error                       // a line and its end
	Key(b byte) error                             // one control character
	Next(ctx context.Context) (mark.Event, error) // one event; an error when the stream is gone
	Close() error                                 // ends what runs in it; Next fails then
}

// Options are the choices of one Run. The zero value means the defaults.
type Options struct {
	// Progress is told what happens as it happens. Calls are never
	// concurrent. Nil means nobody listens.
	Progress func(Event)
}

// Run carries a lesson out on the hosts of a lab and judges its claims. The
// Result is never nil and holds what was reached; differences from the lesson
// are in it and are no error. The error is a *BrokenError when the lab broke,
// or the cause of ctx's end. Run closes the windows that it opened.
func Run(ctx context.Context, l *Lesson, lab Runner, o Options) (*Result, error) {
	r := newRun(l, lab, o)
	defer r.dog.close()
	began := time.Now()
	err := r.lesson(ctx)
	r.closeWindows()
	r.res.Elapsed = time.Since(began)
	if !errors.Is(err, errStop) {
		r.res.Broken = err
	}
	return r.res, r.res.Broken
}

// errStop ends a run after a problem that leaves nothing to go on with; it is
// in Result.Stopped.
var errStop = errors.New("stopped")

// A run is one lesson being carried out.
type run struct {
	l   *Lesson
	lab Runner
	o   Options
	res *Result
	dog *watchdog

	ctx     context.Context // of the pumps
	cancel  context.CancelFunc
	pumps   sync.WaitGroup
	began   time.Time
	windows []*window

	scope  scope
	block  *BlockResult
	here   Place                // of the nearest prompt above, in this block
	latest atomic.Pointer[Step] // the latest command
	bytes  int                  // of output taken so far

	blocks map[*Block]*BlockResult
	claims map[*Claim]*ClaimResult
	traces map[*Claim]map[string][]*trace
	trace  *trace // of the latest command
}

func newRun(l *Lesson, lab Runner, o Options) *run {
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	r := &run{
		l: l, lab: lab, o: o, dog: newWatchdog(), began: time.Now(),
		res:    &Result{Lesson: l},
		blocks: map[*Block]*BlockResult{},
		claims: map[*Claim]*ClaimResult{},
		traces: map[*Claim]map[string][]*trace{},
	}
	for _, c := range l.Claims {
		r.claims[c] = &ClaimResult{Claim: c}
		r.res.Claims = append(r.res.Claims, r.claims[c])
		r.traces[c] = map[string][]*trace{}
	}
	return r
}

// lesson runs the sections one after the other.
func (r *run) lesson(ctx context.Context) error {
	r.ctx, r.cancel = context.WithCancel(ctx)
	for i, s := range r.l.Sections {
		r.scope = scope{}
		r.o.Progress(Event{Kind: SectionBegan, Section: s})
		if err := r.forget(ctx, s); err != nil {
			return err
		}
		for _, b := range s.Blocks {
			if err := r.runBlock(ctx, b); err != nil {
				r.leaveRest()
				return err
			}
		}
		last := i == len(r.l.Sections)-1
		if last {
			if err := r.fence(ctx); err != nil {
				r.leaveRest()
				return err
			}
		}
		if err := r.leftovers(); err != nil {
			return err
		}
		end := len(r.l.source.data)
		if !last {
			end = r.l.Sections[i+1].Pos.Offset
		}
		r.judge(s.Pos.Offset, end)
	}
	return nil
}

// runBlock runs one block and records what came out.
func (r *run) runBlock(ctx context.Context, b *Block) error {
	began := time.Now()
	r.block = &BlockResult{Block: b}
	r.blocks[b] = r.block
	r.res.Blocks = append(r.res.Blocks, r.block)
	r.o.Progress(Event{Kind: BlockBegan, Block: b})
	defer func() {
		r.block.Elapsed = time.Since(began)
		if b.Claim != nil {
			r.claims[b.Claim].Elapsed += r.block.Elapsed
		}
		r.o.Progress(Event{Kind: BlockEnded, Block: b, Result: r.block})
	}()
	switch {
	case b.Kind == Wire && b.Diagram.Drawing:
		r.block.NotChecked = "not checked: a drawing, as the lesson says"
	case b.Kind == Wire:
		return r.diagram(ctx, b)
	case b.Kind == Book:
		for _, s := range b.Steps {
			r.block.Predicted = append(r.block.Predicted, r.lab.Rewrite(s.String()))
		}
	case b.Kind == Console:
		return r.console(ctx, b)
	}
	return nil
}

// console runs the steps of a block; what they started without a word about
// its end has ended with status 0 when the block does.
func (r *run) console(ctx context.Context, b *Block) error {
	for _, w := range r.windows {
		w.differed = false
	}
	r.here = Place{}
	for _, s := range b.Steps {
		if err := r.step(ctx, s); err != nil {
			return err
		}
	}
	return r.settle(ctx)
}

// limited returns a context that ends at the lesson's time limit.
func (r *run) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.l.Timeout, errLimit)
}

// window returns the window of a place, opened when it is the first time.
func (r *run) window(ctx context.Context, p Place) (*window, error) {
	for _, w := range r.windows {
		if w.place == p {
			return w, nil
		}
	}
	w := &window{place: p, items: make(chan item, queued), ctx: r.ctx}
	if p != (Place{}) {
		ctx, cancel := r.limited(ctx)
		defer cancel()
		term, err := r.lab.Window(ctx, p.Host, fmt.Sprint(p.Number))
		if err != nil {
			return nil, err
		}
		w.term = term
		r.pumps.Go(func() { w.pump(r.ctx, r.causeOf(term)) })
	}
	r.windows = append(r.windows, w)
	return w, nil
}

// closeWindows closes what the run opened and waits for its goroutines. Errors
// of closing say nothing about the lesson; the lab goes down next.
func (r *run) closeWindows() {
	r.cancel()
	for _, w := range r.windows {
		if w.term != nil {
			_ = w.term.Close()
		}
	}
	r.pumps.Wait()
}

// take records an item in the transcript. Step is the one that took it, nil
// when none did.
func (r *run) take(w *window, i item, step *Step) {
	e := &Entry{Kind: Printed, Step: step, Place: w.place, Text: i.Line, At: i.at.Sub(r.began)}
	if i.Kind == mark.Line {
		r.bytes += len(i.Line) + 1
		r.traceLine(w, i.Line)
	} else {
		e.Kind, e.Text = Ended, statusOf(i.Event).String()
		if w.trace != nil {
			w.trace.end = statusOf(i.Event)
		}
	}
	r.enter(r.block, e)
}

// enter adds an entry to a block's transcript.
func (r *run) enter(b *BlockResult, e *Entry) {
	if e.Step != nil {
		e.Label = e.Step.Label
	}
	if e.Label == "" && e.Kind != Typed && e.Place != r.here {
		e.Label = e.Place.String()
	}
	b.Entries = append(b.Entries, e)
	r.o.Progress(Event{Kind: EntryTaken, Block: b.Block, Entry: e})
}

// typed records what was done to a window.
func (r *run) typed(k EntryKind, s *Step, text string) {
	r.enter(r.block, &Entry{Kind: k, Step: s, Place: s.Place, Text: text, At: time.Since(r.began)})
}

// fail adds a problem to the claim of a step, or to the lesson.
func (r *run) fail(s *Step, offset int, p Problem) *Problem {
	return r.failAt(s.Block, offset, p)
}

// failAt adds a problem to the claim of a block, or to the lesson.
func (r *run) failAt(b *Block, offset int, p Problem) *Problem {
	p.File, p.Pos = r.l.File, r.l.source.pos(offset)
	p.Stall = max(p.Stall, r.dog.stall())
	if r.res.first == nil {
		r.res.first = &p
	}
	if c := b.Claim; c != nil {
		r.claims[c].Problems = append(r.claims[c].Problems, &p)
		r.claims[c].Verdict = "" // when it had one already
	} else {
		r.res.Problems = append(r.res.Problems, &p)
	}
	r.o.Progress(Event{Kind: ProblemFound, Block: b, Problem: &p})
	return &p
}

// stop adds a problem that ends the run.
func (r *run) stop(s *Step, offset int, p Problem) error {
	r.res.Stopped = r.fail(s, offset, p)
	return errStop
}

// broken makes the error of a lab that broke, unless ctx has ended: then its
// cause is the error.
func (r *run) broken(ctx context.Context, s *Step, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, errLimit) {
		err = fmt.Errorf("no answer within %v", r.l.Timeout)
	}
	return &BrokenError{File: r.l.File, Pos: s.Pos, Host: s.Place.Host, Err: err}
}
