package evidence

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/mark"
	"hostlab/lab/report"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// A fakeLab is a lesson.Runner whose windows say what a script tells them to:
//
//	laptop$ ask              when this is typed on laptop,
//	yes                      it prints this
//	guinness | asked         and this comes from guinness, or "guinness:2 | …"
//	wire laptop guinness 23  a datagram crosses, of 23 bytes
//	lost laptop guinness 23  … and a fault takes it
//	late laptop guinness 23  … and the capture there has it only after the next look
//	blind guinness           the next look can't see all of guinness
//	doubt guinness           … nor be trusted
//	[exit 1]                 before it ends so; [exit 0] when nothing is said
//	[running]                it stays
//	[gone]                   the stream breaks
//	$ hostlab fault list     the reader's own machine
//
// With jitter every event takes a while of its own, so that no two runs are
// alike; the events of one window keep their order.
type fakeLab struct {
	script map[string][]string
	jitter bool

	mu      sync.Mutex
	windows map[string]*fakeWindow
	ran     *topology.Topology
	trace   wire.Trace
	late    []wire.Frame
	blind   string
	doubt   string
	cut     time.Time
	wait    sync.WaitGroup
}

func newFakeLab(t testing.TB, les *lesson.Lesson, script string) *fakeLab {
	l := &fakeLab{script: map[string][]string{}, windows: map[string]*fakeWindow{}, ran: les.Topology.Clone()}
	l.trace.Topology = l.ran
	key := ""
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if host, _, ok := strings.Cut(line, "$ "); ok && !strings.Contains(host, " ") {
			key = line
			l.script[key] = []string{}
		} else if line != "" {
			l.script[key] = append(l.script[key], line)
		}
	}
	t.Cleanup(l.wait.Wait)
	return l
}

func (l *fakeLab) Window(_ context.Context, host, name string) (lesson.Window, error) {
	if host == "nowhere" {
		return nil, errors.New("no such host")
	}
	return l.window(host + ":" + name), nil
}

func (l *fakeLab) window(key string) *fakeWindow {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.windows[key] == nil {
		w := &fakeWindow{lab: l, host: strings.Split(key, ":")[0], planned: make(chan planned, 1<<14), events: make(chan planned), shut: make(chan struct{})}
		l.wait.Go(w.deliver)
		w.send(mark.Event{Kind: mark.Prompt}, nil)
		l.windows[key] = w
	}
	return l.windows[key]
}

func (l *fakeLab) Hostlab(ctx context.Context, args []string, out io.Writer) (int, error) {
	for _, line := range l.script["$ hostlab "+strings.Join(args, " ")] {
		switch line {
		case "[exit 1]":
			return 1, nil
		case "[gone]":
			return 0, errors.New("the engine is gone")
		case "[running]":
			<-ctx.Done()
			return 0, ctx.Err()
		}
		fmt.Fprintln(out, line)
	}
	return 0, nil
}

// Wire returns all frames so far; those that come between this and the next
// call are of the next one.
func (l *fakeLab) Wire(context.Context) (*wire.Trace, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.trace
	t.Since, t.Until = l.cut, time.Now().Round(0)
	t.Dropped, t.Blind = map[string]uint64{"laptop": 0}, map[string]string{}
	if l.blind != "" {
		t.Blind[l.blind] = "it is paused"
	}
	if l.doubt != "" {
		t.Dropped[l.doubt], t.Doubts = 3, []string{"the clock was set"}
	}
	l.cut, l.blind, l.doubt = t.Until, "", ""
	l.trace.Frames = append(l.trace.Frames, l.late...)
	l.late = nil
	return &t, nil
}

func (l *fakeLab) Caption(string) {}

func (l *fakeLab) Rewrite(text string) string { return text }

// datagram has a datagram cross.
func (l *fakeLab) datagram(from, to string, n int, how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	src, _ := l.ran.Host(from)
	dst, _ := l.ran.Host(to)
	s, d := src.Addrs()[0].As4(), dst.Addrs()[0].As4()
	b := append(append([]byte{2, 0}, d[:]...), append([]byte{2, 0}, s[:]...)...)
	b = append(b, 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+n))
	b = append(b, 0, byte(len(l.trace.Frames)), 0, 0, 64, 17, 0, 0)
	b = append(append(b, s[:]...), d[:]...)
	b = append(b, 0x88, 0x88, 1060>>8, 1060&0xff)
	b = binary.BigEndian.AppendUint16(b, uint16(8+n))
	b = append(append(b, 0, 0), make([]byte, n)...)
	now := time.Now().Round(0) // frames know no monotonic clock
	in := now.Add(time.Nanosecond)
	arrives := wire.Frame{Host: to, Interface: "eth0", Direction: wire.In, Time: in, Data: b}
	if how == "late" {
		l.late = append(l.late, arrives)
	} else {
		l.trace.Frames = append(l.trace.Frames, arrives)
	}
	l.trace.Frames = append(l.trace.Frames, wire.Frame{Host: from, Interface: "eth0", Direction: wire.Out, Time: now, Data: b})
	if how == "lost" {
		l.trace.Losses = append(l.trace.Losses, wire.Loss{Host: to, Time: in, Fault: "drop udp/1060 --first 1", Data: b[14:]})
	}
}

