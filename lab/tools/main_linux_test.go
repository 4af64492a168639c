package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hostlab/lab/program"
)

// limit is how long a test waits for anything. It makes nothing pass.
const limit = 30 * time.Second

// TestMain makes the test binary one of the tools when asked to, and holds a
// socket when asked for that.
func TestMain(m *testing.M) {
	if name := os.Getenv("TOOLS_TEST_RUN"); name != "" {
		os.Unsetenv("TOOLS_TEST_RUN")
		s := program.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
		os.Exit(byName(name).Run(context.Background(), s, os.Args[1:]...))
	}
	os.Exit(m.Run())
}

func byName(name string) program.Program {
	list := Programs()
	return list[slices.IndexFunc(list, func(p program.Program) bool { return p.Name == name })]
}

// tool runs a tool in this process.
func tool(t testing.TB, name string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return toolWith(t, "", name, args...)
}

func toolWith(t testing.TB, stdin, name string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	status = byName(name).Run(ctx, program.Stdio{In: strings.NewReader(stdin), Out: &out, Err: &errs}, args...)
	return out.String(), errs.String(), status
}

// must is tool, where nothing may go wrong.
func must(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, errs, status := tool(t, name, args...)
	if status != 0 || errs != "" {
		t.Fatalf("%s %q: status %d, %q", name, args, status, errs)
	}
	return out
}

// A host is a network namespace with processes in it, that nobody else sees.
// It has no interface but lo, which is down.
type host struct {
	t *testing.T
}

// newHost checks that this computer lets us have namespaces; a test which
// needs one is skipped where it does not, but fails when HOSTLAB_STRICT is set.
func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t}
	cmd := h.command("true")
	if err := cmd.Run(); err != nil {
		if os.Getenv("HOSTLAB_STRICT") != "" {
			t.Fatalf("no network namespace, and HOSTLAB_STRICT is set: %v", err)
		}
		t.Skipf("this computer gives us no network namespace: %v", err)
	}
	return h
}

// command is a tool in a new namespace of its own.
func (h *host) command(name string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "TOOLS_TEST_RUN="+name)
	cmd.SysProcAttr = namespace()
	return cmd
}

// namespace makes a child root of namespaces of its own.
func namespace() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// inHost runs the test that calls it once more, alone and in a namespace of
// its own, and reports its outcome. It returns true in there.
func inHost(t *testing.T) bool {
	t.Helper()
	if os.Getenv("TOOLS_TEST_IN_HOST") != "" {
		return true
	}
	h := newHost(t)
	cmd := h.command("", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), "TOOLS_TEST_IN_HOST=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in a namespace of its own: %v\n%s", err, out)
	} else if !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in a namespace of its own it did not run:\n%s", out)
	}
	return false
}

// openSocket opens a socket and closes it with the test.
func openSocket(t testing.TB, network, addr string) (closer io.Closer, port int) {
	t.Helper()
	if strings.HasPrefix(network, "udp") {
		c, err := net.ListenPacket(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c, c.LocalAddr().(*net.UDPAddr).Port
	}
	lc := net.ListenConfig{}
	lc.SetMultipathTCP(false)
	c, err := lc.Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, c.Addr().(*net.TCPAddr).Port
}

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Programs() {
		if seen[p.Name] || p.Summary == "" || strings.HasSuffix(p.Summary, ".") || p.Run == nil {
			t.Errorf("program %q: twice, or with the summary %q", p.Name, p.Summary)
		}
		seen[p.Name] = true
		if runs()[p.Name] == nil {
			t.Errorf("program %q does nothing", p.Name)
		}
		if len("  ")+max(14, len(p.Name))+1+len(p.Summary) > 80 {
			t.Errorf("program %q: its line in a list is longer than 80", p.Name)
		}
	}
	for name := range runs() {
		if !seen[name] {
			t.Errorf("program %q is in no list", name)
		}
	}
}

// Help goes to standard output with status 0, misuse to standard error with
// status 2 and the usage.
func TestHelpAndMisuse(t *testing.T) {
	for _, p := range Programs() {
		if p.Name == "true" || p.Name == "false" {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			out, errs, status := tool(t, p.Name, "--help")
			if status != 0 || errs != "" || !strings.Contains(out, p.Name) {
				t.Errorf("--help: status %d, %q, errors %q", status, out, errs)
			}
			for _, line := range strings.Split(out, "\n") {
				if len(line) > 80 && fileTools()[p.Name] == nil {
					t.Errorf("--help: line of %d: %q", len(line), line)
				}
			}
			out, errs, status = tool(t, p.Name, "--no-such-flag")
			if status != 2 || out != "" || !strings.Contains(errs, "sage") {
				t.Errorf("--no-such-flag: status %d, output %q, errors %q", status, out, errs)
			}
		})
	}
}

