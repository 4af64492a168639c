package shell

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hostlab/lab/program"
)

// runShell runs sh without a terminal.
func runShell(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin(t), "sh"), args...)
	cmd.Env = environment(t, "TERM=xterm")
	cmd.Dir = t.TempDir()
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestScript(t *testing.T) {
	for _, test := range []struct {
		name        string
		stdin       string
		args        []string
		out, errors string
		status      int
	}{
		{name: "command", args: []string{"-c", "echo $0 $1 $#", "a", "b", "c"}, out: "a b 2\n"},
		{name: "command without a name", args: []string{"-c", "echo $0"}, out: "sh\n"},
		{name: "status", args: []string{"-c", "status 3"}, status: 3},
		{name: "exit", args: []string{"-c", "exit 4; echo no"}, status: 4},
		{name: "not found", args: []string{"-c", "nosuch; echo $?"}, out: "127\n", errors: "sh: nosuch: not found\n"},
		{name: "syntax", args: []string{"-c", "echo )"}, errors: "sh: sh:1:6: a command can only contain words and redirects; encountered `)`\n", status: 2},
		{name: "standard input", stdin: "echo one\nstatus 5\n", out: "one\n", status: 5},
		{name: "the rest of standard input is the program's", stdin: "upper\none\ntwo\n", out: "ONE\nTWO\n"},
		{name: "background", args: []string{"-c", "status 6 & wait $!; echo $?; jobs"}, out: "6\n"},
		{name: "kill", args: []string{"-c", "serve & kill $!; wait $!; echo $?"}, out: "serving\n143\n"},
		{name: "background in a loop", args: []string{"-c", "for i in 1 2; do status 0 & done; wait; echo done"}, out: "done\n"},
		{name: "pipe", stdin: "a\n", args: []string{"-c", "upper | cat"}, out: "A\n"},
		{name: "no input for the background", stdin: "a\n", args: []string{"-c", "upper & wait; upper"}, out: "A\n"},
		{name: "trap", args: []string{"-c", "trap 'echo bye' EXIT; echo hi"}, out: "hi\nbye\n"},
		{name: "trap at the end of input", stdin: "trap 'echo bye' EXIT\necho hi\nstatus 3\n", out: "hi\nbye\n", status: 3},
		{name: "errexit", args: []string{"-c", "set -e; status 1; echo no"}, status: 1},
		{name: "no job control", args: []string{"-c", "fg"}, errors: "fg: no job control here\n", status: 1},
		{name: "killed", args: []string{"-c", "sh -c 'kill -KILL $$'; echo $?"}, out: "137\n"},
		{name: "missing file", args: []string{"nosuch.sh"}, errors: "sh: nosuch.sh: No such file or directory\n", status: 127},
		{name: "misuse", args: []string{"-c"}, errors: "sh: -c: a command was expected after it\n" + usage("sh"), status: 2},
		{name: "unknown flag", args: []string{"-Z"}, errors: "sh: unknown shorthand flag: 'Z' in -Z\n" + usage("sh"), status: 2},
		{name: "help", args: []string{"--help"}, out: usage("sh")},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, errors, status := runShell(t, test.stdin, test.args...)
			if test.name == "kill" { // the program may not have come to say a word
				out = strings.TrimPrefix(out, "serving\n")
				test.out = "143\n"
			}
			if out != test.out || errors != test.errors || status != test.status {
				t.Errorf("sh %q printed %q, %q, status %d; want %q, %q, status %d", test.args, out, errors, status, test.out, test.errors, test.status)
			}
		})
	}
}

func TestScriptFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("echo $0 $1\nif true; then\n  echo yes\nfi\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := file + " arg\nyes\n"
	if out, errors, status := runShell(t, "", file, "arg"); out != want || status != 0 {
		t.Errorf("sh FILE printed %q, %q, status %d; want %q", out, errors, status, want)
	}
	// Also when it is called like a program, though it has no "#!".
	if out, errors, status := runShell(t, "", "-c", file+" arg"); out != want || status != 0 {
		t.Errorf("FILE printed %q, %q, status %d; want %q", out, errors, status, want)
	}
}

// The shell runs with any reader and writers, not only files.
func TestRunInProcess(t *testing.T) {
	t.Setenv("PATH", bin(t))
	var out, errs bytes.Buffer
	std := program.Stdio{In: strings.NewReader("upper\nword\n"), Out: &out, Err: &errs}
	if status := Programs()[0].Run(t.Context(), std); status != 0 || out.String() != "WORD\n" || errs.Len() > 0 {
		t.Errorf("status %d, output %q, errors %q; want WORD", status, out.String(), errs.String())
	}
}

// A canceled context ends what runs.
func TestRunCanceled(t *testing.T) {
	t.Setenv("PATH", bin(t))
	ctx, cancel := context.WithCancel(t.Context())
	out := &signalWriter{seen: make(chan struct{})}
	done := make(chan int)
	go func() {
		done <- Programs()[0].Run(ctx, program.Stdio{Out: out, Err: out}, "-c", "serve")
	}()
	<-out.seen
	cancel()
	if status := <-done; status == 0 {
		t.Errorf("status 0 after a cancellation; want another")
	}
}

// A signalWriter closes seen at the first Write.
type signalWriter struct {
	seen chan struct{}
	done bool
}

func (w *signalWriter) Write(b []byte) (int, error) {
	if !w.done {
		w.done = true
		close(w.seen)
	}
	return len(b), nil
}

func TestHelp(t *testing.T) {
	out, errors, status := runShell(t, "", "-c", "help")
	if status != 0 || errors != "" {
		t.Fatalf("help: status %d, %q", status, errors)
	}
	var at []int
	for _, text := range []string{"The book's programs:\n", "  udp_remote ", "This host and its network:\n", "  ip ", "  hostname ",
		"Files and processes:\n", "  kill ", "The shell:\n", "Page 30 first"} {
		at = append(at, strings.Index(out, text))
	}
	if at[0] < 0 || !slices.IsSorted(at) {
		t.Errorf("help does not hold its parts in order (%v):\n%s", at, out)
	}
	for _, line := range strings.Split(out, "\n") {
		if len(line) > 80 && !strings.Contains(line, "(chapter") {
			t.Errorf("a line of help is longer than 80: %q", line)
		}
	}
	if out, _, status := runShell(t, "", "-c", "help await"); status != 0 || !strings.Contains(out, "udp/1060") {
		t.Errorf("help await: status %d, %q", status, out)
	}
	if _, errors, status := runShell(t, "", "-c", "help nosuch"); status != 1 || !strings.HasPrefix(errors, "help: nosuch: no such program\n") {
		t.Errorf("help nosuch: status %d, %q", status, errors)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"ip", "ip", 0}, {"upd", "udp", 1}, {"udp_remot", "udp_remote", 1}, {"fogre", "forge", 1}, {"ss", "ls", 1}, {"await", "wait", 1}, {"a", "abcd", 3}} {
		if got := distance(test.a, test.b, 2); got != test.want {
			t.Errorf("distance(%q, %q) = %d; want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestExecutablesInPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"program": 0o755, "text": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/nonexistent")
	s := &shell{}
	got := s.programs()
	if !slices.Contains(got, "program") || slices.Contains(got, "text") || !slices.Contains(got, "fg") {
		t.Errorf("programs are %q; want program and fg and not text", got)
	}
}
