//go:build linux

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/mark"
)

// newWindow opens a window with the stand-in shell.
func newWindow(t testing.TB, c *Client) *Window {
	t.Helper()
	w, err := c.Window(testContext(t), "h1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// expect takes as many events as are wanted.
func expect(t testing.TB, w *Window, want ...mark.Event) {
	t.Helper()
	var got []mark.Event
	for range want {
		e, err := w.Next(testContext(t))
		if err != nil {
			t.Fatalf("Next: %v, after %+v", err, got)
		}
		got = append(got, e)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("events differ (-want +got):\n%s", diff)
	}
}

func typeLine(t testing.TB, w *Window, line string) {
	t.Helper()
	if err := w.Type(line); err != nil {
		t.Fatal(err)
	}
}

var (
	prompt = mark.Event{Kind: mark.Prompt}
	begin  = mark.Event{Kind: mark.Start}
)

func line(s string) mark.Event  { return mark.Event{Kind: mark.Line, Line: s} }
func end(status int) mark.Event { return mark.Event{Kind: mark.End, Status: status} }
func killed(s string) mark.Event {
	n, _ := signalNumber(s)
	return mark.Event{Kind: mark.End, Status: 128 + n, Signal: s}
}
func stopped() mark.Event { return mark.Event{Kind: mark.Stopped, Status: mark.StoppedStatus} }

func TestWindow(t *testing.T) {
	eachHost(t, func(t *testing.T, c *Client) {
		w := newWindow(t, c)
		expect(t, w, prompt)
		typeLine(t, w, "say hello err 3")
		expect(t, w, begin, line("helloerr"), end(3), prompt)
		typeLine(t, w, "nosuch")
		expect(t, w, begin, line("nosuch: not found"), end(127), prompt)
		typeLine(t, w, "die TERM")
		expect(t, w, begin, killed("SIGTERM"), prompt)

		typeLine(t, w, "catch") // the one in front, not the shell, gets the keys
		expect(t, w, begin, line("ready"))
		if err := w.Key(3); err != nil {
			t.Fatal(err)
		}
		expect(t, w, killed("SIGINT"), prompt)
		typeLine(t, w, "hang")
		expect(t, w, begin)
		if e, err := w.Next(testContext(t)); err != nil || e.Kind != mark.Line {
			t.Fatalf("Next: %+v, %v; want a line", e, err)
		}
		if err := w.Key(0x1a); err != nil {
			t.Fatal(err)
		}
		expect(t, w, stopped(), prompt)
		typeLine(t, w, "value TERM")
		expect(t, w, begin, line(`"dumb"`), end(0), prompt)

		if err := w.Key(4); err != nil { // Ctrl-D ends the shell
			t.Fatal(err)
		}
		if e, err := w.Next(testContext(t)); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "status 4") {
			t.Errorf("Next after the shell's end: %+v, %v; want %v and status 4", e, err, io.EOF)
		}
		if err := w.Type("x"); !errors.Is(err, io.EOF) {
			t.Errorf("Type after the shell's end: %v; want %v", err, io.EOF)
		}
	})
}

// All output of a program comes before its end, also much of it.
func TestWindowOrder(t *testing.T) {
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	const count = 2000
	numbers := pattern(8890) // the numbers 0 to 1999
	if lines := strings.Count(string(numbers), "\n"); lines != count {
		t.Fatalf("%d lines; want %d", lines, count)
	}
	typeLine(t, w, fmt.Sprintf("bytes %d", len(numbers)))
	expect(t, w, begin)
	for i := range count {
		expect(t, w, line(fmt.Sprint(i)))
	}
	expect(t, w, end(0), prompt)
}

// What a program prints is text, also when it looks like a mark.
func TestWindowForgedMarks(t *testing.T) {
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	typeLine(t, w, "copy")
	expect(t, w, begin)
	w.ch.Write([]byte("\x16\x1b]133;D;0\x16\a\x16\x1b]133;C\x16\a\n")) // Ctrl-V takes the next key as it is
	w.Key(4)
	expect(t, w, line("\x1b]133;D;0\a\x1b]133;C\a"), end(0), prompt)
}

// Programs do not see that they are in a window.
func TestWindowEnvironment(t *testing.T) {
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	for _, test := range [][2]string{{mark.WindowEnv, ""}, {mark.TokenEnv, ""}, {"NO_COLOR", "1"}, {"LANG", "C"}, {"TERM", "dumb"}} {
		typeLine(t, w, "value "+test[0])
		expect(t, w, begin, line(fmt.Sprintf("%q", test[1])), end(0), prompt)
	}
}

// A window's terminal changes nothing of what is printed, and Ctrl-C throws
// nothing away.
func TestWindowTerminal(t *testing.T) {
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	typeLine(t, w, "session")
	expect(t, w, begin)
	e, err := w.Next(testContext(t))
	var got sessionFacts
	if err := errors.Join(err, json.Unmarshal([]byte(e.Line), &got)); err != nil {
		t.Fatal(err)
	}
	want := sessionFacts{OwnGroup: true, Foreground: true, Controlling: true, Columns: 500, Rows: 50, Noflsh: true, Intr: 3, Term: "dumb"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("session differs (-want +got):\n%s", diff)
	}
}

func TestWindowNextContext(t *testing.T) {
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	ctx, cancel := context.WithCancel(context.Background())
	waiting := make(chan error, 1)
	go func() {
		_, err := w.Next(ctx)
		waiting <- err
	}()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v; want %v", err, context.Canceled)
	}
	typeLine(t, w, "say on err 0") // nothing is lost by it
	expect(t, w, begin, line("onerr"), end(0), prompt)
}

