//go:build linux

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRun(t *testing.T) {
	tests := []struct {
		name  string
		cmd   Command
		stdin string
		want  ran
	}{
		{name: "two streams", cmd: Command{Args: []string{"say", "out\n", "err\n", "0"}}, want: ran{Status{}, "out\n", "err\n"}},
		{name: "exit status", cmd: Command{Args: []string{"say", "", "", "3"}}, want: ran{Status: Status{Code: 3}}},
		{name: "largest exit status", cmd: Command{Args: []string{"say", "", "", "255"}}, want: ran{Status: Status{Code: 255}}},
		{name: "not found", cmd: Command{Args: []string{"no such program"}}, want: ran{Status{Code: 127}, "", "agent: no such program: not found\n"}},
		{name: "empty name", cmd: Command{Args: []string{""}}, want: ran{Status{Code: 127}, "", "agent: : not found\n"}},
		{name: "not to be run", cmd: Command{Args: []string{"denied"}}, want: ran{Status{Code: 126}, "", "agent: denied: permission denied\n"}},
		{name: "no program", cmd: Command{Args: []string{"junk"}}, want: ran{Status{Code: 126}, "", "agent: junk: exec format error\n"}},
		{name: "a directory", cmd: Command{Args: []string{"/"}}, want: ran{Status{Code: 126}, "", "agent: /: permission denied\n"}},
		{name: "killed by itself", cmd: Command{Args: []string{"die", "TERM"}}, want: ran{Status: Status{Code: 143, Signal: "SIGTERM"}}},
		{name: "environment", cmd: Command{Args: []string{"value", "X"}, Env: []string{"X=1", "X= two 'three' $HOME\n"}},
			want: ran{Status{}, "\" two 'three' $HOME\\n\"\n", ""}},
		{name: "no input", cmd: Command{Args: []string{"copy"}}, want: ran{}},
		{name: "input", cmd: Command{Args: []string{"copy"}}, stdin: "a\x00\xff", want: ran{Out: "a\x00\xff"}},
		{name: "input that nobody reads", cmd: Command{Args: []string{"say", "", "", "0"}}, stdin: strings.Repeat("x", 8<<20), want: ran{}},
	}
	eachHost(t, func(t *testing.T, c *Client) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				if test.stdin != "" {
					test.cmd.Stdin = strings.NewReader(test.stdin)
				}
				if diff := cmp.Diff(test.want, run(t, c, test.cmd)); diff != "" {
					t.Errorf("differs (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// Every byte but NUL survives the way through the command line, in any word.
func TestArguments(t *testing.T) {
	c := newHost(t)
	var all []byte
	for i := 1; i < 256; i++ {
		all = append(all, byte(i))
	}
	want := []string{string(all), "", " ", "a b", "$HOME", "`x`", "*", "~", "a=b", "#", "if", "{a,b}", "é\u200b\ufffd", "-", "'", `\`, "\xc3"}
	for i := 1; i < 256; i++ {
		want = append(want, string([]byte{'a', byte(i), 'f'}), string([]byte{byte(i)}))
	}
	got := run(t, c, Command{Args: append([]string{"args"}, want...)})
	var raw [][]byte
	if err := json.Unmarshal([]byte(got.Out), &raw); err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	var words []string
	for _, w := range raw {
		words = append(words, string(w))
	}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("arguments differ (-want +got):\n%s", diff)
	}
}

func TestStartErrors(t *testing.T) {
	c := newHost(t)
	tests := []struct {
		name string
		cmd  Command
		want string
	}{
		{"nothing", Command{}, "want a program"},
		{"NUL", Command{Args: []string{"say", "a\x00b"}}, "null bytes"},
		{"too long", Command{Args: []string{"say", strings.Repeat("x", maxCommand)}}, "bytes; at most"},
		{"variable without =", Command{Args: []string{"say"}, Env: []string{"X"}}, "want NAME=VALUE"},
		{"variable without name", Command{Args: []string{"say"}, Env: []string{"=x"}}, "want NAME=VALUE"},
		{"variable with NUL", Command{Args: []string{"say"}, Env: []string{"X=\x00"}}, "want NAME=VALUE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Start(testContext(t), test.cmd)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrGone) {
				t.Errorf("Start: %v; want an error with %q", err, test.want)
			}
		})
	}
	// The largest that fits does fit: Linux takes 128 KiB in one argument.
	arg := strings.Repeat("x", 100<<10)
	if got := run(t, c, Command{Args: []string{"say", arg, "", "0"}}); got.Out != arg {
		t.Errorf("a long argument: %d bytes came back, status %v, %q; want %d", len(got.Out), got.Status, got.Err, len(arg))
	}
}

func TestHugeOutput(t *testing.T) {
	const count = huge
	eachHost(t, func(t *testing.T, c *Client) {
		want := pattern(count)
		got := run(t, c, Command{Args: []string{"bytes", strconv.Itoa(count)}})
		if got.Status != (Status{}) || got.Out != string(want) {
			t.Errorf("%d bytes, status %v; want the %d bytes of the pattern", len(got.Out), got.Status, count)
		}
	})
}

// Bytes pass both ways at once, more than all windows and pipes hold.
func TestBothWays(t *testing.T) {
	const count = huge / 5
	eachHost(t, func(t *testing.T, c *Client) {
		in := pattern(count)
		got := run(t, c, Command{Args: []string{"copy"}, Stdin: bytes.NewReader(in)})
		if got.Out != string(in) {
			t.Errorf("%d bytes came back; want the %d that were sent", len(got.Out), count)
		}
	})
}

func TestManySessions(t *testing.T) {
	const sessions, count = 40, huge / 40
	eachHost(t, func(t *testing.T, c *Client) {
		want := pattern(count)
		var all sync.WaitGroup
		for i := range sessions {
			all.Go(func() {
				var out bytes.Buffer
				cmd := Command{Args: []string{"bytes", strconv.Itoa(count)}, Stdout: &out}
				if i%2 == 0 {
					cmd = Command{Args: []string{"copy"}, Stdin: bytes.NewReader(want), Stdout: &out}
				}
				p, err := c.Start(testContext(t), cmd)
				if err != nil {
					t.Error(err)
					return
				}
				if status, err := p.Wait(); err != nil || status != (Status{}) || !bytes.Equal(out.Bytes(), want) {
					t.Errorf("session %d: %d bytes, %v, %v; want %d bytes", i, out.Len(), status, err, count)
				}
			})
		}
		all.Wait()
	})
}

// One writer for both streams is never called twice at a time.
func TestSameWriter(t *testing.T) {
	c := newHost(t)
	w := &exclusive{t: t}
	p, err := c.Start(testContext(t), Command{Args: []string{"say", strings.Repeat("o", 1<<16), strings.Repeat("e", 1<<16), "0"}, Stdout: w, Stderr: w})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if w.n != 2<<16 {
		t.Errorf("%d bytes; want %d", w.n, 2<<16)
	}
}

// An exclusive has no lock, so that the race detector sees two writers.
type exclusive struct {
	t *testing.T
	n int
}

func (e *exclusive) Write(b []byte) (int, error) {
	e.n += len(b)
	return len(b), nil
}

// A writer's error is Wait's, and the program still comes to its end.
func TestWriterError(t *testing.T) {
	c := newHost(t)
	full := errors.New("disk full")
	p, err := c.Start(testContext(t), Command{Args: []string{"bytes", "9000000"}, Stdout: failing{full}})
	if err != nil {
		t.Fatal(err)
	}
	if status, err := p.Wait(); !errors.Is(err, full) || status != (Status{}) {
		t.Errorf("Wait: %v, %v; want status 0 and %v", status, err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// start starts a program and returns its lines.
func start(t testing.TB, ctx context.Context, c *Client, cmd Command) (*Process, *lines) {
	t.Helper()
	out := newLines(t)
	cmd.Stdout = out
	p, err := c.Start(ctx, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p, out
}

func TestSignal(t *testing.T) {
	eachHost(t, func(t *testing.T, c *Client) {
		p, out := start(t, testContext(t), c, Command{Args: []string{"catch"}})
		out.next(t)
		for _, name := range []string{"HUP", "SIGUSR1", "TERM"} {
			if err := p.Signal(name); err != nil {
				t.Fatal(err)
			}
			if got, want := out.next(t), strings.TrimPrefix(name, "SIG"); got != want {
				t.Errorf("the program got %s; want %s", got, want)
			}
		}
		if status, err := p.Wait(); err != nil || status.Code != 7 {
			t.Errorf("Wait: %v, %v; want status 7", status, err)
		}
		if err := p.Signal("HUP"); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("Signal after the end: %v; want %v", err, os.ErrProcessDone)
		}
		if err := p.Signal("NOSUCH"); err == nil || !strings.Contains(err.Error(), "want a name") {
			t.Errorf("Signal NOSUCH: %v; want an error", err)
		}
		if err := p.Resize(1, 1); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("Resize after the end: %v; want %v", err, os.ErrProcessDone)
		}
	})
}

func TestStopAndContinue(t *testing.T) {
	c := newHost(t)
	p, out := start(t, testContext(t), c, Command{Args: []string{"hang"}})
	pid := pidOf(t, out.next(t))
	for _, name := range []string{"TSTP", "STOP"} {
		if err := p.Signal(name); err != nil {
			t.Fatal(err)
		}
		poll(t, "stopped by "+name, func() bool { return state(t, pid) == "T" })
		if err := p.Signal("CONT"); err != nil {
			t.Fatal(err)
		}
		poll(t, "continued", func() bool { return state(t, pid) != "T" })
	}
	if err := p.Signal("INT"); err != nil {
		t.Fatal(err)
	}
	if status, err := p.Wait(); err != nil || status != (Status{Code: 130, Signal: "SIGINT"}) {
		t.Errorf("Wait: %v, %v; want SIGINT", status, err)
	}
}

func TestContext(t *testing.T) {
	eachHost(t, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithCancel(testContext(t))
		p, out := start(t, ctx, c, Command{Args: []string{"hang"}})
		pid := pidOf(t, out.next(t))
		cancel()
		if _, err := p.Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait: %v; want %v", err, context.Canceled)
		}
		poll(t, "killed", func() bool { return gone(t, pid) })
		if _, err := c.Start(ctx, Command{Args: []string{"hang"}}); !errors.Is(err, context.Canceled) {
			t.Errorf("Start with a ctx that ended: %v; want %v", err, context.Canceled)
		}
		if got := run(t, c, Command{Args: []string{"say", "on", "", "0"}}); got.Out != "on" {
			t.Errorf("the next program printed %q; want %q", got.Out, "on")
		}
	})
}

// A ctx that ends after the program has no say any more.
func TestContextAfterEnd(t *testing.T) {
	c := newHost(t)
	ctx, cancel := context.WithCancel(testContext(t))
	p, _ := start(t, ctx, c, Command{Args: []string{"say", "", "", "6"}})
	await(t, "the end", p.done)
	cancel()
	if status, err := p.Wait(); err != nil || status.Code != 6 {
		t.Errorf("Wait: %v, %v; want status 6", status, err)
	}
}

// A writer that never returns does not keep Wait when ctx ends, and one that
// returns late does not write on.
func TestContextWithBlockedWriter(t *testing.T) {
	c := newHost(t)
	ctx, cancel := context.WithCancel(testContext(t))
	w := &blocked{in: make(chan struct{}, 9), out: make(chan struct{})}
	p, err := c.Start(ctx, Command{Args: []string{"bytes", "9000000"}, Stdout: w})
	if err != nil {
		t.Fatal(err)
	}
	<-w.in
	cancel()
	if _, err := p.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v; want %v", err, context.Canceled)
	}
	close(w.out)
	poll(t, "the end of the copy", func() bool { return !strings.Contains(agentGoroutines(nil), "(*output).copy") })
	if len(w.in) > 0 {
		t.Errorf("%d writes after Wait returned; want none", len(w.in))
	}
}

type blocked struct{ in, out chan struct{} }

func (b *blocked) Write(p []byte) (int, error) {
	b.in <- struct{}{}
	<-b.out
	return len(p), nil
}

func TestStatusString(t *testing.T) {
	for name, n := range signals {
		if got := signalName(n); got != name {
			t.Errorf("signalName(%d) = %q; want %q", n, got, name)
		}
		if got, ok := signalNumber("SIG" + name); !ok || got != n {
			t.Errorf("signalNumber(SIG%s) = %d, %v; want %d", name, got, ok, n)
		}
	}
	for _, bad := range []string{"", "SIG", "0", "-1", "65", "int", fmt.Sprint(1 << 40)} {
		if n, ok := signalNumber(bad); ok {
			t.Errorf("signalNumber(%q) = %d; want none", bad, n)
		}
	}
}
