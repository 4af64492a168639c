//go:build linux

package agent

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"hostlab/lab/mark"
)

// realShell makes the program "sh" the shell of a host, not the stand-in.
const realShell = "AGENT_TEST_REAL_SHELL"

// A window with the shell of a host: what lessons do.
func TestWindowWithRealShell(t *testing.T) {
	t.Setenv(realShell, "1")
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	typeLine(t, w, "say out err 3; true")
	expect(t, w, begin, line("outerr"), end(0), prompt)
	typeLine(t, w, "value "+mark.TokenEnv)
	expect(t, w, begin, line(`""`), end(0), prompt)

	typeLine(t, w, "catch")
	expect(t, w, begin, line("ready"))
	if err := w.Key(0x1a); err != nil {
		t.Fatal(err)
	}
	expect(t, w, stopped(), prompt)
	typeLine(t, w, "fg")
	expect(t, w, begin, line("catch"))
	if err := w.Key(3); err != nil {
		t.Fatal(err)
	}
	expect(t, w, killed("SIGINT"), prompt)

	typeLine(t, w, "hang | copy & say $! '' 0")
	expect(t, w, begin)
	e, err := w.Next(testContext(t))
	if err != nil || e.Kind != mark.Line {
		t.Fatalf("Next: %+v, %v; want a line", e, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := w.Next(testContext(t)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next: %v; want %v", err, os.ErrClosed)
	}
	if fields := strings.Fields(e.Line); len(fields) > 0 {
		pid := pidOf(t, fields[0])
		poll(t, "the job ends with its window", func() bool { return gone(t, pid) })
	}
}

// The shell's end is the window's, with its status.
func TestRealShellExits(t *testing.T) {
	t.Setenv(realShell, "1")
	c := newHost(t)
	w := newWindow(t, c)
	expect(t, w, prompt)
	typeLine(t, w, "exit 6")
	for {
		e, err := w.Next(testContext(t))
		if err == nil && (e.Kind == mark.Start || e.Kind == mark.End) {
			continue
		}
		if !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "status 6") {
			t.Errorf("Next: %+v, %v; want %v and status 6", e, err, io.EOF)
		}
		return
	}
}
