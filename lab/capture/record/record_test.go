package record

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/capture"
	"hostlab/lab/wire"
	"hostlab/lab/wire/pcapng"
)

func start(t *testing.T, o Options, streams []Stream) *Recorder {
	t.Helper()
	o.Lab, o.Topology = "test", small
	r, err := Start(t.Context(), o, streams...)
	if err != nil {
		t.Fatal(err)
	}
	r.retry = 5 * time.Millisecond
	t.Cleanup(func() { r.Close() })
	return r
}

// What is forgotten is in no later trace: neither packets nor losses, doubts and
// what the captures dropped. What was sent since is, under the caption that
// counted then, and traces that were handed out stay what they are.
func TestForget(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	fenced := func() *wire.Trace {
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	r.Comment("one.md:1")
	r.Comment("one.md:2")
	fenced()
	l.send(1)
	l.do(func() {
		l.hosts["guinness"].packet(capture.LossInterface, pcapng.In, udpFrame(1), "drop udp/1060")
		l.hosts["laptop"].dropped += 3
		l.hosts["laptop"].clock += int64(time.Hour)
	})
	before := fenced()
	if before.Doubt() == "" || len(before.Losses) != 1 || len(before.Notes) != 2 {
		t.Fatalf("before: doubt %q, %d losses, %d notes", before.Doubt(), len(before.Losses), len(before.Notes))
	}
	r.Forget(before.Until)
	if tr := r.Trace(); len(tr.Frames) != 0 || len(tr.Losses) != 0 || tr.Doubt() != "" {
		t.Errorf("forgotten are %d frames, %d losses, doubt %q", len(tr.Frames), len(tr.Losses), tr.Doubt())
	}
	l.send(2)
	l.do(func() { l.hosts["laptop"].dropped++ })
	for what, tr := range map[string]*wire.Trace{"fence": fenced(), "all": r.Trace()} {
		if diff := cmp.Diff([]string{"laptop->>guinness: UDP to 1060, 2 bytes"}, wire.Lines(tr.Accounted(nil))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", what, diff)
		}
		if got, want := tr.Doubt(), "the capture on laptop lost 1 frames"; got != want {
			t.Errorf("%s: doubt %q; want %q", what, got, want)
		}
		if len(tr.Notes) != 1 || tr.Notes[0].Text != "one.md:2" {
			t.Errorf("%s: notes %v; want the last", what, tr.Notes)
		}
	}
	if got := wire.Lines(before.Accounted(nil)); len(got) != 1 {
		t.Errorf("the trace of before has %q now", got)
	}
}

func TestTracesBetweenFences(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	fenced := func() []string {
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if tr.Doubt() != "" {
			t.Errorf("doubt: %s", tr.Doubt())
		}
		return wire.Lines(tr.Accounted(nil))
	}
	l.send(1)
	got := [][]string{fenced()}
	l.send(2)
	l.send(3)
	got = append(got, fenced(), fenced())
	want := [][]string{
		{"laptop->>guinness: UDP to 1060, 1 bytes"},
		{"laptop->>guinness: UDP to 1060, 2 bytes", "laptop->>guinness: UDP to 1060, 3 bytes"},
		nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if all := wire.Lines(r.Trace().Accounted(nil)); len(all) != 3 {
		t.Errorf("in all %q; want 3", all)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := r.Fence(t.Context()); err == nil {
		t.Error("a fence behind the end")
	}
	if all := wire.Lines(r.Trace().Accounted(nil)); len(all) != 3 {
		t.Errorf("behind the end %q; want 3", all)
	}
	if got, want := r.Remarks()[0], "forger: eth9: offloads tx stay as they are"; got != want {
		t.Errorf("remark %q; want %q", got, want)
	}
}

func TestFenceNamesWhatIsMissing(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*fakeLab)
		want   string
	}{
		{"deaf on one of two networks", func(l *fakeLab) { l.deaf["guinness<forger"] = 1 << 30 },
			"guinness has not seen the markers of forger on every network (0 of 2)"},
		{"deaf to one CPU", func(l *fakeLab) { l.deaf["guinness<laptop 1"] = 1 },
			"guinness has not seen the markers of laptop on every network (0 of 1)"},
		{"silent", func(l *fakeLab) { l.hosts["laptop"].silent = true }, "laptop has not sent its markers"},
		{"gone", func(l *fakeLab) { l.hosts["laptop"].out.Close() }, "the capture on laptop ended: unexpected EOF"},
		{"broken", func(l *fakeLab) {
			io.WriteString(l.hosts["laptop"].out, "Segmentation fault\n")
			l.hosts["laptop"].out.Close()
		},
			"the capture on laptop ended: wire: pcapng: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, streams := newFakeLab(t)
			r := start(t, Options{Patience: 200 * time.Millisecond}, streams)
			l.do(func() { test.change(l) })
			_, err := r.Fence(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v; want one with %q", err, test.want)
			}
			if err := r.Close(); (err == nil) != (test.name == "silent" || strings.HasPrefix(test.name, "deaf")) {
				t.Errorf("close: %v", err)
			}
		})
	}
}

