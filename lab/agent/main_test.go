//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"hostlab/lab/mark"
	"hostlab/lab/program"
	"hostlab/lab/shell"
)

// The test binary is also every program that the tests run on a host: its
// PATH begins with a folder of links to it, and the name decides.
var programs = map[string]func(args []string) int{
	"args":    printArgs,
	"bytes":   printBytes,
	"catch":   catch,
	"copy":    func([]string) int { io.Copy(os.Stdout, os.Stdin); return 0 },
	"die":     die,
	"hang":    hang,
	"leave":   leave,
	"nursery": nursery,
	"orphan":  orphan,
	"say":     say,
	"session": printSession,
	"sh":      standInShell,
	"size":    printSizes,
	"value":   func(args []string) int { fmt.Printf("%q\n", os.Getenv(args[0])); return 0 },
	"agent":   processOneProgram,
	"init":    processOneProgram,
}

func TestMain(m *testing.M) {
	if run, ok := programs[filepath.Base(os.Args[0])]; ok {
		os.Exit(run(os.Args[1:]))
	}
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		panic(err)
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	for name := range programs {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "denied"), nil, 0o644)
	os.WriteFile(filepath.Join(dir, "junk"), []byte("\x00\x01"), 0o755)
	os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // else each program takes a second to end
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func processOneProgram(args []string) int { return runProgram(Programs(), args) }

func runProgram(programs []program.Program, args []string) int {
	for _, p := range programs {
		if p.Name == filepath.Base(os.Args[0]) {
			return p.Run(context.Background(), program.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, args...)
		}
	}
	return 3
}

// say OUT ERR STATUS
func say(args []string) int {
	fmt.Print(args[0])
	fmt.Fprint(os.Stderr, args[1])
	status, _ := strconv.Atoi(args[2])
	return status
}

func printArgs(args []string) int {
	raw := make([][]byte, len(args))
	for i := range args {
		raw[i] = []byte(args[i]) // JSON strings would not keep all bytes
	}
	json.NewEncoder(os.Stdout).Encode(raw)
	return 0
}

// bytes COUNT writes that many, in lines that tell their number.
func printBytes(args []string) int {
	count, _ := strconv.Atoi(args[0])
	os.Stdout.Write(pattern(count))
	return 0
}

// pattern is count bytes of numbered lines. The numbers begin again now and
// then, after a length that is no power of two.
func pattern(count int) []byte {
	block := make([]byte, 0, min(count, 1e6)+16)
	for i := 0; len(block) < min(count, 1e6); i++ {
		block = append(strconv.AppendInt(block, int64(i), 10), '\n')
	}
	return bytes.Repeat(block, count/len(block)+1)[:count]
}

// hang says its pid and stays.
func hang([]string) int {
	fmt.Println(os.Getpid())
	select {}
}

// die SIGNAL dies of it.
func die(args []string) int {
	n, _ := signalNumber(args[0])
	unix.Kill(os.Getpid(), syscall.Signal(n))
	select {}
}

// catch says each signal that it gets, until TERM.
func catch([]string) int {
	c := make(chan os.Signal, 8)
	signal.Notify(c, unix.SIGHUP, unix.SIGUSR1, unix.SIGWINCH, unix.SIGTERM)
	fmt.Println("ready")
	for s := range c {
		fmt.Println(signalName(int(s.(syscall.Signal))))
		if s == unix.SIGTERM {
			return 7
		}
	}
	return 0
}

// leave MODE leaves "hang" running, which keeps stdout open, and ends at once.
// With "away" hang is in a session of its own, with "group" in a group of its
// own, with "quiet" without our output.
func leave(args []string) int {
	c := exec.Command("hang")
	pid := &strings.Builder{}
	r, w, _ := os.Pipe()
	c.Stdout, c.Stderr = w, os.Stdout
	if args[0] == "quiet" {
		c.Stderr = nil
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: args[0] == "away", Setpgid: args[0] == "group"}
	if err := c.Start(); err != nil {
		fmt.Println(err)
		return 1
	}
	line, _ := bufio.NewReader(r).ReadString('\n')
	pid.WriteString(line)
	fmt.Print(pid)
	return 5
}