// A fakeWindow is one terminal of a fakeLab.
type fakeWindow struct {
	lab     *fakeLab
	host    string
	planned chan planned
	events  chan planned
	once    sync.Once
	shut    chan struct{}
}

type planned struct {
	mark.Event
	err error
}

func (w *fakeWindow) send(e mark.Event, err error) { w.planned <- planned{e, err} }

// deliver hands the events on, each when its time has come.
func (w *fakeWindow) deliver() {
	for {
		select {
		case e := <-w.planned:
			if w.lab.jitter && rand.IntN(3) == 0 {
				<-time.After(time.Duration(rand.IntN(300)) * time.Microsecond)
			}
			select {
			case w.events <- e:
			case <-w.shut:
				return
			}
		case <-w.shut:
			return
		}
	}
}

func (w *fakeWindow) Type(line string) error {
	w.send(mark.Event{Kind: mark.Start}, nil)
	end := mark.Event{Kind: mark.End}
	lines, ok := w.lab.script[w.host+"$ "+line]
	if !ok {
		lines = []string{"not in the script: " + line, "[exit 1]"}
	}
	for _, text := range lines {
		var from, to string
		var n int
		other, said, isOther := strings.Cut(text, " | ")
		switch {
		case scanned(text, "wire %s %s %d", &from, &to, &n), scanned(text, "lost %s %s %d", &from, &to, &n), scanned(text, "late %s %s %d", &from, &to, &n):
			w.lab.datagram(from, to, n, text[:4])
		case scanned(text, "blind %s", &w.lab.blind), scanned(text, "doubt %s", &w.lab.doubt):
		case text == "[running]":
			return nil
		case text == "[gone]":
			w.send(mark.Event{}, io.ErrUnexpectedEOF)
			return nil
		case scanned(text, "[exit %d]", &n):
			end.Status = n
		case isOther:
			w.lab.other(other, said)
		default:
			w.send(mark.Event{Kind: mark.Line, Line: text}, nil)
		}
	}
	w.send(end, nil)
	w.send(mark.Event{Kind: mark.Prompt}, nil)
	return nil
}

// other has something come from another window: a line, or an end.
func (l *fakeLab) other(place, said string) {
	if !strings.Contains(place, ":") {
		place += ":1"
	}
	w := l.window(place)
	end := mark.Event{Kind: mark.End}
	if scanned(said, "[exit %d]", &end.Status) {
		w.send(end, nil)
		w.send(mark.Event{Kind: mark.Prompt}, nil)
		return
	}
	w.send(mark.Event{Kind: mark.Line, Line: said}, nil)
}

func scanned(line, format string, to ...any) bool {
	n, err := fmt.Sscanf(line, format, to...)
	return err == nil && n == len(to)
}

func (w *fakeWindow) Key(b byte) error {
	e := mark.Event{Kind: mark.End, Status: 130, Signal: "SIGINT"}
	if b == 26 {
		e = mark.Event{Kind: mark.Stopped, Status: mark.StoppedStatus}
	}
	w.send(e, nil)
	w.send(mark.Event{Kind: mark.Prompt}, nil)
	return nil
}

func (w *fakeWindow) Next(ctx context.Context) (mark.Event, error) {
	select {
	case e := <-w.events:
		return e.Event, e.err
	case <-ctx.Done():
		return mark.Event{}, ctx.Err()
	case <-w.shut:
		return mark.Event{}, io.EOF
	}
}

func (w *fakeWindow) Close() error {
	w.once.Do(func() { close(w.shut) })
	return nil
}

// record runs a lesson on a fake lab and returns the bundle, and what ran.
func record(t testing.TB, source, script string, jitter bool) ([]byte, *report.Run) {
	t.Helper()
	les, err := lesson.Parse("lesson.md", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	lab := newFakeLab(t, les, script)
	lab.jitter = jitter
	c, l := &Collector{}, &report.Lesson{File: les.File, Attempts: 1}
	r := c.Record()
	l.Result, err = lesson.Run(t.Context(), les, r.Around(lab), lesson.Options{})
	l.Err = err
	r.Done(l, lab.ran, &lab.trace)
	run := &report.Run{Engine: "fake 1", Lessons: []*report.Lesson{l, {File: "ipv6.md", Skipped: "this kernel has no IPv6"}}}
	var b bytes.Buffer
	if _, err := c.Write(&b, "v0", run); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), run
}

// replay opens a bundle and replays it.
func replay(t testing.TB, bundle []byte) *Verdict {
	t.Helper()
	b, err := Read(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := b.Replay(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}