func TestMisuse(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"ip", "ip: addr, link, route or neigh was expected"},
		{"ip nonsense", `ip: "nonsense": addr, link, route or neigh was expected`},
		{"ip addr nonsense", `ip: "nonsense": show, add, delete was expected`},
		{"ip addr show lo lo", `ip: "lo": unexpected word`},
		{"ip addr add 10.0.0.1/24", "ip: dev IF was expected"},
		{"ip addr add nonsense dev lo", `ip: "nonsense": ADDRESS/LENGTH was expected`},
		{"ip link set lo", "ip: link set: an interface and up, down or mtu N were expected"},
		{"ip link set lo sideways", `ip: "sideways": up, down or mtu N was expected`},
		{"ip link set lo mtu much", `ip: mtu "much": a number of bytes was expected`},
		{"ip route add", "ip: a prefix, an address or default was expected"},
		{"ip route add 10.0.0.0/8 via here", `ip: via "here": an address was expected`},
		{"ip route get nowhere", `ip: route get "nowhere": an address was expected`},
		{"ss nonsense", `ss: "nonsense": unexpected word`},
		{"ping", "ping: one host was expected"},
		{"ping -i 0 localhost", "ping: -W 10 -i 0: seconds were expected, -i at least 0.001"},
		{"nc localhost", "nc: a host and a port were expected"},
		{"nc -l", "nc: -l: one port to listen at was expected"},
		{"nc -l 70000", `nc: port "70000": a number up to 65535 was expected`},
		{"nc -s here localhost 1", `nc: -s "here": an address of this host was expected`},
		{"nc -w never localhost 1", `nc: -w "never": a number of seconds was expected`},
		{"forge hello", "forge: --from ADDRESS:PORT was expected"},
		{"forge --from 10.0.0.1:1 hello", "forge: --to ADDRESS:PORT was expected"},
		{"forge --from [::1]:1 --to 10.0.0.1:1 hello", `forge: --from "[::1]:1": an IPv4 ADDRESS:PORT was expected`},
		{"forge --from 10.0.0.1:1 --to 10.0.0.1:1", "forge: one text was expected; quote it"},
		{"await", "await: one socket was expected, such as udp/1060"},
		{"await 1060", `await: "1060": udp/PORT or tcp/PORT was expected`},
		{"await udp/0", `await: "udp/0": a port from 1 to 65535, or ADDRESS:PORT, was expected`},
		{"await udp/guinness:1060", `await: "udp/guinness:1060": a port from 1 to 65535, or ADDRESS:PORT, was expected`},
		{"sysctl", "sysctl: a setting was expected, such as net.ipv4.ip_forward"},
		{"sysctl kernel.hostname=x", `sysctl: "kernel.hostname": a setting below net. was expected`},
		{"sysctl net/../kernel/hostname=x", `sysctl: "net/../kernel/hostname": a setting below net. was expected`},
		{"sleep", "sleep: one time was expected"},
		{"sleep long", `sleep: "long": seconds, or a number with ms, s, m or h, were expected`},
		{"ifconfig lo down", `ifconfig: "down": ifconfig changes nothing here; see ip --help`},
		{"kill", "kill: a process number was expected"},
		{"kill -NONSENSE 1", "kill: NONSENSE: no such signal"},
		{"date now", `date: "now": one +FORMAT was expected`},
		{"hostname guinness", `hostname: "guinness": unexpected word`},
	} {
		words := strings.Fields(test.line)
		out, errs, status := tool(t, words[0], words[1:]...)
		first, _, _ := strings.Cut(errs, "\n")
		if status != 2 || out != "" || first != test.want || !strings.Contains(errs, "Usage:") {
			t.Errorf("%s: status %d, output %q, errors %q; want status 2, %q and the usage", test.line, status, out, errs, test.want)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"ip addr show nosuch0", "ip: dev nosuch0: No such device\n"},
		{"ip route add 203.0.113.0/24 via 203.0.113.1", "ip: route 203.0.113.0/24 via 203.0.113.1: Network is unreachable\n"},
		{"ifconfig nosuch0", "ifconfig: dev nosuch0: No such device\n"},
		{"sysctl net.nosuch", "sysctl: net.nosuch: No such file or directory\n"},
		{"kill 999999999", "kill: 999999999: No such process\n"},
		{"cat /nosuch", "cat: open /nosuch: No such file or directory\n"},
		{"env /nosuch", "env: /nosuch: No such file or directory\n"},
		{"nc 127.0.0.1 1", "nc: 127.0.0.1:1: Connection refused\n"},
	} {
		words := strings.Fields(test.line)
		out, errs, status := tool(t, words[0], words[1:]...)
		if status == 0 || status == 2 || out != "" || errs != test.want {
			t.Errorf("%s: status %d, output %q, errors %q; want %q", test.line, status, out, errs, test.want)
		}
	}
}

