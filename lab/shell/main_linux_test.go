package shell

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"hostlab/lab/program"
	"hostlab/lab/tools"
)

// limit is how long a test waits for anything. It makes nothing pass.
const limit = 30 * time.Second

// TestMain makes the test binary a host's binary when it is called by the name
// of a program.
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if name == "serve" {
		QuitByDefault()
	}
	for _, p := range programs() {
		if p.Name == name {
			s := program.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
			os.Exit(p.Run(context.Background(), s, os.Args[1:]...))
		}
	}
	status := m.Run()
	if dir := binDir.dir; dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(status)
}

// programs are the shell, the tools and what only tests need.
func programs() []program.Program {
	test := func(name string, run func(s program.Stdio, args []string) int) program.Program {
		return program.Program{Name: name, Run: func(_ context.Context, s program.Stdio, args ...string) int { return run(s, args) }}
	}
	return slices.Concat(Programs(), tools.Programs(), []program.Program{
		// serve says that it is there, and stays.
		test("serve", func(s program.Stdio, args []string) int {
			fmt.Fprintln(s.Out, strings.Join(append([]string{"serving"}, args...), " "))
			select {}
		}),
		// status ends with the status that it is told.
		test("status", func(s program.Stdio, args []string) int {
			n := 0
			fmt.Sscan(args[0], &n)
			return n
		}),
		// raw puts the terminal into raw mode and dies of a signal.
		test("raw", func(s program.Stdio, args []string) int {
			if _, err := term.MakeRaw(0); err != nil {
				fmt.Fprintln(s.Err, err)
				return 1
			}
			unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}),
		// polite catches SIGINT, and ends when it comes.
		test("polite", func(s program.Stdio, args []string) int {
			c := make(chan os.Signal, 1)
			signal.Notify(c, unix.SIGINT)
			fmt.Fprintln(s.Out, "waiting")
			<-c
			fmt.Fprintln(s.Out, "goodbye")
			return 0
		}),
		// upper prints each line in capitals as it comes.
		test("upper", func(s program.Stdio, args []string) int {
			for lines := bufio.NewScanner(s.In); lines.Scan(); {
				fmt.Fprintln(s.Out, strings.ToUpper(lines.Text()))
			}
			return 0
		}),
		// open prints the process group in front and its own.
		test("groups", func(s program.Stdio, args []string) int {
			front, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
			fmt.Fprintln(s.Out, front == unix.Getpgrp(), err)
			return 0
		}),
	})
}

var binDir struct {
	once sync.Once
	dir  string
}

// bin returns a directory with a link to the test binary for each program.
func bin(t testing.TB) string {
	t.Helper()
	binDir.once.Do(func() {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if binDir.dir, err = os.MkdirTemp("", "shell-bin-"); err != nil {
			t.Fatal(err)
		}
		for _, p := range programs() {
			if err := os.Symlink(self, filepath.Join(binDir.dir, p.Name)); err != nil {
				t.Fatal(err)
			}
		}
	})
	return binDir.dir
}

// environment is a host's: its programs, and a home of its own.
func environment(t testing.TB, more ...string) []string {
	env := []string{"PATH=" + bin(t), "HOME=" + t.TempDir(), "LANG=C"}
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		env = append(env, "GOCOVERDIR="+dir)
	}
	return append(env, more...)
}