func TestWindowTypeErrors(t *testing.T) {
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	for _, bad := range []string{strings.Repeat("x", maxType), "a\nb", "\x03", "a\rb", "\x7f"} {
		if err := w.Type(bad); err == nil {
			t.Errorf("Type(%.20q) of %d bytes: no error", bad, len(bad))
		}
	}
	long := strings.Repeat("y", maxType-1-len("say  x 0"))
	typeLine(t, w, "say "+long+" x 0")
	expect(t, w, begin, line(long+"x"), end(0), prompt)
	typeLine(t, w, "say é\tx 0")
	expect(t, w, begin, line("éx"), end(0), prompt)
}

// Close ends the window's processes, in front and behind.
func TestWindowClose(t *testing.T) {
	eachHost(t, func(t *testing.T, c *Client) {
		w := newWindow(t, c)
		expect(t, w, prompt)
		var pids []int
		for range 2 {
			typeLine(t, w, "hang")
			expect(t, w, begin)
			e, err := w.Next(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pidOf(t, e.Line))
			if len(pids) == 1 {
				w.Key(0x1a)
				expect(t, w, stopped(), prompt)
			}
		}
		waiting := make(chan error, 1)
		go func() {
			_, err := w.Next(testContext(t))
			waiting <- err
		}()
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Error(err)
		}
		if err := <-waiting; !errors.Is(err, os.ErrClosed) {
			t.Errorf("Next: %v; want %v", err, os.ErrClosed)
		}
		if err := w.Type("x"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Type: %v; want %v", err, os.ErrClosed)
		}
		for _, pid := range pids {
			poll(t, "killed", func() bool { return gone(t, pid) })
		}
		if got := run(t, c, Command{Args: []string{"say", "on", "", "0"}}); got.Out != "on" {
			t.Errorf("the next program printed %q; want %q", got.Out, "on")
		}
	})
}

// A host without a shell says so, as the window's last line and status.
func TestWindowWithoutShell(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, line("agent: sh: not found"))
	if _, err := w.Next(testContext(t)); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "status 127") {
		t.Errorf("Next: %v; want %v and status 127", err, io.EOF)
	}
}

// Windows do not disturb each other, also when nobody looks at one of them.
func TestManyWindows(t *testing.T) {
	c := newHost(t)
	ignored := newWindow(t, c)
	typeLine(t, ignored, "bytes 9000000")
	var all sync.WaitGroup
	for i := range 8 {
		w := newWindow(t, c)
		all.Go(func() {
			for j := range 20 {
				if err := w.Type(fmt.Sprintf("say %d-%d . 0", i, j)); err != nil {
					t.Error(err)
					return
				}
				for _, want := range []mark.Event{prompt, begin, line(fmt.Sprintf("%d-%d.", i, j)), end(0)} {
					if got, err := w.Next(testContext(t)); err != nil || got != want {
						t.Errorf("window %d: %+v, %v; want %+v", i, got, err, want)
						return
					}
				}
			}
		})
	}
	all.Wait()
}
