package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hostlab/lab/mark"
	"hostlab/lab/wire"
)

// An Entry is one line of a log. The order of lines is the order in which
// things happened: what a window showed stands behind the actions that had been
// begun by then.
type Entry struct {
	Kind   EntryKind `json:"kind"`
	At     float64   `json:"at"`               // seconds since the first entry
	Window int       `json:"window,omitempty"` // the one it concerns, from 1 in the order of their opening

	Host string   `json:"host,omitempty"` // Opened
	Name string   `json:"name,omitempty"` // Opened: "1"
	Text string   `json:"text,omitempty"` // Typed; Came: the line
	Key  byte     `json:"key,omitempty"`  // Pressed: the control character
	Args []string `json:"args,omitempty"` // Ran: the words behind "hostlab"

	Output  string `json:"output,omitempty"`  // Ran
	Status  int    `json:"status,omitempty"`  // Ran; Came: of an end
	Limited bool   `json:"limited,omitempty"` // Ran: it did not end within the lesson's limit
	Failed  string `json:"failed,omitempty"`  // of all actions: how the lab broke

	Event  string `json:"event,omitempty"`  // Came: "line", "prompt", "start", "end", "stopped", or "gone"
	Signal string `json:"signal,omitempty"` // Came: that killed the program
	Line   int    `json:"line,omitempty"`   // Came: of the latest command by then

	Taken int   `json:"taken,omitempty"` // Looked: how many of the window's events the run had taken then
	Wires *Look `json:"wires,omitempty"` // Fenced
}

// An EntryKind says what an entry is.
type EntryKind string

// The kinds of entries. Those up to Fenced are actions of the run.
const (
	Opened  EntryKind = "opened"  // a window
	Typed   EntryKind = "typed"   // a line
	Pressed EntryKind = "pressed" // a key
	Ran     EntryKind = "ran"     // a command of the reader's own machine
	Fenced  EntryKind = "fenced"  // a look at the wires
	Came    EntryKind = "came"    // something came from a window
	Looked  EntryKind = "looked"  // the run took what had come, without waiting
)

func (k EntryKind) action() bool {
	return slices.Contains([]EntryKind{Opened, Typed, Pressed, Ran, Fenced}, k)
}

// gone is the event of a window whose stream broke.
const gone = "gone"

// kinds are the events by their names.
var kinds = map[string]mark.Kind{
	mark.Line.String(): mark.Line, mark.Prompt.String(): mark.Prompt, mark.Start.String(): mark.Start,
	mark.End.String(): mark.End, mark.Stopped.String(): mark.Stopped,
}

// A Look is one look at the wires: the bounds and doubts of a wire.Trace, and
// how much of the capture was there.
type Look struct {
	Since   time.Time         `json:"since"`
	Until   time.Time         `json:"until"`
	Frames  int               `json:"frames"`            // the first so many of the capture …
	Missing []int             `json:"missing,omitempty"` // … but for these, from 0, which came later
	Losses  int               `json:"losses"`            // the first so many of the lab's
	Dropped map[string]uint64 `json:"dropped,omitempty"`
	Blind   map[string]string `json:"blind,omitempty"`
	Doubts  []string          `json:"doubts,omitempty"`

	seen int // frames of the trace, before the capture is written
}

// describe notes what a trace says beside its frames.
func describe(t *wire.Trace) *Look {
	return &Look{
		Since: t.Since, Until: t.Until, Losses: len(t.Losses), seen: len(t.Frames),
		Dropped: t.Dropped, Blind: t.Blind, Doubts: t.Doubts,
	}
}

// place fills in which frames of a capture were there. Order is the capture's:
// indexes into the frames of the whole trace, which were only ever added to.
func (l *Look) place(order []int) {
	l.Frames, l.Missing = 0, nil
	for at, index := range order {
		if index < l.seen {
			l.Frames = at + 1
		}
	}
	for at, index := range order[:l.Frames] {
		if index >= l.seen {
			l.Missing = append(l.Missing, at)
		}
	}
}

// trace returns what the look saw of a capture and a lab.
func (l *Look) trace(frames []wire.Frame, lab *Lab) (*wire.Trace, error) {
	if l.Frames < 0 || l.Frames > len(frames) || l.Losses < 0 || l.Losses > len(lab.Losses) {
		return nil, fmt.Errorf("a look at %d frames and %d losses; there are %d and %d", l.Frames, l.Losses, len(frames), len(lab.Losses))
	}
	t := &wire.Trace{Topology: lab.Ran, Since: l.Since, Until: l.Until, Dropped: l.Dropped, Blind: l.Blind, Doubts: l.Doubts}
	missing := map[int]bool{}
	for _, i := range l.Missing {
		missing[i] = true
	}
	for i, f := range frames[:l.Frames] {
		if !missing[i] {
			t.Frames = append(t.Frames, f)
		}
	}
	t.Losses = lab.wireLosses()[:l.Losses]
	return t, nil
}

// wireLosses returns the losses as package wire has them.
func (l *Lab) wireLosses() []wire.Loss {
	var all []wire.Loss
	for _, x := range l.Losses {
		all = append(all, wire.Loss(x))
	}
	return all
}

// encodeLog writes entries as lines.
func encodeLog(entries []*Entry) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	for _, e := range entries {
		if err := out.Encode(e); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// decodeLog reads the lines of a log.
func decodeLog(data []byte) ([]*Entry, error) {
	var all []*Entry
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxText)
	windows := 0
	for n := 1; lines.Scan(); n++ {
		e := &Entry{}
		in := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		in.DisallowUnknownFields()
		if err := in.Decode(e); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if e.Kind == Opened {
			windows++
		}
		if err := e.check(windows); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, e)
	}
	return all, lines.Err()
}

// check holds an entry against what the ones before it allow.
func (e *Entry) check(windows int) error {
	ofWindow := !slices.Contains([]EntryKind{Ran, Fenced}, e.Kind)
	_, known := kinds[e.Event]
	switch {
	case !e.Kind.action() && e.Kind != Came && e.Kind != Looked:
		return fmt.Errorf("kind %q is unknown", e.Kind)
	case e.Kind == Opened && e.Window != windows:
		return fmt.Errorf("window %d is opened; the next one is %d", e.Window, windows)
	case ofWindow && (e.Window < 1 || e.Window > windows):
		return fmt.Errorf("window %d has not been opened", e.Window)
	case e.Kind == Came && !known && e.Event != gone:
		return fmt.Errorf("event %q is unknown", e.Event)
	case e.Kind == Fenced && e.Wires == nil && e.Failed == "":
		return fmt.Errorf("a look at the wires without what it saw")
	}
	return nil
}