func TestFenceIsAskedForAgain(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	l.do(func() { l.deaf["guinness<laptop"] = 3 })
	if _, err := r.Fence(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.do(func() {
		if n := l.hosts["laptop"].fences; n <= rounds {
			t.Errorf("asked %d times; want more than the %d rounds", n, rounds)
		}
	})
}

// The second round begins when the first has been seen everywhere.
func TestFenceGoesRoundTwice(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	r.retry = time.Hour
	if _, err := r.Fence(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.do(func() {
		for _, h := range l.hosts {
			if h.fences != 2 {
				t.Errorf("%s was asked %d times; want 2", h.name, h.fences)
			}
		}
	})
}

// A fence stands where its first marker was about to be sent.
func TestCutIsTheFirst(t *testing.T) {
	r := &Recorder{hosts: map[string]*host{}}
	for i, name := range []string{"laptop", "guinness", "forger"} {
		h := newHost(Stream{Host: name})
		h.fences[7] = answer{at: time.Unix(int64(100+(i+2)%3), 0)}
		r.hosts[name] = h
	}
	if got := r.cutAt(7).Unix(); got != 100 {
		t.Errorf("at %d; want 100", got)
	}
}

func TestHostsThatCannotAnswer(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{Patience: 5 * time.Second}, streams)
	fence := func() *wire.Trace {
		t.Helper()
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	r.Pause("laptop")
	l.do(func() { l.hosts["laptop"].silent = true })
	if tr := fence(); tr.Blind["laptop"] != "it is paused" {
		t.Errorf("blind are %v; want laptop", tr.Blind)
	}
	l.do(func() { l.hosts["laptop"].silent = false })
	r.Resume("laptop")
	if tr := fence(); len(tr.Blind) > 0 {
		t.Errorf("blind are %v; want nobody", tr.Blind)
	}
	r.Cut("guinness", "far")
	l.do(func() { l.deaf["guinness<forger"] = 1; l.deaf["forger<guinness"] = 1 }) // of the two networks, one is enough now
	fence()
	r.Join("guinness", "far")
	r.Kill("laptop")
	l.do(func() { l.hosts["laptop"].out.Close() })
	if tr := fence(); len(tr.Blind) > 0 {
		t.Errorf("blind are %v; want nobody", tr.Blind)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close, with a host killed: %v", err)
	}
}

// What was lost before a fence is of no concern behind it.
func TestDropsMakeDoubt(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	var got []string
	for _, dropped := range []uint64{0, 3, 3, 4} {
		l.do(func() { l.hosts["guinness"].dropped = dropped })
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, tr.Doubt())
	}
	want := []string{"", "the capture on guinness lost 3 frames", "", "the capture on guinness lost 1 frames"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("doubts (-want +got):\n%s", diff)
	}
	if d := r.Trace().Doubt(); d != "the capture on guinness lost 4 frames" {
		t.Errorf("doubt about all: %q", d)
	}
}

func TestMemoryHasALimit(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{MaxBytes: 1000}, streams)
	l.do(func() {
		for range 20 {
			l.hosts["laptop"].packet("eth0", pcapng.Out, udpFrame(9))
		}
	})
	tr, err := r.Fence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tr.Frames); n == 0 || n == 20 || n+int(tr.Dropped["laptop"]) != 20 {
		t.Errorf("%d frames and %d dropped; want some of each, 20 in all", n, tr.Dropped["laptop"])
	}
	r.Forget(tr.Until)
	l.do(func() { l.hosts["laptop"].packet("eth0", pcapng.Out, udpFrame(9)) })
	if tr, err = r.Fence(t.Context()); err != nil || len(tr.Frames) != 1 || tr.Dropped["laptop"] != 0 {
		t.Errorf("with room again: %v, %d frames, dropped %v; want 1 frame", err, len(tr.Frames), tr.Dropped)
	}
}

func TestClockThatIsSetMakesDoubt(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	var got []string
	for _, clock := range []int64{1000, 2000, 2000 + 1e9, 2000 + 1e9} {
		l.do(func() { l.hosts["guinness"].clock = clock })
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, tr.Doubt())
	}
	if diff := cmp.Diff([]string{"", "", "the clock of guinness was set by 1s", ""}, got); diff != "" {
		t.Errorf("doubts (-want +got):\n%s", diff)
	}
}

func TestLossesAndComments(t *testing.T) {
	const fault = "drop udp/1060"
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	r.Comment("loss.md:12")
	l.do(func() {
		l.hosts["laptop"].packet("eth0", pcapng.Out, udpFrame(1))
		l.hosts["guinness"].packet("eth0", pcapng.In, udpFrame(1))
		l.hosts["guinness"].packet(capture.LossInterface, pcapng.In, udpFrame(1), fault)
	})
	tr, err := r.Fence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"laptop-xguinness: UDP to 1060, 1 bytes"}, wire.Lines(tr.Accounted(nil))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var file bytes.Buffer
	if err := r.Trace().WritePcapng(&file); err != nil {
		t.Fatal(err)
	}
	back, err := wire.ReadPcapng(&file)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Frames) != 2 || back.Frames[0].Comment != "loss.md:12" || back.Frames[1].Fault != fault {
		t.Errorf("the file has %+v", back.Frames)
	}
}

func TestStartFails(t *testing.T) {
	pipe := func(text string) Stream {
		return Stream{Host: "laptop", Out: io.NopCloser(strings.NewReader(text)), In: nopWriteCloser{}}
	}
	_, err := Start(t.Context(), Options{Topology: small}, pipe("capture: packet socket: operation not permitted\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "record: start: the capture on laptop ended: ") {
		t.Errorf("with a message for a stream: %v", err)
	}
	if _, err := Start(t.Context(), Options{Topology: small}, pipe("")); err == nil {
		t.Error("with an empty stream: no error")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	cancel(interrupted)
	_, streams := newFakeLab(t)
	if _, err := Start(ctx, Options{Topology: small}, streams...); err != nil && !errors.Is(err, interrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

type nopWriteCloser struct{}

func (nopWriteCloser) Write(b []byte) (int, error) { return len(b), nil }
func (nopWriteCloser) Close() error                { return nil }
