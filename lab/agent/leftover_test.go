//go:build linux

package agent

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// state returns a process's state letter, or "" when it is gone.
func state(t testing.TB, pid int) string {
	t.Helper()
	p, err := procfs.NewProc(pid)
	if err != nil {
		return ""
	}
	s, err := p.Stat()
	if err != nil {
		return ""
	}
	return s.State
}

// gone reports whether a process does not run any more. Where nobody reaps
// orphans, it stays a zombie.
func gone(t testing.TB, pid int) bool {
	s := state(t, pid)
	return s == "" || s == "Z"
}

func pidOf(t testing.TB, line string) int {
	t.Helper()
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatalf("line %q; want a pid", line)
	}
	return pid
}

// The session ends although another process keeps its output open, all that
// the main process wrote arrives, and what is left is killed.
func TestLeftBehind(t *testing.T) {
	for _, mode := range []string{"here", "group", "quiet"} {
		t.Run(mode, func(t *testing.T) {
			eachHost(t, func(t *testing.T, c *Client) {
				got := run(t, c, Command{Args: []string{"leave", mode}})
				if got.Status.Code != 5 {
					t.Fatalf("leave: %+v; want status 5", got)
				}
				pid := pidOf(t, strings.TrimSpace(got.Out))
				poll(t, "killed", func() bool { return gone(t, pid) })
			})
		})
	}
}

// One that left the session lives until the agent ends, and does not keep the
// session either.
func TestEscaped(t *testing.T) {
	c, host := newProcessHost(t)
	got := run(t, c, Command{Args: []string{"leave", "away"}})
	pid := pidOf(t, strings.TrimSpace(got.Out))
	if got.Status.Code != 5 || gone(t, pid) {
		t.Fatalf("leave: %+v, process gone: %v; want status 5 and a living process", got, gone(t, pid))
	}
	c.Close()
	if err := host.wait(t); err != nil {
		t.Errorf("the agent ended with %v; want status 0", err)
	}
	if !gone(t, pid) {
		t.Errorf("process %d is alive after the agent's end", pid)
	}
}

// A slow reader gets all of what a program left in its pipe when it ended.
func TestSlowReader(t *testing.T) {
	c := newHost(t)
	const count = 2<<20 + 60<<10 // SSH's window and a bit: the program ends, and the rest is in its pipe
	r, w := io.Pipe()
	p, err := c.Start(testContext(t), Command{Args: []string{"bytes", strconv.Itoa(count)}, Stdout: w})
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := r.Read(first); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * Grace) // not until something happens: it must not matter
	rest := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(r)
		rest <- b
	}()
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
	w.Close()
	if got := append(first, <-rest...); !bytes.Equal(got, pattern(count)) {
		t.Errorf("%d bytes; want the %d of the pattern", len(got), count)
	}
}