// orphan OUT ERR STATUS is say, but leaves a child that ends soon.
func orphan(args []string) int {
	if c := exec.Command("say", "", "", "1"); c.Start() != nil {
		return 99
	}
	return say(args)
}

// nursery leaves an orphan, says its pid, and becomes Init, which says when it
// takes signals.
func nursery([]string) int {
	if err := children.adopt(); err != nil {
		fmt.Println(err)
		return 1
	}
	c, err := children.start("/proc/self/exe", []string{"leave", "away"}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}, Env: os.Environ()})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	<-c.done
	return Init(context.Background(), os.Stdout, "up\n")
}

// A sessionFacts says what a program sees of its session and terminal.
type sessionFacts struct {
	Leader, OwnGroup, Foreground bool
	Controlling                  bool // /dev/tty opens
	Columns, Rows                int
	Echo, Onlcr, Noflsh, Ctl     bool
	Intr                         byte
	Term                         string
}

func printSession([]string) int {
	var f sessionFacts
	sid, _ := unix.Getsid(0)
	f.Leader = sid == os.Getpid()
	f.OwnGroup = unix.Getpgrp() == os.Getpid()
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		f.Controlling = true
		pgrp, _ := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
		f.Foreground = pgrp == os.Getpid()
	}
	if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
		f.Columns, f.Rows = int(size.Col), int(size.Row)
	}
	if t, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		f.Echo, f.Onlcr = t.Lflag&unix.ECHO != 0, t.Oflag&unix.ONLCR != 0
		f.Noflsh, f.Ctl, f.Intr = t.Lflag&unix.NOFLSH != 0, t.Lflag&unix.ECHOCTL != 0, t.Cc[unix.VINTR]
	}
	f.Term = os.Getenv("TERM")
	json.NewEncoder(os.Stdout).Encode(f)
	return 0
}

// size says the terminal's size now and after each change.
func printSizes([]string) int {
	c := make(chan os.Signal, 8)
	signal.Notify(c, unix.SIGWINCH)
	for {
		size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Printf("%dx%d\n", size.Col, size.Row)
		<-c
	}
}

// standInShell is a window's shell as small as can be: each line is a program
// with its arguments, run in a process group of its own in the foreground.
func standInShell(args []string) int {
	if os.Getenv(realShell) != "" {
		return runProgram(shell.Programs(), args)
	}
	if os.Getenv(mark.WindowEnv) != "1" {
		fmt.Println("not a window")
		return 9
	}
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTSTP)
	signal.Ignore(unix.SIGTTOU)
	in := bufio.NewReader(os.Stdin)
	for {
		mark.WritePrompt(os.Stdout)
		line, err := in.ReadString('\n')
		if err != nil {
			return 4
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		mark.WriteStart(os.Stdout)
		runInFront(words)
	}
}

func runInFront(words []string) {
	path, err := lookPath(words[0], os.Getenv("PATH"))
	if err != nil {
		fmt.Println(words[0] + ": not found")
		mark.WriteEnd(os.Stdout, 127, "")
		return
	}
	pid, err := syscall.ForkExec(path, words, &syscall.ProcAttr{
		Env: mark.Environ(os.Environ()), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: true},
	})
	if err != nil {
		fmt.Println(err)
		mark.WriteEnd(os.Stdout, 126, "")
		return
	}
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil); err != unix.EINTR {
			break
		}
	}
	unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpgrp())
	switch {
	case status.Stopped():
		mark.WriteStopped(os.Stdout)
	case status.Signaled():
		mark.WriteEnd(os.Stdout, 128+int(status.Signal()), "SIG"+signalName(int(status.Signal())))
	default:
		mark.WriteEnd(os.Stdout, status.ExitStatus(), "")
	}
}
