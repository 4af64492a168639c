package prompt_test

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"hostlab/lab"
	"hostlab/lab/labtest"
	"hostlab/lab/prompt"
)

// A transcript collects what the prompt prints, from several goroutines.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // has a value when text came since the last look
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(b)
	select {
	case t.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// await waits for text in the transcript. A vain wait ends after 20 s and fails
// the test.
func (t *transcript) await(test *testing.T, text string) {
	test.Helper()
	late := time.After(20 * time.Second)
	for !strings.Contains(t.String(), text) {
		select {
		case <-t.more:
		case <-late:
			test.Fatalf("no %q in\n%s", text, t)
		}
	}
}

// A session is a prompt whose lines a test types.
type session struct {
	keys *os.File
	out  *transcript
	done chan error
}

func begin(t *testing.T, l *lab.Lab) *session {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{keys: w, out: &transcript{more: make(chan struct{}, 1)}, done: make(chan error, 1)}
	p := &prompt.Prompt{Lab: l, In: r, Out: s.out, Err: s.out}
	go func() { s.done <- p.Run(t.Context()) }()
	t.Cleanup(func() { w.Close() })
	return s
}

func (s *session) line(t *testing.T, text string) {
	t.Helper()
	if _, err := s.keys.WriteString(text + "\n"); err != nil {
		t.Fatal(err)
	}
}

func TestPrompt(t *testing.T) {
	l := labtest.Start(t, labtest.Load(t, "../../compose.yaml"))
	s := begin(t, l)

	s.line(t, "hosts")
	s.out.await(t, "guinness ")
	s.line(t, "guinness udp_remote server '' &")
	s.out.await(t, "guinness | Listening at ('0.0.0.0', 1060)\n")
	s.line(t, "laptop udp_remote client guinness")
	s.out.await(t, "The server says 'Your data was 23 bytes'\n")
	s.out.await(t, "guinness | The client at ('"+l.Host("laptop").Addr().String()+"', ")
	s.line(t, "guinness ^C")
	s.out.await(t, "guinness | [killed SIGINT] udp_remote server \n")
	s.line(t, "laptop udp_remote client guinness")
	s.out.await(t, "udp_remote: Connection refused\n") // of two streams, in either order
	s.out.await(t, "[exit 1]\n")
	s.line(t, "capture &")
	s.out.await(t, "capture | # capturing ")
	s.line(t, "fault drop guinness udp/1060 --first 1")
	s.line(t, "guinness udp_remote server '' &")
	s.line(t, "wait guinness udp/1060")
	s.line(t, "laptop udp_remote client guinness")
	s.out.await(t, "laptop-xguinness: UDP to 1060, 23 bytes   (taken at guinness by drop udp/1060 --first 1)\n")
	s.line(t, "fault list")
	s.out.await(t, "drop udp/1060 --first 1   1       2\n")
	s.line(t, "fault drop attic udp")
	s.out.await(t, "hostlab: hint: hostlab fault --help\n")
	s.line(t, "capture")
	s.out.await(t, "there is no Ctrl-C here")
	s.line(t, "capture ^C")
	s.out.await(t, "capture | [ended] capture\n")
	s.line(t, "fault pause stranger")
	s.line(t, "stranger hostname")
	s.out.await(t, "stranger: it is paused\nhostlab: hint: hostlab fault resume stranger\n")
	s.line(t, "hostlab fault resume stranger")
	s.line(t, "stranger hostname")
	s.out.await(t, "\nstranger\n")
	s.line(t, "guiness true")
	s.out.await(t, `no host "guiness" in this lab`)
	s.line(t, "laptop sh -c 'exit 3'")
	s.out.await(t, "[exit 3]")
	s.line(t, "exit")
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestPromptEndsWithItsInput(t *testing.T) {
	l := labtest.Start(t, labtest.Load(t, "../../compose.yaml"))
	s := begin(t, l)
	s.line(t, "laptop hostname")
	s.out.await(t, "laptop\n")
	s.keys.Close()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}
