package shell

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"hostlab/lab/mark"
)

// A window is a shell in window mode on a real terminal.
type window struct {
	t      testing.TB
	tty    *os.File
	cmd    *exec.Cmd
	events chan mark.Event
	seen   []string
}

const token = "t0k3n"

func openWindow(t testing.TB) *window {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin(t), "sh"))
	cmd.Env = environment(t, "TERM=dumb", "NO_COLOR=1", mark.WindowEnv+"=1", mark.TokenEnv+"="+token)
	cmd.Dir = t.TempDir()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 500, Rows: 50})
	if err != nil {
		t.Fatalf("start sh on a terminal: %v", err)
	}
	tty = pollable(t, tty)
	w := &window{t: t, tty: tty, cmd: cmd, events: make(chan mark.Event, 100)}
	t.Cleanup(w.close)
	go func() {
		defer close(w.events)
		for s := mark.NewScanner(tty, token); ; {
			e, err := s.Next()
			if err != nil {
				return
			}
			w.events <- e
		}
	}()
	return w
}

// pollable returns the terminal as a file whose reads end when it is closed.
func pollable(t testing.TB, tty *os.File) *os.File {
	t.Helper()
	defer tty.Close()
	fd, err := unix.FcntlInt(tty.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), tty.Name())
}

// modes returns the terminal's modes.
func modes(t testing.TB, tty *os.File) unix.Termios {
	t.Helper()
	raw, err := tty.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var m *unix.Termios
	if err := errors.Join(raw.Control(func(fd uintptr) { m, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) }), err); err != nil {
		t.Fatal(err)
	}
	return *m
}

// close ends the window as the end of its terminal does.
func (w *window) close() {
	w.tty.Close()
	done := make(chan struct{})
	go func() { w.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
		w.cmd.Process.Kill()
		w.t.Errorf("the shell did not end with its terminal")
	}
}

func (w *window) typ(s string) {
	w.t.Helper()
	if _, err := w.tty.WriteString(s); err != nil {
		w.t.Fatalf("type %q: %v", s, err)
	}
}

// next returns the next event as a word: "prompt", "start", "end 0",
// "end 130 SIGINT", "stopped", or a line's text in quotes.
func (w *window) next() string {
	w.t.Helper()
	select {
	case e, ok := <-w.events:
		if !ok {
			return "closed"
		}
		word := e.Kind.String()
		switch e.Kind {
		case mark.Line:
			word = fmt.Sprintf("%q", e.Line)
		case mark.End:
			word = strings.TrimSpace(fmt.Sprintf("end %d %s", e.Status, e.Signal))
		}
		w.seen = append(w.seen, word)
		return word
	case <-time.After(limit):
		w.t.Fatalf("nothing came for %v after %v\n%s", limit, w.seen, w.state())
		return ""
	}
}

// state says what the shell and its children are at.
func (w *window) state() string {
	var b strings.Builder
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		stat, _ := os.ReadFile(dir + "/stat")
		fields := strings.Fields(string(stat)) // proc_pid_stat(5): pid comm state ppid pgrp session tty tpgid
		if len(fields) > 7 && fields[5] == fmt.Sprint(w.cmd.Process.Pid) {
			fmt.Fprintln(&b, fields[:8])
		}
	}
	w.cmd.Process.Signal(unix.SIGABRT) // prints the goroutines
	for e := range w.events {
		fmt.Fprintln(&b, e.Line)
	}
	return b.String()
}

// want reads events and compares them.
func (w *window) want(events ...string) {
	w.t.Helper()
	for i, want := range events {
		if got := w.next(); got != want {
			w.t.Fatalf("event %d is %s; want %s (of %v)\nall events: %v", i, got, want, events, w.seen)
		}
	}
}

// wantInAnyOrder reads as many events and compares them.
func (w *window) wantInAnyOrder(events ...string) {
	w.t.Helper()
	var got []string
	for range events {
		got = append(got, w.next())
	}
	slices.Sort(got)
	slices.Sort(events)
	if !slices.Equal(got, events) {
		w.t.Fatalf("got %v; want %v, in any order", got, events)
	}
}

// run types a command and compares what follows up to the next prompt.
func (w *window) run(command string, events ...string) {
	w.t.Helper()
	w.typ(command + "\n")
	w.want("start")
	w.want(events...)
	w.want("prompt")
}

const (
	ctrlC         = "\x03"
	ctrlD         = "\x04"
	ctrlZ         = "\x1a"
	ctrlBackslash = "\x1c"
)

func TestWindow(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.run("echo hello", `"hello"`, "end 0")
	w.run("status 3", "end 3")
	w.run("echo $?", `"3"`, "end 0")
	w.run("nosuch", `"sh: nosuch: not found"`, "end 127")
	w.run("satus 1", `"sh: satus: not found"`, `"sh: hint: status"`, "end 127")
	w.run("./nosuch", `"sh: ./nosuch: not found"`, "end 127")
	w.run("/", `"sh: /: Is a directory"`, "end 126")
	w.run("cd /; pwd", `"/"`, "end 0")
}

