//go:build unix

package main

import (
	"context"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// Ctrl-C in the middle of a narration on a full screen: status 130, the
// terminal as it was, and nothing left on the engine.
func TestNarrateInterrupted(t *testing.T) {
	needsDocker(t)
	t.Setenv("TERM", "xterm-256color")
	keys, far, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	defer far.Close()
	if err := pty.Setsize(far, &pty.Winsize{Cols: 100, Rows: 30}); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(far.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	// A server has said that it is listening: the lab runs.
	shown := &trigger{text: "Listening", cancel: func() { keys.WriteString("\x03") }}
	go io.Copy(shown, keys)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	status := run(ctx, []string{"narrate", "--engine", "docker", "--speed", "20", "page-30"}, terminal(far, far, far))
	if status != statusCanceled {
		t.Errorf("exit status %d; want %d", status, statusCanceled)
	}
	if after, err := term.GetState(int(far.Fd())); err != nil || !reflect.DeepEqual(after, before) {
		t.Errorf("the terminal's modes are not what they were (%v)", err)
	}
	if left := ours(t); left != "" {
		t.Errorf("left on the engine:\n%s", left)
	}
}
