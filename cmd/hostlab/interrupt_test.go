package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// A trigger cancels when it is written a text.
type trigger struct {
	mu     sync.Mutex
	all    bytes.Buffer
	text   string
	cancel context.CancelFunc
}

func (w *trigger) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(b)
	if strings.Contains(w.all.String(), w.text) {
		w.cancel()
	}
	return len(b), nil
}

// Ctrl-C at any moment: status 130, a word, and nothing is left on the engine.
func TestInterrupt(t *testing.T) {
	needsDocker(t)
	for _, moment := range []string{
		"starting 2 hosts",
		"host laptop started",
		"laptop:~$ udp_remote client guinness",
		"$ hostlab fault drop",
	} {
		t.Run(moment, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := &trigger{text: moment, cancel: cancel}
			status := run(ctx, []string{"run", "page-30"}, &console{in: strings.NewReader(""), out: out, err: out})
			if status != statusCanceled {
				t.Errorf("exit status %d; want %d\n%s", status, statusCanceled, out.all.String())
			}
			if !strings.Contains(out.all.String(), "hostlab: interrupted") {
				t.Errorf("it did not say so:\n%s", out.all.String())
			}
			if left := ours(t); left != "" {
				t.Errorf("left on the engine:\n%s", left)
			}
		})
	}
}

// ours lists the containers and networks that this very process owns.
func ours(t *testing.T) string {
	t.Helper()
	var left strings.Builder
	for _, list := range [][]string{
		{"ps", "-a", "--format", `{{.Names}} {{.Label "hostlab.owner"}}`},
		{"network", "ls", "--format", `{{.Name}} {{.Label "hostlab.owner"}}`},
	} {
		out, err := exec.Command("docker", list...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, fmt.Sprintf("/%d/", os.Getpid())) {
				left.WriteString(line)
			}
		}
	}
	return left.String()
}
