package prompt

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"hostlab/lab/agent"
)

// A screen is what came on the person's terminal.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until waits for a text, and does something meanwhile.
func (s *screen) until(t *testing.T, want string, again func()) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(s.String(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q on the screen, which has %.200q", want, s)
		}
		again()
	}
}

// The person's terminal goes to the program: its size and each change of it,
// Ctrl-C as a key, and the program's exit status back. Afterwards the terminal
// is as it was.
func TestAttach(t *testing.T) {
	if _, err := exec.LookPath("stty"); err != nil {
		t.Skip("no stty here to say how large a terminal is")
	}
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- agent.Serve(context.Background(), far) }()
	client, err := agent.Dial(near)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	keys, in, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer keys.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(pty.Setsize(keys, &pty.Winsize{Cols: 91, Rows: 23}))
	before, err := term.GetState(int(in.Fd()))
	must(err)

	s := &screen{}
	go io.Copy(s, keys) // until the pty is closed
	wait, typed := func() {}, func() { io.WriteString(keys, "size\r") }
	type result struct {
		status agent.Status
		err    error
	}
	done := make(chan result, 1)
	go func() {
		script := `stty size; trap 'echo interrupted' INT; while read line; do test "$line" = end && exit 3; stty size; done`
		status, err := Attach(t.Context(), client, []string{"/bin/bash", "-c", script}, in, in, in)
		done <- result{status, err}
	}()
	s.until(t, "23 91\r\n", wait)
	must(pty.Setsize(keys, &pty.Winsize{Cols: 70, Rows: 40}))
	must(unix.Kill(os.Getpid(), unix.SIGWINCH)) // as the kernel tells the terminal's own processes
	s.until(t, "40 70\r\n", typed)
	io.WriteString(keys, "\x03")
	s.until(t, "interrupted", wait)
	io.WriteString(keys, "end\r")
	r := <-done
	if r.err != nil || r.status.Code != 3 {
		t.Errorf("it ended with %+v, %v", r.status, r.err)
	}
	after, err := term.GetState(int(in.Fd()))
	must(err)
	if *after != *before {
		t.Error("the terminal is not as it was")
	}
}
