package handout

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/mark"
	"hostlab/lab/report"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// A fakeLab is a lesson.Runner. What stands behind "laptop$ ask" is printed when
// that is typed; "[exit 1]" and "[running]" say how it ends. Behind "wire" stand
// datagrams that cross before each diagram: "0.1 laptop guinness 23", and with
// "lost" and a fault behind it one that was taken.
type fakeLab struct {
	t      *topology.Topology
	script map[string]string
	id     byte
}

var began = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

func (l *fakeLab) Window(_ context.Context, host, _ string) (lesson.Window, error) {
	w := &fakeWindow{lab: l, host: host, events: make(chan mark.Event, 100)}
	w.events <- mark.Event{Kind: mark.Prompt}
	return w, nil
}

func (l *fakeLab) Hostlab(context.Context, []string, io.Writer) (int, error) { return 0, nil }
func (l *fakeLab) Caption(string)                                            {}
func (l *fakeLab) Rewrite(text string) string                                { return text }

func (l *fakeLab) Wire(context.Context) (*wire.Trace, error) {
	t := &wire.Trace{Topology: l.t, Since: began, Until: began.Add(time.Hour)}
	for line := range strings.Lines(l.script["wire"]) {
		var at float64
		var from, to string
		var n int
		fmt.Sscan(line, &at, &from, &to, &n)
		_, fault, _ := strings.Cut(strings.TrimSpace(line), " lost ")
		sent := began.Add(time.Duration(at * float64(time.Second)))
		data := l.datagram(from, to, n)
		t.Frames = append(t.Frames,
			wire.Frame{Host: from, Interface: "eth0", Direction: wire.Out, Time: sent, Data: data},
			wire.Frame{Host: to, Interface: "eth0", Direction: wire.In, Time: sent.Add(time.Microsecond), Data: data, Fault: fault})
	}
	return t, nil
}

func (l *fakeLab) datagram(from, to string, n int) []byte {
	src, _ := l.t.Host(from)
	dst, _ := l.t.Host(to)
	s, d := src.Addrs()[0].As4(), dst.Addrs()[0].As4()
	l.id++
	b := append(append([]byte{2, 0}, d[:]...), append([]byte{2, 0}, s[:]...)...)
	b = append(b, 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+n))
	b = append(append(append(b, 0, l.id, 0, 0, 64, 17, 0, 0), s[:]...), d[:]...)
	b = append(b, 0x88, 0x88, 1060>>8, 1060&0xff)
	b = binary.BigEndian.AppendUint16(b, uint16(8+n))
	return append(append(b, 0, 0), make([]byte, n)...)
}

type fakeWindow struct {
	lab    *fakeLab
	host   string
	events chan mark.Event
}

func (w *fakeWindow) Type(line string) error {
	w.events <- mark.Event{Kind: mark.Start}
	end := mark.Event{Kind: mark.End}
	for text := range strings.Lines(w.lab.script[w.host+"$ "+line]) {
		switch text = strings.TrimSuffix(text, "\n"); text {
		case "[running]":
			return nil
		case "[exit 1]":
			end.Status = 1
		default:
			w.events <- mark.Event{Kind: mark.Line, Line: text}
		}
	}
	w.events <- end
	w.events <- mark.Event{Kind: mark.Prompt}
	return nil
}

func (w *fakeWindow) Key(b byte) error {
	e := mark.Event{Kind: mark.End, Status: 130, Signal: "SIGINT"}
	if b == 26 {
		e = mark.Event{Kind: mark.Stopped, Status: mark.StoppedStatus}
	}
	w.events <- e
	w.events <- mark.Event{Kind: mark.Prompt}
	return nil
}

func (w *fakeWindow) Next(ctx context.Context) (mark.Event, error) {
	select {
	case e := <-w.events:
		return e, nil
	case <-ctx.Done():
		return mark.Event{}, ctx.Err()
	}
}

func (w *fakeWindow) Close() error { return nil }

// parse reads a lesson.
func parse(t testing.TB, source string) *lesson.Lesson {
	t.Helper()
	l, err := lesson.Parse("lesson.md", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run runs a lesson on a fake lab.
func run(t testing.TB, l *lesson.Lesson, script map[string]string) *Options {
	t.Helper()
	res, err := lesson.Run(t.Context(), l, &fakeLab{t: l.Topology, script: script}, lesson.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range res.All() {
		p.Stall = 0
	}
	return &Options{Outcome: &report.Lesson{Result: res}, Engine: "fake 1", When: began, Evidence: strings.Repeat("0", 64)}
}

// render returns the page of a lesson.
func render(t testing.TB, l *lesson.Lesson, o *Options) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, l, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
