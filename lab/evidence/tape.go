package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"hostlab/lab/lesson"
	"hostlab/lab/mark"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// A tape is a lesson.Runner that answers out of a log and a capture. It hands
// out nothing before the run has done as much as it had when the thing came.
type tape struct {
	lab     *Lab
	frames  []wire.Frame
	rewrite func(string) string
	actions []*Entry // those of the log, in order
	windows []*tapeWindow

	mu       sync.Mutex
	done     int           // how many actions the run has begun
	changed  chan struct{} // closed, and made anew, when done grows
	diverged error         // the run did what the log does not have
}

// newTape returns a tape of a log that decodeLog has read.
func newTape(entries []*Entry, lab *Lab, frames []wire.Frame) *tape {
	t := &tape{lab: lab, frames: frames, rewrite: topology.Rewriter(lab.Declared, lab.Ran), changed: make(chan struct{})}
	for _, e := range entries {
		switch {
		case e.Kind == Opened:
			t.windows = append(t.windows, &tapeWindow{t: t, number: e.Window, shut: make(chan struct{})})
			t.actions = append(t.actions, e)
		case e.Kind.action():
			t.actions = append(t.actions, e)
		case e.Kind == Looked:
			w := t.windows[e.Window-1]
			w.looks = append(w.looks, e.Taken)
		default:
			w := t.windows[e.Window-1]
			w.events = append(w.events, taped{e, len(t.actions)})
		}
	}
	return t
}

// act takes the log's next action, which must be the one that the run does.
func (t *tape) act(kind EntryKind, window int, same func(*Entry) bool, what string) (*Entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.diverged != nil {
		return nil, t.diverged
	}
	if t.done == len(t.actions) {
		t.diverged = fmt.Errorf("the lesson goes on to %s, and the log ends there", what)
		return nil, t.diverged
	}
	e := t.actions[t.done]
	if e.Kind != kind || e.Window != window || !same(e) {
		t.diverged = fmt.Errorf("the lesson goes on to %s, and the log to %s", what, e.action())
		return nil, t.diverged
	}
	t.done++
	close(t.changed)
	t.changed = make(chan struct{})
	if e.Failed != "" {
		return e, errors.New(e.Failed)
	}
	return e, nil
}

// action says in words what an action did.
func (e *Entry) action() string {
	switch e.Kind {
	case Opened:
		return fmt.Sprintf("open window %s of %s", shown(e.Name), shown(e.Host))
	case Typed:
		return fmt.Sprintf("type %.80q into window %d", e.Text, e.Window)
	case Pressed:
		return fmt.Sprintf("press key %d in window %d", e.Key, e.Window)
	case Ran:
		return fmt.Sprintf("run %.80q", append([]string{"hostlab"}, e.Args...))
	}
	return "look at the wires"
}

// left says what the log has that the run did not come to; nil when nothing.
func (t *tape) left() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.diverged != nil {
		return t.diverged
	}
	if t.done < len(t.actions) {
		return fmt.Errorf("the lesson ends, and the log goes on to %s", t.actions[t.done].action())
	}
	return nil
}

func (t *tape) Window(_ context.Context, host, name string) (lesson.Window, error) {
	want := Entry{Kind: Opened, Host: host, Name: name}
	t.mu.Lock()
	number := 1
	for _, e := range t.actions[:t.done] {
		if e.Kind == Opened {
			number++
		}
	}
	t.mu.Unlock()
	e, err := t.act(Opened, number, func(e *Entry) bool { return e.Host == host && e.Name == name }, want.action())
	if err != nil {
		return nil, err
	}
	return t.windows[e.Window-1], nil
}

func (t *tape) Hostlab(ctx context.Context, args []string, out io.Writer) (int, error) {
	want := Entry{Kind: Ran, Args: args}
	e, err := t.act(Ran, 0, func(e *Entry) bool { return slices.Equal(e.Args, args) }, want.action())
	if e == nil {
		return 0, err
	}
	if _, werr := io.WriteString(out, e.Output); werr != nil {
		return 0, werr
	}
	if e.Limited {
		<-ctx.Done() // the run goes by its own clock
	}
	return e.Status, err
}

func (t *tape) Wire(context.Context) (*wire.Trace, error) {
	want := Entry{Kind: Fenced}
	e, err := t.act(Fenced, 0, func(*Entry) bool { return true }, want.action())
	if err != nil {
		return nil, err
	}
	return e.Wires.trace(t.frames, t.lab)
}

func (t *tape) Caption(string) {}

func (t *tape) Rewrite(text string) string { return t.rewrite(text) }

// A taped event came when the run had begun so many actions.
type taped struct {
	*Entry
	after int
}

// A tapeWindow is a lesson.Window, and a lesson.Tape, of a log.
type tapeWindow struct {
	t      *tape
	number int
	events []taped
	looks  []int

	next int // the event that Next returns next; used with t.mu held
	line int // of the latest one; used by the caller of Next only

	once sync.Once
	shut chan struct{} // closed by Close
}

func (w *tapeWindow) Type(line string) error {
	want := Entry{Kind: Typed, Window: w.number, Text: line}
	_, err := w.t.act(Typed, w.number, func(e *Entry) bool { return e.Text == line }, want.action())
	return err
}

func (w *tapeWindow) Key(b byte) error {
	want := Entry{Kind: Pressed, Window: w.number, Key: b}
	_, err := w.t.act(Pressed, w.number, func(e *Entry) bool { return e.Key == b }, want.action())
	return err
}

func (w *tapeWindow) Next(ctx context.Context) (mark.Event, error) {
	for {
		e, changed := w.take()
		if e != nil {
			w.line = e.Line
			if e.Event == gone {
				return mark.Event{}, errors.New(e.Text)
			}
			return mark.Event{Kind: kinds[e.Event], Line: e.Text, Status: e.Status, Signal: e.Signal}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return mark.Event{}, ctx.Err()
		case <-w.shut:
			return mark.Event{}, io.EOF
		}
	}
}

// take takes the next event when its time has come; else it returns what to
// wait for.
func (w *tapeWindow) take() (*Entry, <-chan struct{}) {
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	if w.next < len(w.events) && w.events[w.next].after <= w.t.done {
		w.next++
		return w.events[w.next-1].Entry, nil
	}
	return nil, w.t.changed
}

// Cause implements lesson.Tape.
func (w *tapeWindow) Cause() int { return w.line }

// Look implements lesson.Looker: what was taken then is taken now, but no more
// than has come by now in the log too.
func (w *tapeWindow) Look(n int) int {
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	if len(w.looks) == 0 {
		return n
	}
	taken := w.looks[0]
	w.looks = w.looks[1:]
	sure := 0
	for sure < len(w.events) && w.events[sure].after <= w.t.done {
		sure++
	}
	return min(taken, sure)
}

func (w *tapeWindow) Close() error {
	w.once.Do(func() { close(w.shut) })
	return nil
}
