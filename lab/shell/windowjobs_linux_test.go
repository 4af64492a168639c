package shell

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWindowStop(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ("cd /\nserve here\n")
	w.want("start", "end 0", "prompt", "start", `"serving here"`)
	w.typ(ctrlZ)
	w.want("stopped", "prompt")
	w.run("echo $?", `"148"`, "end 0")
	w.run("jobs", `"[1]+  Stopped                 serve here"`, "end 0")
	w.run("pwd", `"/"`, "end 0")
	w.typ("fg\n")
	w.want("start", `"serve here"`)
	w.typ(ctrlZ)
	w.want("stopped", "prompt")
	w.typ("fg %1; echo not this\n")
	w.want("start", `"serve here"`)
	w.typ(ctrlZ)
	w.want("stopped", "prompt")
	w.run("bg", `"[1]+ serve here &"`, "end 0")
	w.run("jobs", `"[1]+  Running                 serve here &"`, "end 0")
	w.typ("fg\n")
	w.want("start", `"serve here"`)
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")
	w.run("jobs", "end 0")
	w.run("fg", `"fg: current: no such job"`, "end 1")
}

// What stands behind a stopped program on its line goes on with it.
func TestWindowStopInList(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ("cat && echo after\n")
	w.want("start")
	w.typ("x\n")
	w.want(`"x"`)
	w.typ(ctrlZ)
	w.want("stopped", "prompt")
	w.run("echo between", `"between"`, "end 0")
	w.typ("fg\n")
	w.want("start", `"cat && echo after"`)
	w.typ("y\n")
	w.want(`"y"`)
	w.typ(ctrlD)
	w.want(`"after"`, "end 0", "prompt")
}

func TestWindowPipelineStop(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ("cat | upper | cat\n")
	w.want("start")
	w.typ("x\n")
	w.want(`"X"`)
	w.typ(ctrlZ)
	w.want("stopped", "prompt")
	w.typ("fg\n")
	w.want("start", `"cat | upper | cat"`)
	w.typ("y\n")
	w.want(`"Y"`)
	w.typ(ctrlC)
	w.want("end 130 SIGINT", "prompt")
}

func TestWindowBackground(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ("serve a &\n")
	w.wantInAnyOrder("start", "end 0", "prompt", `"serving a"`)
	w.run("jobs", `"[1]+  Running                 serve a &"`, "end 0")
	w.run("kill -0 $!", "end 0")
	w.run("kill %1; wait %1; echo $?", `"143"`, "end 0")
	w.run("jobs", "end 0")
	w.run("kill %1", `"kill: %1: no such job"`, "end 1")
	w.run("sleep 0 & wait; echo done", `"done"`, "end 0")
	w.run("status 4 & wait $!; echo $?", `"4"`, "end 0")
	w.run("{ status 4; } & wait; jobs", "end 0")
	w.run("kill -STOP nonsense", `"kill: \"nonsense\": a process number was expected"`, `"Usage:"`,
		`"  kill [-s SIGNAL | -SIGNAL] PID..."`, `"  kill -l"`, "end 2")
}

// A job in the background that reads is stopped, as the kernel has it.
func TestWindowBackgroundRead(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.run("cat &", "end 0")
	deadline := time.Now().Add(limit)
	for {
		w.typ("jobs\n")
		w.want("start")
		got := w.next()
		w.want("end 0", "prompt")
		if got == `"[1]+  Stopped                 cat"` {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("jobs says %s; want a stopped cat", got)
		}
	}
	w.typ("fg\n")
	w.want("start", `"cat"`)
	w.typ("line\n" + ctrlD)
	w.want(`"line"`, "end 0", "prompt")
}

// What is typed while a program runs is the program's, in order, and what it
// leaves is the shell's.
func TestWindowTypedAhead(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ("read a; sh -c 'read b; echo $b'; echo $a\none\ntwo\necho three\n")
	w.want("start", `"two"`, `"one"`, "end 0", "prompt", "start", `"three"`, "end 0", "prompt")
}

// Every key at any moment: it reaches the program, or the shell lives.
func TestWindowKeyAtOnce(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	for range 50 {
		w.typ("serve\n")
		w.want("start")
		w.typ(ctrlC)
		w.wantAfterLine(`"serving"`, "end 130 SIGINT")
		w.want("prompt")
	}
	for range 50 {
		w.typ("serve | cat\n")
		w.want("start")
		w.typ(ctrlZ)
		w.wantAfterLine(`"serving"`, "stopped")
		w.want("prompt")
		w.typ("fg\n")
		w.want("start", `"serve | cat"`)
		w.typ(ctrlC)
		w.wantAfterLine(`"serving"`, "end 130 SIGINT")
		w.want("prompt")
	}
	for range 50 { // before fg has said anything
		w.typ("serve\n")
		w.want("start", `"serving"`)
		w.typ(ctrlZ)
		w.want("stopped", "prompt")
		w.typ("fg\n")
		w.want("start")
		w.typ(ctrlC)
		w.wantAfterLine(`"serve"`, "end 130 SIGINT")
		w.want("prompt")
	}
	w.run("jobs", "end 0")
}

// wantAfterLine is want, where a line may come first or not.
func (w *window) wantAfterLine(line, event string) {
	w.t.Helper()
	got := w.next()
	if got == line {
		got = w.next()
	}
	if got != event {
		w.t.Fatalf("got %s; want %s, perhaps after %s\nall events: %v", got, event, line, w.seen)
	}
}

// start, ^Z, fg, ^C, over and over.
func TestWindowRounds(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	for range 50 {
		w.typ("serve\n")
		w.want("start", `"serving"`)
		w.typ(ctrlZ)
		w.want("stopped", "prompt")
		w.typ("fg\n")
		w.want("start", `"serve"`)
		w.typ(ctrlC)
		w.want("end 130 SIGINT", "prompt")
	}
	w.run("jobs", "end 0")
}

// Keys at the prompt do nothing to the shell.
func TestWindowKeysAtPrompt(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	w.typ(ctrlC + ctrlZ + ctrlBackslash)
	w.run("echo alive", `"alive"`, "end 0")
	w.typ("echo 'half\n")
	w.typ(ctrlC)
	w.want("prompt")
	w.run("echo whole", `"whole"`, "end 0")
}

// A program that died in raw mode leaves the terminal as it was.
func TestWindowModes(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	before := modes(t, w.tty)
	w.run("raw", "end 137 SIGKILL")
	after := modes(t, w.tty)
	if before != after {
		t.Errorf("terminal modes are %+v; want %+v", after, before)
	}
	if after.Lflag&unix.NOFLSH == 0 || after.Lflag&unix.ECHO != 0 {
		t.Errorf("terminal modes of a window are %+v; want NOFLSH and no ECHO", after)
	}
}

func TestWindowForeground(t *testing.T) {
	w := openWindow(t)
	w.want("prompt")
	for range 20 {
		w.run("groups; groups | cat", `"true <nil>"`, `"true <nil>"`, "end 0")
	}
}

func TestWindowExit(t *testing.T) {
	for _, test := range []struct {
		typed  string
		status int
	}{{"exit 3\n", 3}, {"status 4\nexit\n", 4}, {ctrlD, 0}, {"status 5\n" + ctrlD, 5}, {"logout\n", 0}} {
		w := openWindow(t)
		w.want("prompt")
		w.typ(test.typed)
		for w.next() != "closed" {
		}
		w.cmd.Wait()
		if got := w.cmd.ProcessState.ExitCode(); got != test.status {
			t.Errorf("after %q the status is %d; want %d", test.typed, got, test.status)
		}
	}
}
