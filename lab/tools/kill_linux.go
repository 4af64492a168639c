package tools

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

const killUsage = `Usage:
  kill [-s SIGNAL | -SIGNAL] PID...
  kill -l
`

const killHelp = `Sends a signal, SIGTERM unless told, to processes.

` + killUsage + `
SIGNAL is a name, with or without SIG, or a number; 0 only asks whether the
process is there. A negative PID, after a signal or --, is a process group. In
the shell, %N is job N.

Examples:
  kill 42
  kill -STOP 42
  kill -s CONT 42

Exit status:
  0 sent to all, 1 not to all, 2 misuse
`

// kill has no flag parser: "-9" and "-STOP" are its flags.
func kill(_ context.Context, s program.Stdio, args ...string) int {
	wrong := func(format string, args ...any) int {
		fmt.Fprintf(s.Err, "kill: "+format+"\n%s", append(args, killUsage)...)
		return 2
	}
	if len(args) == 0 {
		return wrong("a process number was expected")
	}
	sig := unix.SIGTERM
	switch first := args[0]; {
	case first == "-h" || first == "--help":
		io.WriteString(s.Out, killHelp)
		return 0
	case first == "-l":
		listSignals(s.Out)
		return 0
	case first == "--":
		args = args[1:]
	case first == "-s" && len(args) > 1:
		first, args = "-"+args[1], args[1:]
		fallthrough
	case strings.HasPrefix(first, "-"):
		var ok bool
		if sig, ok = signalByName(first[1:]); !ok {
			return wrong("%s: no such signal", first[1:])
		}
		if args = args[1:]; len(args) > 0 && args[0] == "--" {
			args = args[1:]
		}
	}
	if len(args) == 0 {
		return wrong("a process number was expected")
	}
	status := 0
	for _, word := range args {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return wrong("%q: a process number was expected", word)
		}
		if err := send(pid, sig); err != nil {
			complain(s.Err, "kill", fmt.Errorf("%d: %w", pid, err))
			status = 1
		}
	}
	return status
}

// send is kill(2). A signal to this very process has happened when it returns:
// it goes to this thread, and not to any that may take it later.
func send(pid int, sig unix.Signal) error {
	if pid != unix.Getpid() {
		return unix.Kill(pid, sig)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return unix.Tgkill(pid, unix.Gettid(), sig)
}

// signalByName knows "TERM", "SIGTERM", "term" and "15".
func signalByName(name string) (unix.Signal, bool) {
	if n, err := strconv.Atoi(name); err == nil {
		return unix.Signal(n), n >= 0 && n <= 64
	}
	name = strings.ToUpper(name)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	sig := unix.SignalNum(name)
	return sig, sig != 0
}

func listSignals(w io.Writer) {
	for n := unix.Signal(1); n < 32; n++ {
		fmt.Fprintf(w, "%2d) %s\n", int(n), unix.SignalName(n))
	}
}
