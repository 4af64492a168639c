package evidence

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/mark"
	"hostlab/lab/report"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// maxOutput is the most that is kept of one command's output, in bytes. A run
// that gets more ends.
const maxOutput = 8<<20 + 1

// A Recording is what went between one lesson and its lab. A nil one keeps
// nothing.
type Recording struct {
	mu      sync.Mutex
	began   time.Time
	entries []*Entry
	windows int
	line    int // of the latest command

	lesson *report.Lesson
	ran    *topology.Topology
	trace  *wire.Trace
}

// Around returns a runner that does what another one does, and keeps it. When
// it is called again, for a further attempt at the lesson, the one before is
// forgotten.
func (r *Recording) Around(lab lesson.Runner) lesson.Runner {
	if r == nil {
		return lab
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.entries, r.windows, r.line = time.Time{}, nil, 0, 0
	return &recorder{r, lab}
}

// Done says what came of the lesson, on which hosts, and all that these saw;
// stage.Performance has both. The frames of the traces that the run was given
// are the first ones of it. A lesson of which nothing was played may be left
// out.
func (r *Recording) Done(l *report.Lesson, ran *topology.Topology, trace *wire.Trace) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lesson, r.ran, r.trace = l, ran, trace
}

// add adds an entry and returns it.
func (r *Recording) add(e Entry) *Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		r.began = time.Now()
	}
	e.At = time.Since(r.began).Round(time.Microsecond).Seconds()
	if e.Kind == Opened {
		r.windows++
		e.Window = r.windows
	}
	if e.Kind == Came {
		e.Line = r.line
	}
	r.entries = append(r.entries, &e)
	return &e
}

// finish completes the entry of an action.
func (r *Recording) finish(e *Entry, err error, change func(*Entry)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		e.Failed = err.Error()
	}
	if change != nil {
		change(e)
	}
}

// A recorder is a lesson.Runner that keeps what another one does.
type recorder struct {
	r   *Recording
	lab lesson.Runner
}

func (o *recorder) Window(ctx context.Context, host, name string) (lesson.Window, error) {
	e := o.r.add(Entry{Kind: Opened, Host: host, Name: name})
	w, err := o.lab.Window(ctx, host, name)
	o.r.finish(e, err, nil)
	if err != nil {
		return nil, err
	}
	return &recordedWindow{o.r, w, e.Window}, nil
}

func (o *recorder) Hostlab(ctx context.Context, args []string, out io.Writer) (int, error) {
	e := o.r.add(Entry{Kind: Ran, Args: args})
	kept := &beginning{}
	status, err := o.lab.Hostlab(ctx, args, io.MultiWriter(out, kept))
	o.r.finish(e, err, func(e *Entry) { e.Output, e.Status, e.Limited = valid(kept.String()), status, ctx.Err() != nil })
	return status, err
}

func (o *recorder) Wire(ctx context.Context) (*wire.Trace, error) {
	e := o.r.add(Entry{Kind: Fenced})
	t, err := o.lab.Wire(ctx)
	o.r.finish(e, err, func(e *Entry) {
		if t != nil {
			e.Wires = describe(t)
		}
	})
	return t, err
}

// Caption notes the line that causes what comes from now on.
func (o *recorder) Caption(text string) {
	line, _ := strconv.Atoi(text[strings.LastIndexByte(text, ':')+1:])
	o.r.mu.Lock()
	o.r.line = line
	o.r.mu.Unlock()
	o.lab.Caption(text)
}

func (o *recorder) Rewrite(text string) string { return o.lab.Rewrite(text) }

// A recordedWindow is a lesson.Window whose events are kept.
type recordedWindow struct {
	r      *Recording
	term   lesson.Window
	number int
}

func (w *recordedWindow) Type(line string) error {
	e := w.r.add(Entry{Kind: Typed, Window: w.number, Text: line})
	err := w.term.Type(line)
	w.r.finish(e, err, nil)
	return err
}

func (w *recordedWindow) Key(b byte) error {
	e := w.r.add(Entry{Kind: Pressed, Window: w.number, Key: b})
	err := w.term.Key(b)
	w.r.finish(e, err, nil)
	return err
}

func (w *recordedWindow) Next(ctx context.Context) (mark.Event, error) {
	e, err := w.term.Next(ctx)
	switch {
	case err == nil:
		w.r.add(Entry{Kind: Came, Window: w.number, Event: e.Kind.String(), Text: valid(e.Line), Status: e.Status, Signal: e.Signal})
	case ctx.Err() == nil: // else the run has ended, and not the window
		w.r.add(Entry{Kind: Came, Window: w.number, Event: gone, Text: valid(err.Error())})
	}
	return e, err
}

// Look implements lesson.Looker.
func (w *recordedWindow) Look(n int) int {
	w.r.add(Entry{Kind: Looked, Window: w.number, Taken: n})
	return n
}

func (w *recordedWindow) Close() error { return w.term.Close() }

// valid makes text of bytes, as a run does before it compares them.
func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// A beginning keeps the beginning of what is written to it.
type beginning struct{ strings.Builder }

func (b *beginning) Write(p []byte) (int, error) {
	if room := maxOutput - b.Len(); room > 0 {
		b.Builder.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
