package lesson

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hostlab/lab/mark"
)

// queued is how many events a window holds that nobody has asked for yet. A
// program that prints more waits, as it does on a terminal stopped with ^S.
const queued = 256

// errLimit says that a wait reached the lesson's time limit.
var errLimit = errors.New("time limit")

// An item is an event of a window's queue.
type item struct {
	mark.Event
	at    time.Time
	cause *Step // the command that was the latest one when it came
	err   error // the stream ended; nothing follows
}

// A window is one terminal of a running lesson: a queue of what it shows, and
// what is known of the program in front.
type window struct {
	place Place
	term  Window // nil for the reader's own machine
	items chan item
	buf   []item // received: lines, ends and stops
	taken int    // how many items were received, of all sorts

	ctx context.Context // of the run

	prompt  bool // the shell waits for a command
	started bool // the command in front has begun

	command *Step  // in front; nil at the prompt
	lost    bool   // it ended when it should not have, and that was said
	stays   bool   // [running] was stated of it
	key     *Step  // ^C and the like, pressed on it and not settled yet
	skip    bool   // "..." stands before the next expected line
	last    *Step  // the latest step here
	trace   *trace // what the command in front prints, for book blocks

	differed        bool // in this block, since the last command: one complaint is enough
	sectionDiffered bool
}

// pump brings the events of a terminal into its queue until the stream ends.
func (w *window) pump(ctx context.Context, cause func() *Step) {
	for {
		e, err := w.term.Next(ctx)
		select {
		case w.items <- item{Event: e, at: time.Now(), cause: cause(), err: err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// keep puts an item where it belongs: prompts and starts are states, the rest
// is the queue.
func (w *window) keep(i item) error {
	w.taken++
	switch {
	case i.err != nil:
		w.items <- i // so that every later wait fails alike; pump has ended
		return &gone{i.err}
	case i.Kind == mark.Prompt:
		w.prompt = true
	case i.Kind == mark.Start:
		w.started = true
	default:
		// What is no UTF-8 can be neither matched nor shown: RFC 3629 section 3.
		i.Line = strings.ToValidUTF8(strings.TrimRight(i.Line, " \t"), "\ufffd")
		w.buf = append(w.buf, i)
	}
	return nil
}

// A gone error says that a window's stream has ended.
type gone struct{ err error }

func (g *gone) Error() string { return fmt.Sprintf("the window is gone: %v", g.err) }
func (g *gone) Unwrap() error { return g.err }

// receive waits for one more item.
func (w *window) receive(ctx context.Context) error {
	select {
	case i := <-w.items:
		return w.keep(i)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fill takes what has come already, without waiting, and no more than that: a
// program may print faster than this reads.
func (w *window) fill() error {
	n := w.taken + len(w.items)
	if l, ok := w.term.(Looker); ok {
		n = l.Look(n)
	}
	for w.taken < n {
		if len(w.items) > 0 {
			if err := w.keep(<-w.items); err != nil {
				return err
			}
		} else if err := w.receive(w.ctx); err != nil {
			return err
		}
	}
	return nil
}

// until waits for a state.
func (w *window) until(ctx context.Context, reached func() bool) error {
	for !reached() {
		if err := w.receive(ctx); err != nil {
			return err
		}
	}
	return nil
}

// next takes the queue's next line, end or stop.
func (w *window) next(ctx context.Context) (item, error) {
	if err := w.until(ctx, func() bool { return len(w.buf) > 0 }); err != nil {
		return item{}, err
	}
	i := w.buf[0]
	w.buf = w.buf[1:]
	return i, nil
}

// back puts an item that next returned to the head of the queue again.
func (w *window) back(i item) { w.buf = append([]item{i}, w.buf...) }

// ended returns the index in the queue of the end or stop of the program in
// front, -1 when none has come.
func (w *window) ended() int {
	for i, it := range w.buf {
		if it.Kind != mark.Line {
			return i
		}
	}
	return -1
}

// statusOf returns the status that an end or stop stands for.
func statusOf(e mark.Event) Status {
	switch {
	case e.Kind == mark.Stopped:
		return Status{Kind: Stopped}
	case e.Signal != "":
		return Status{Kind: Killed, Signal: e.Signal}
	}
	return Status{Kind: Exit, Code: e.Status}
}
