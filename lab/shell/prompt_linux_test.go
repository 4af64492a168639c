package shell

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A session is a person at a terminal with a shell in it.
type session struct {
	t    testing.TB
	tty  *os.File
	cmd  *exec.Cmd
	home string
	host string

	mu   sync.Mutex
	more *sync.Cond
	raw  []byte // all that was written to it
	out  []byte // ... without the editor's drawing
	read int    // up to where see has looked
	over bool
}

// drawing is what the editor writes between texts.
var drawing = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]| \x08`)

// openSession starts the shell. A mute terminal does not say where its cursor
// is.
func openSession(t testing.TB, mute bool, env ...string) *session {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin(t), "sh"))
	cmd.Env = environment(t, env...)
	s := &session{t: t, cmd: cmd}
	s.more = sync.NewCond(&s.mu)
	for _, v := range cmd.Env {
		if home, ok := strings.CutPrefix(v, "HOME="); ok {
			s.home, cmd.Dir = home, home
		}
	}
	s.host, _ = os.Hostname()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 120, Rows: 40})
	if err != nil {
		t.Fatalf("start sh on a terminal: %v", err)
	}
	s.tty = pollable(t, tty)
	t.Cleanup(func() { s.end() })
	go s.show(mute)
	return s
}

// show is the terminal.
func (s *session) show(mute bool) {
	buf := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buf)
		if !mute {
			for range bytes.Count(buf[:n], cursorQuery) {
				s.tty.Write(cursorAnswer)
			}
		}
		s.mu.Lock()
		s.raw = append(s.raw, buf[:n]...)
		s.out = drawing.ReplaceAll(s.raw, nil)
		s.over = err != nil
		s.more.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *session) typ(keys string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		s.t.Fatalf("type %q: %v", keys, err)
	}
}

// see waits until each text has been shown, one after the other.
func (s *session) see(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		s.seeAll(text)
	}
}

// seeAll waits until all the texts have been shown, in any order.
func (s *session) seeAll(texts ...string) {
	s.t.Helper()
	timer := time.AfterFunc(limit, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.over = true
		s.more.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	from, end := s.read, s.read
	for _, text := range texts {
		for {
			if i := bytes.Index(s.out[min(from, len(s.out)):], []byte(text)); i >= 0 {
				end = max(end, from+i+len(text))
				break
			}
			if s.over {
				s.t.Fatalf("%q was not shown; since the last: %q", text, s.out[from:])
			}
			s.more.Wait()
		}
	}
	s.read = end
}

// prompt is what the shell shows in a directory.
func (s *session) prompt(dir string) string { return s.host + ":" + dir + "$ " }

// end closes the terminal and waits for the shell's end.
func (s *session) end() {
	s.tty.Close()
	done := make(chan struct{})
	go func() { s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
		s.cmd.Process.Kill()
		s.t.Errorf("the shell did not end with its terminal")
	}
}

func TestPrompt(t *testing.T) {
	s := openSession(t, false, "TERM=xterm")
	s.see(s.prompt("~"))
	s.typ("mkdir -p a/b; cd a\r")
	s.see(s.prompt("~/a"))
	s.typ("cd /; pwd\r")
	s.see("\n/\r\n", s.prompt("/"))
	s.typ("cd\r")
	s.see(s.prompt("~"))
	s.typ("nosuch\r")
	s.see("sh: nosuch: not found\r\n", s.prompt("~"))
	s.typ("echo 'two\rlines'\r")
	s.see("> ", "\ntwo\r\nlines\r\n", s.prompt("~"))
	s.typ("echo )\r")
	s.see("sh: 1:6:", s.prompt("~"))
	s.typ("half a line" + ctrlC)
	s.see("^C", s.prompt("~"))
	s.typ("echo 'quoted\r")
	s.see("> ")
	s.typ(ctrlC)
	s.see(s.prompt("~"))
	s.typ(ctrlZ + "status 7\r")
	s.see("status 7\r\n", s.prompt("~"))
	s.typ(ctrlD)
	s.see("exit")
	s.cmd.Wait() // of itself: a terminal that closes first would end it
	if state := s.cmd.ProcessState; state.ExitCode() != 7 {
		t.Errorf("the shell ended with %v; want exit status 7", state)
	}
}

func TestPromptJobs(t *testing.T) {
	s := openSession(t, false, "TERM=xterm")
	s.see(s.prompt("~"))
	s.typ("serve\r")
	s.see("serving\r\n")
	s.typ(ctrlC)
	s.see("^C\r\n", s.prompt("~"))
	s.typ("echo $?\r")
	s.see("\n130\r\n", s.prompt("~"))
	s.typ("serve one\r")
	s.see("serving one\r\n")
	s.typ(ctrlZ)
	s.see("^Z\r\n[1]+  Stopped                 serve one\r\n", s.prompt("~"))
	s.typ("serve two &\r")
	s.seeAll("[2] ", "serving two\r\n", s.prompt("~"))
	s.typ("jobs\r")
	s.see("\n[1]-  Stopped                 serve one\r\n[2]+  Running                 serve two &\r\n", s.prompt("~"))
	s.typ("kill %2; wait %2\r")
	s.see(s.prompt("~"))
	s.typ("fg\r")
	s.see("\nserve one\r\n")
	s.typ(ctrlBackslash)
	s.see("^\\Quit\r\n", s.prompt("~"))
	s.typ("serve three & kill %1; wait\r")
	s.see("[1] ", "[1]+  Terminated              serve three\r\n", s.prompt("~"))
	s.typ("sleep 0 & wait\r")
	s.see("[1] ", "[1]+  Done                    sleep 0\r\n", s.prompt("~"))
	s.typ("status 3 & wait\r")
	s.see("[1]+  Exit 3                  status 3\r\n", s.prompt("~"))
	s.typ("sh -c 'kill -TERM $$'\r")
	s.see("\nTerminated\r\n", s.prompt("~"))
}

func TestPromptCompletion(t *testing.T) {
	s := openSession(t, false, "TERM=xterm")
	s.see(s.prompt("~"))
	if err := os.MkdirAll(filepath.Join(s.home, "unique-dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.home, "unique-dir", "file of mine"), []byte("text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.typ("statu\t5\r")
	s.see(s.prompt("~"))
	s.typ("echo $?\r")
	s.see("\n5\r\n", s.prompt("~"))
	s.typ("cat uni\tfil\t\r")
	s.see("\ntext\r\n", s.prompt("~"))
	s.typ("echo one; hist\t\r")
	s.see("\none\r\n", "  echo $?\r\n", s.prompt("~"))
	names := hostNames()
	if len(names) == 0 {
		t.Skip("this machine's /etc/hosts has no names to complete")
	}
	name := names[len(names)-1]
	s.typ("echo [" + name[:len(name)-1])
	s.typ("\x15echo " + name[:len(name)-1] + "\t\r")
	s.see("\n" + name)
}

func TestPromptHistory(t *testing.T) {
	s := openSession(t, false, "TERM=xterm")
	s.see(s.prompt("~"))
	s.typ("echo first\r")
	s.see("\nfirst\r\n", s.prompt("~"))
	s.typ("echo second\r")
	s.see("\nsecond\r\n", s.prompt("~"))
	s.typ("\x1b[A\x1b[A\r")
	s.see("\nfirst\r\n", s.prompt("~"))
	s.typ("echo tpyo\x1b[D\x1b[D\x1b[D\x7fy\x1b[C\x7fp\r") // typo
	s.see("\n", s.prompt("~"))
	got, err := os.ReadFile(filepath.Join(s.home, ".sh_history"))
	if err != nil || !strings.HasPrefix(string(got), "echo first\necho second\necho first\n") {
		t.Errorf("history file holds %q, %v; want what was typed", got, err)
	}
}

// A terminal that does not say where its cursor is does not hold up the shell.
func TestPromptMute(t *testing.T) {
	s := openSession(t, true, "TERM=xterm")
	for range 3 {
		s.see(s.prompt("~"))
		s.typ("echo there\r")
		s.see("\nthere\r\n")
	}
}

// Without an editor, too, there is a prompt, and Ctrl-C gives a fresh one.
func TestPromptDumb(t *testing.T) {
	for _, env := range []string{"TERM=dumb", "X=1"} {
		s := openSession(t, false, env)
		s.see(s.prompt("~"))
		s.typ("echo one\n")
		s.see("\none\r\n", s.prompt("~"))
		s.typ("half" + ctrlC)
		s.see("\n", s.prompt("~"))
		s.typ("serve\n")
		s.see("serving\r\n")
		s.typ(ctrlZ)
		s.see("[1]+  Stopped", s.prompt("~"))
		s.typ(ctrlD)
		s.end()
		s.mu.Lock()
		if bytes.Contains(s.raw, []byte("\x1b")) {
			t.Errorf("%s: an escape sequence in %q", env, s.raw)
		}
		s.mu.Unlock()
	}
}

// A shell in a shell has its own jobs, and gives the terminal back.
func TestPromptNested(t *testing.T) {
	s := openSession(t, false, "TERM=xterm")
	s.see(s.prompt("~"))
	for range 5 {
		s.typ("sh\r")
		s.see(s.prompt("~"))
		s.typ("serve\r")
		s.see("serving\r\n")
		s.typ(ctrlZ)
		s.see("[1]+  Stopped", s.prompt("~"))
		s.typ("fg\r")
		s.see("\nserve\r\n")
		s.typ(ctrlC)
		s.see("^C", s.prompt("~"))
		s.typ("exit 9\r")
		s.see(s.prompt("~"))
		s.typ("echo $?\r")
		s.see("\n9\r\n", s.prompt("~"))
	}
}

// The jobs of a shell end with it, however it ends.
func TestJobsEndWithShell(t *testing.T) {
	for name, end := range map[string]func(*session){
		"terminal": func(s *session) { s.end() },
		"exit":     func(s *session) { s.typ("exit\r"); s.cmd.Wait() },
		"ctrl-d":   func(s *session) { s.typ(ctrlD); s.cmd.Wait() },
		"SIGTERM":  func(s *session) { s.cmd.Process.Signal(unix.SIGTERM); s.cmd.Wait() },
		"SIGHUP":   func(s *session) { s.cmd.Process.Signal(unix.SIGHUP); s.cmd.Wait() },
	} {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, false, "TERM=xterm")
			s.see(s.prompt("~"))
			s.typ("serve one\r")
			s.see("serving one\r\n")
			s.typ(ctrlZ)
			s.see("Stopped", s.prompt("~"))
			s.typ("serve two &\r")
			s.seeAll("[2] ", "serving two\r\n", s.prompt("~"))
			s.typ("jobs -p\r")
			s.see("\n")
			s.mu.Lock()
			from := s.read
			s.mu.Unlock()
			s.see(s.prompt("~"))
			s.mu.Lock()
			printed := string(s.out[from:s.read])
			s.mu.Unlock()
			var pids []int
			for _, word := range strings.Fields(printed) {
				if pid, err := strconv.Atoi(word); err == nil {
					pids = append(pids, pid)
				}
			}
			if len(pids) != 2 {
				t.Fatalf("jobs -p printed %q; want two numbers", printed)
			}
			end(s)
			if name == "SIGTERM" || name == "SIGHUP" {
				if got := s.cmd.ProcessState.ExitCode(); got != hungUp {
					t.Errorf("the shell ended with %v; want exit status %d", s.cmd.ProcessState, hungUp)
				}
			}
			for _, pid := range pids {
				awaitGone(t, pid)
			}
		})
	}
}

// awaitGone waits until a process is no more, or a zombie that somebody else
// has to wait for.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on: %s", pid, stat)
		}
	}
}