// The variables that make a shell a window's are not its programs'.
func TestWindowEnvironment(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ("x=5; export Y=$x; env\n")
	w.want("start")
	exported := false
	for {
		got := w.next()
		if got == "end 0" {
			break
		}
		exported = exported || got == `"Y=5"`
		if strings.Contains(got, "HOSTLAB") {
			t.Errorf("a program sees %s", got)
		}
	}
	if !exported {
		t.Errorf("a program does not see Y=5")
	}
}

func TestWindowLanguage(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	for _, test := range []struct {
		command string
		events  []string
	}{
		{"for i in 1 2; do echo $i; done", []string{`"1"`, `"2"`, "end 0"}},
		{"echo a | upper", []string{`"A"`, "end 0"}},
		{"echo a | upper | cat | upper", []string{`"A"`, "end 0"}},
		{"status 1 | cat", []string{"end 0"}},
		{"status 1 || echo no", []string{`"no"`, "end 0"}},
		{"status 1 && echo no", []string{"end 1"}},
		{"! status 1", []string{"end 0"}},
		{"x=$(echo a b); echo $x", []string{`"a b"`, "end 0"}},
		{"x=$(cat f); echo $?", []string{`"cat: open f: No such file or directory"`, `"1"`, "end 0"}},
		{"echo a > f; cat f; cat < f", []string{`"a"`, `"a"`, "end 0"}},
		{"echo b >> f; cat f", []string{`"a"`, `"b"`, "end 0"}},
		{"cat nosuch 2>/dev/null", []string{"end 1"}},
		{"cat nosuch 2>&1 | upper", []string{`"CAT: OPEN NOSUCH: NO SUCH FILE OR DIRECTORY"`, "end 0"}},
		{"touch g1 g2; echo g*", []string{`"g1 g2"`, "end 0"}},
		{"x=5; cat <<EOF\none $x\ntwo\nEOF", []string{`"one 5"`, `"two"`, "end 0"}},
		{"echo 'a\nb'", []string{`"a"`, `"b"`, "end 0"}},
		{"echo a \\\nb", []string{`"a b"`, "end 0"}},
		{"echo a |\nupper", []string{`"A"`, "end 0"}},
		{"f() { echo f $1; }; f 1", []string{`"f 1"`, "end 0"}},
		{"(cd /; pwd); echo $?", []string{`"/"`, `"0"`, "end 0"}},
		{"echo )", []string{`"sh: 1:6: a command can only contain words and redirects; encountered ` + "`)`\"", "end 2"}},
		{"echo $?", []string{`"2"`, "end 0"}},
		{"A=1 sh -c 'echo $A $0 $1' zero one", []string{`"1 zero one"`, "end 0"}},
	} {
		w.run(test.command, test.events...)
	}
	w.typ("\n# a comment\necho on\n")
	w.want("prompt", "prompt", "start", `"on"`, "end 0", "prompt")
}

func TestWindowKeys(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ("serve\n")
	w.want("start", `"serving"`)
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")
	w.run("echo $?", `"130"`, "end 0")

	w.typ("serve\n")
	w.want("start", `"serving"`)
	w.typ(ctrlBackslash)
	w.want("end 131 SIGQUIT", "prompt")

	w.typ("serve; echo not this\n")
	w.want("start", `"serving"`)
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")

	w.typ("serve | cat | upper\n")
	w.want("start", `"SERVING"`)
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")

	w.typ("polite; echo after\n")
	w.want("start", `"waiting"`)
	w.typ(ctrlC)
	w.want(`"goodbye"`, `"after"`, "end 0", "prompt")

	w.typ("cat\n")
	w.want("start")
	w.typ("typed\n")
	w.want(`"typed"`)
	w.typ(ctrlD)
	w.want("end 0", "prompt")

	w.typ("while true; do sleep 0.01; done\n")
	w.want("start")
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")

	w.typ("while true; do :; done\n")
	w.want("start")
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")

	w.typ("read x\n")
	w.want("start")
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")
	w.typ("read x; echo got $x\nword\n")
	w.want("start", `"got word"`, "end 0", "prompt")
}

// A signal ends with its name, whoever sent it.
func TestWindowSignals(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	for _, test := range []struct{ name, end string }{
		{"TERM", "end 143 SIGTERM"}, {"KILL", "end 137 SIGKILL"}, {"HUP", "end 129 SIGHUP"}, {"INT", "end 130 SIGINT"},
	} {
		w.run("sh -c 'kill -"+test.name+" $$'", test.end)
	}
}