func TestSimple(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if got := must(t, "hostname"); got != name+"\n" {
		t.Errorf("hostname: %q; want %q", got, name)
	}
	if got := must(t, "uname", "-sn"); got != "Linux "+name+"\n" {
		t.Errorf("uname -sn: %q", got)
	}
	if got, want := must(t, "id", "-u"), fmt.Sprintln(os.Getuid()); got != want {
		t.Errorf("id -u: %q; want %q", got, want)
	}
	must(t, "sleep", "0.001")
	must(t, "sleep", "1ms")
	must(t, "true")
	if _, _, status := tool(t, "false"); status != 1 {
		t.Errorf("false: status %d; want 1", status)
	}
	if got := must(t, "date", "-u", "+%Y"); len(got) != 5 {
		t.Errorf("date +%%Y: %q; want a year", got)
	}
	at := time.Date(2014, 5, 6, 7, 8, 9, 12, time.UTC)
	if got, want := strftime(at, "%F %T.%N %s %z %%"), "2014-05-06 07:08:09.000000012 1399360089 +0000 %"; got != want {
		t.Errorf("strftime: %q; want %q", got, want)
	}
}

func TestEnv(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-i", "A=1", "TOOLS_TEST_RUN=env", self, "-u", "A", "B=2")
	cmd.Env = append(os.Environ(), "TOOLS_TEST_RUN=env")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "B=2\n" {
		t.Errorf("env -i A=1 env -u A B=2: %q, %v; want B=2", out, err)
	}
	cmd = exec.Command(self, "/nosuch")
	cmd.Env = append(os.Environ(), "TOOLS_TEST_RUN=env")
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 127 {
		t.Errorf("env /nosuch: %v; want exit status 127", err)
	}
}

func TestKill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"-TERM"}, {"-SIGTERM"}, {"-15"}, {"-s", "term"}, {"--"}} {
		cmd := exec.Command(self, "infinity")
		cmd.Env = append(os.Environ(), "TOOLS_TEST_RUN=sleep")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		must(t, "kill", append(args, fmt.Sprint(cmd.Process.Pid))...)
		cmd.Wait()
		if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGTERM {
			t.Errorf("kill %q: the process ended with %v; want SIGTERM", args, cmd.ProcessState)
		}
	}
	if got := must(t, "kill", "-l"); !strings.Contains(got, " 2) SIGINT\n") {
		t.Errorf("kill -l: %q", got)
	}
}

func TestFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, "mkdir", "-p", "a/b")
	must(t, "touch", "a/f")
	if err := os.WriteFile("a/f", []byte("text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, "cp", "a/f", "a/g")
	must(t, "mv", "a/g", "a/b/h")
	if got := must(t, "cat", "a/b/h", "a/f"); got != "text\ntext\n" {
		t.Errorf("cat: %q", got)
	}
	if got := must(t, "ls", "a"); got != "b\nf\n" {
		t.Errorf("ls: %q", got)
	}
	if got := must(t, "find", "a"); !strings.Contains(got, filepath.Join("a", "b", "h")+"\n") {
		t.Errorf("find: %q", got)
	}
	must(t, "rm", "-r", "a")
	if got := must(t, "ls"); got != "" {
		t.Errorf("ls after rm: %q", got)
	}
	if got, _, status := toolWith(t, "input", "cat"); got != "input" || status != 0 {
		t.Errorf("cat of standard input: %q, status %d", got, status)
	}
	for _, name := range []string{"cp", "mv", "rm", "mkdir", "touch"} {
		if _, errs, status := tool(t, name); status != 2 || !strings.Contains(errs, "Usage: ") {
			t.Errorf("%s: status %d, %q; want 2 and the usage", name, status, errs)
		}
	}
}
