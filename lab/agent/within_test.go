//go:build linux

package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"hostlab/lab/program"
)

// withinHost is an agent in this process with programs of the test's.
func withinHost(t *testing.T, programs map[string]func(context.Context, program.Stdio, ...string) int) *Client {
	t.Helper()
	noLeak(t)
	var within []program.Program
	for name, run := range programs {
		within = append(within, program.Program{Name: name, Run: run})
	}
	a, b := socketPair(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		Serve(context.Background(), a, within...)
	}()
	t.Cleanup(func() { a.Close(); await(t, "Serve's return", done) })
	return dialTest(t, b)
}

// A program within the agent has its arguments, both outputs and a status, and
// no process.
func TestWithin(t *testing.T) {
	const much = 3 << 20
	c := withinHost(t, map[string]func(context.Context, program.Stdio, ...string) int{
		"own": func(_ context.Context, s program.Stdio, args ...string) int {
			fmt.Fprintf(s.Out, "%d %q\n", os.Getpid(), args)
			fmt.Fprint(s.Err, "oh\n")
			if n, err := s.In.Read(make([]byte, 1)); n > 0 || err == nil {
				return 1
			}
			return 7
		},
		"much": func(_ context.Context, s program.Stdio, _ ...string) int {
			s.Out.Write(bytes.Repeat([]byte("x"), much))
			return 0
		},
		"panic": func(_ context.Context, s program.Stdio, _ ...string) int {
			fmt.Fprint(s.Out, "so far")
			panic("no further")
		},
		"say": func(context.Context, program.Stdio, ...string) int { return 99 },
	})
	want := ran{Status{Code: 7}, fmt.Sprintf("%d %q\n", os.Getpid(), []string{"a b", "$HOME", ""}), "oh\n"}
	if got := run(t, c, Command{Args: []string{"own", "a b", "$HOME", ""}, Within: true}); got != want {
		t.Errorf("own: %+v; want %+v", got, want)
	}
	if got := run(t, c, Command{Args: []string{"much"}, Within: true}); len(got.Out) != much || got.Status.Code != 0 {
		t.Errorf("much: %d bytes, status %d; want %d and 0", len(got.Out), got.Status.Code, much)
	}
	want = ran{Status{Code: 2}, "so far", "panic: panic: no further\n"}
	if got := run(t, c, Command{Args: []string{"panic"}, Within: true}); got != want {
		t.Errorf("panic: %+v; want %+v", got, want)
	}
	if got := run(t, c, Command{Args: []string{"say", "hello", "", "4"}}); got.Status.Code != 4 || got.Out != "hello" {
		t.Errorf("say without Within: %+v; want the program of that name in PATH", got)
	}
}

// What the agent was not given, or can't be done without a process, is refused.
func TestWithinRefused(t *testing.T) {
	c := withinHost(t, map[string]func(context.Context, program.Stdio, ...string) int{
		"own": func(context.Context, program.Stdio, ...string) int { return 0 },
	})
	for _, cmd := range []Command{
		{Args: []string{"say", "x", "", "0"}},
		{Args: []string{"own"}, Env: []string{"A=B"}},
		{Args: []string{"own"}, Stdin: strings.NewReader("")},
		{Args: []string{"own"}, Terminal: &Terminal{}},
	} {
		cmd.Within = true
		if _, err := c.Start(t.Context(), cmd); err == nil || errors.Is(err, ErrGone) {
			t.Errorf("%+v: %v; want a refusal", cmd, err)
		}
	}
	ch, err := c.open(t.Context(), "test", "session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(ch.requests)
	defer ch.Close()
	for _, test := range []struct {
		kind, line string
		want       bool
	}{
		{withinRequest, "own 'a", false},
		{withinRequest, "", false},
		{withinRequest, "own", true},
		{withinRequest, "own", false}, // once is enough
		{"exec", "own", false},
	} {
		ok, err := c.request(t.Context(), "test", ch, test.kind, ssh.Marshal(namedRequest{test.line}))
		if ok != test.want || err != nil && test.want {
			t.Errorf("%s %q: %v, %v; want %v", test.kind, test.line, ok, err, test.want)
		}
	}
}

// A program within the agent ends with the context of its caller, and with the
// connection.
func TestWithinEnds(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	c := withinHost(t, map[string]func(context.Context, program.Stdio, ...string) int{
		"wait": func(ctx context.Context, _ program.Stdio, _ ...string) int {
			begun <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return 0
		},
	})
	wait := func(what string, c chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-testContext(t).Done():
			t.Fatal(what)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := c.Start(ctx, Command{Args: []string{"wait"}, Within: true})
	if err != nil {
		t.Fatal(err)
	}
	wait("it did not begin", begun)
	cancel()
	wait("it goes on after its caller's end", ended)
	if _, err := p.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v; want that the context ended", err)
	}
	p, err = c.Start(t.Context(), Command{Args: []string{"wait"}, Within: true})
	if err != nil {
		t.Fatal(err)
	}
	wait("it did not begin", begun)
	c.Close()
	wait("it goes on after the connection's end", ended)
	if _, err := p.Wait(); !errors.Is(err, ErrGone) {
		t.Errorf("Wait: %v; want that the host is gone", err)
	}
}
