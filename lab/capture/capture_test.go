package capture

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/program"
)

func TestMarkerRoundTrip(t *testing.T) {
	for _, m := range []Marker{
		{Lab: "lab-1", Host: "laptop", Fence: 1 << 60, Part: 3, Parts: 8},
		{Parts: 1},
		{Lab: strings.Repeat("l", 255), Host: strings.Repeat("h", 255), Parts: 1},
	} {
		b := m.Append(nil)
		got, ok := ParseMarker(append(b, 0, 0, 0)) // padded
		if !ok || got != m {
			t.Errorf("%+v came back as %+v, %v", m, got, ok)
		}
		for n := range b {
			if got, ok := ParseMarker(b[:n]); ok {
				t.Errorf("%d of %d bytes are the marker %+v", n, len(b), got)
			}
		}
	}
	if m, ok := ParseMarker(Marker{Part: 1, Parts: 1}.Append(nil)); ok {
		t.Errorf("part 1 of 1, counted from 0, is the marker %+v", m)
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add(Marker{Lab: "lab", Host: "laptop", Fence: 7, Part: 1, Parts: 2}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, ok := ParseMarker(b); ok && !bytes.HasPrefix(b, m.Append(nil)) {
			t.Errorf("% x is the marker %+v, whose bytes are % x", b, m, m.Append(nil))
		}
	})
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		args, stdout, stderr string
		status               int
	}{
		{"--help", "Show what crosses", "", 0},
		{"--ring 0", "", "capture: --ring 0: want 1 to 1024 MiB\ncapture: hint: capture --help\n", 2},
		{"eth0", "", "capture: unknown word \"eth0\"\ncapture: hint: capture --help\n", 2},
		{"--nonsense", "", "capture: unknown flag: --nonsense\ncapture: hint: capture --help\n", 2},
		{"--host " + strings.Repeat("x", 256), "", "capture: --lab and --host: want at most 255 bytes\ncapture: hint: capture --help\n", 2},
	} {
		var out, errs bytes.Buffer
		status := Run(context.Background(), program.Stdio{In: strings.NewReader(""), Out: &out, Err: &errs}, strings.Fields(test.args)...)
		if status != test.status || !strings.HasPrefix(out.String(), test.stdout) || errs.String() != test.stderr {
			t.Errorf("capture %s: status %d, %q on stdout, %q on stderr", test.args, status, out.String(), errs.String())
		}
	}
	for line := range strings.Lines(help) {
		if len(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("help line of %d columns: %s", len(line)-1, line)
		}
	}
}

func TestArgsAreTaken(t *testing.T) {
	o, err := parse(Args("lab-1", "laptop")[1:])
	if err != nil {
		t.Fatal(err)
	}
	want := options{lab: "lab-1", host: "laptop", lo: true, ring: 8}
	if diff := cmp.Diff(want, o, cmp.AllowUnexported(options{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Nothing is written before a flush, all of it after, whatever the reader does.
func TestQueue(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	q := newQueue(w, 1<<20)
	var want bytes.Buffer
	for i := range 5000 { // more than a pipe holds
		line := bytes.Repeat([]byte{byte(i)}, 200)
		want.Write(line)
		if _, err := q.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	q.flush()
	var got bytes.Buffer
	var wait sync.WaitGroup
	wait.Go(func() { got.ReadFrom(r) })
	if err := q.close(); err != nil {
		t.Error(err)
	}
	w.Close()
	wait.Wait()
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("read %d bytes that are not the %d written", got.Len(), want.Len())
	}
}

func TestQueueFlushes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	q := newQueue(w, 1<<20)
	defer q.close()
	q.Write([]byte("block"))
	q.flush()
	b := make([]byte, 10)
	if n, err := r.Read(b); err != nil || string(b[:n]) != "block" {
		t.Errorf("read %q, %v", b[:n], err)
	}
}

// A reader that stalls makes Write wait, no sooner than at the limit.
func TestQueueHasALimit(t *testing.T) {
	release := make(chan struct{})
	q := newQueue(writerFunc(func(b []byte) (int, error) { <-release; return len(b), nil }), 1000)
	q.Write(make([]byte, 10))
	q.flush()
	q.Write(make([]byte, 990)) // beside what the writer holds
	q.Write(make([]byte, 200))
	waited := make(chan struct{})
	go func() { q.Write(make([]byte, 1)); close(waited) }()
	select {
	case <-waited:
		t.Error("a Write beyond the limit did not wait")
	default:
	}
	close(release)
	q.flush()
	<-waited
	q.close()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestQueueTellsErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	q := newQueue(writerFunc(func([]byte) (int, error) { return 0, broken }), 10)
	q.Write(make([]byte, 20))
	q.flush()
	if _, err := q.Write(nil); !errors.Is(err, broken) { // waits, for the limit is passed
		t.Errorf("write: %v", err)
	}
	if err := q.close(); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
}
