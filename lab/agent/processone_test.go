//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

// zombies returns the dead children that a process has not reaped.
func zombies(t testing.TB, parent int) (pids []int) {
	t.Helper()
	all, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if s, err := p.Stat(); err == nil && s.PPID == parent && s.State == "Z" {
			pids = append(pids, s.PID)
		}
	}
	return pids
}

// Orphans are reaped, and while they die by the hundred every program of a
// session keeps its own status.
func TestReaping(t *testing.T) {
	c, host := newProcessHost(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 10 {
				status := (i*10 + j) % 256
				args := []string{"say", "", "", fmt.Sprint(status)}
				if j%2 == 0 { // leaves an orphan that ends at once
					args = []string{"orphan", "", "", fmt.Sprint(status)}
				}
				p, err := c.Start(testContext(t), Command{Args: args})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := p.Wait(); err != nil || got.Code != status {
					t.Errorf("%q: %v, %v; want status %d", args, got, err, status)
				}
			}
		})
	}
	all.Wait()
	poll(t, "no zombie", func() bool { return len(zombies(t, host.Pid)) == 0 })
}

// The orphans in TestReaping are the agent's children.
func TestAdopts(t *testing.T) {
	c, host := newProcessHost(t)
	got := run(t, c, Command{Args: []string{"leave", "away"}})
	pid := pidOf(t, strings.TrimSpace(got.Out))
	p, err := procfs.NewProc(pid)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := p.Stat(); err != nil || s.PPID != host.Pid {
		t.Errorf("the parent of an orphan is %d, %v; want the agent, %d", s.PPID, err, host.Pid)
	}
	kill(t, pid)
	poll(t, "reaped", func() bool { return state(t, pid) == "" })
}

// The agent as a process ends with its stdin, and on SIGTERM, with all that it
// started, and with status 0.
func TestAgentEnds(t *testing.T) {
	for name, end := range map[string]func(c *Client, host *agentProcess){
		"stdin":   func(c *Client, _ *agentProcess) { c.Close() },
		"SIGTERM": func(_ *Client, host *agentProcess) { host.Signal(unix.SIGTERM) },
		"SIGINT":  func(_ *Client, host *agentProcess) { host.Signal(unix.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			c, host := newProcessHost(t)
			_, out := start(t, testContext(t), c, Command{Args: []string{"hang"}})
			pids := []int{pidOf(t, out.next(t))}
			got := run(t, c, Command{Args: []string{"leave", "away"}})
			pids = append(pids, pidOf(t, strings.TrimSpace(got.Out)))
			end(c, host)
			if err := host.wait(t); err != nil {
				t.Errorf("the agent ended with %v; want status 0", err)
			}
			for _, pid := range pids {
				if !gone(t, pid) {
					t.Errorf("process %d is alive after the agent's end", pid)
				}
			}
		})
	}
}

// An agent whose output nobody reads any more ends like any other, also when
// its stdin stays open: the write's error, not SIGPIPE, is its end.
func TestAgentStdoutCloses(t *testing.T) {
	noLeak(t)
	p := startAgent(t)
	c := dialTest(t, deaf{p.stream})
	_, out := start(t, testContext(t), c, Command{Args: []string{"bytes", "90000000"}})
	out.next(t)
	p.stream.closers[0].Close()
	if err := p.wait(t); err != nil {
		t.Errorf("the agent ended with %v; want status 0", err)
	}
}

// In a PID namespace of its own the agent is process 1.
func TestProcessOne(t *testing.T) {
	noLeak(t)
	a, b := osPipes(t)
	cmd := exec.Command("agent")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Reader.(*os.File), a.Writer.(*os.File), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWPID | unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		if os.Getenv("HOSTLAB_STRICT") != "" {
			t.Fatal(err)
		}
		t.Skipf("no PID namespaces here: %v", err)
	}
	a.Close()
	c := dialTest(t, b)
	got := run(t, c, Command{Args: []string{"leave", "away"}})
	if got.Status.Code != 5 {
		t.Errorf("leave: %+v; want status 5", got)
	}
	inside := pidOf(t, strings.TrimSpace(got.Out))
	var outside []int
	all, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if s, err := p.Stat(); err == nil && s.PPID == cmd.Process.Pid && s.State != "Z" {
			outside = append(outside, s.PID)
		}
	}
	if inside > 100 || len(outside) != 1 {
		t.Errorf("the orphan has pid %d inside, children of process 1 are %d; want a small one, and one", inside, outside)
	}
	c.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("process 1 ended with %v; want status 0", err)
	}
	for _, pid := range outside {
		poll(t, "killed", func() bool { return gone(t, pid) })
	}
}

// Init greets, reaps, and ends at once on a signal with everything.
func TestInit(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd := exec.Command("init")
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill() })
			name, err := os.Hostname()
			if err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.HasPrefix(line, name+" is up") {
				t.Errorf("first line %q, %v; want %q is up", line, err, name)
			}
			begin := time.Now()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, stdout)
			if err := cmd.Wait(); err != nil {
				t.Errorf("init ended with %v after %v; want status 0", err, time.Since(begin))
			}
		})
	}
}

// What Init looks after are the processes that others started in its host:
// here, those that it adopts from the program which started it.
func TestInitAdopts(t *testing.T) {
	cmd := exec.Command("nursery")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	said := bufio.NewReader(stdout)
	line, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid := pidOf(t, strings.TrimSpace(line))
	// The kernel hands the orphan over before Init runs. A SIGTERM then would
	// end the process as it does any other.
	if greeting, err := said.ReadString('\n'); greeting != "up\n" {
		t.Fatalf("the greeting is %q, %v", greeting, err)
	}
	poll(t, "adopted", func() bool {
		p, err := procfs.NewProc(pid)
		if err != nil {
			return false
		}
		s, err := p.Stat()
		return err == nil && s.PPID == cmd.Process.Pid
	})
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, said)
	if err := cmd.Wait(); err != nil {
		t.Errorf("init ended with %v; want status 0", err)
	}
	if !gone(t, pid) {
		t.Errorf("process %d is alive after init's end", pid)
	}
}

// A person who types "agent" gets words, not SSH.
func TestAgentOnTerminal(t *testing.T) {
	got := run(t, newHost(t), Command{Args: []string{"agent"}, Terminal: &Terminal{}})
	if got.Status.Code != 2 || !strings.HasPrefix(got.Out, "usage: agent\r\n") {
		t.Errorf("agent on a terminal: %+v; want its usage and status 2", got)
	}
}

func TestProgramsMisuse(t *testing.T) {
	for _, p := range Programs() {
		var out, errs bytes.Buffer
		got := p.Run(t.Context(), program.Stdio{In: strings.NewReader(""), Out: &out, Err: &errs}, "extra")
		if got != 2 || out.Len() > 0 || !strings.HasPrefix(errs.String(), "usage: "+p.Name+"\n") {
			t.Errorf("%s extra: status %d, %q, %q; want 2 and its usage on stderr", p.Name, got, &out, &errs)
		}
	}
}

func TestGreeting(t *testing.T) {
	guinness := Facts{
		Host: "guinness",
		Addrs: []Addr{{"eth0", netip.MustParsePrefix("192.168.5.130/24")},
			{"eth1", netip.MustParsePrefix("fd00::1/64")}},
		Others: []Neighbour{{"laptop", netip.MustParseAddr("192.168.5.10")}, {"stranger", netip.MustParseAddr("192.168.5.66")}},
	}
	tests := []struct {
		name  string
		facts Facts
		want  string
	}{
		{"three hosts", guinness, `guinness is up: 192.168.5.130/24 (eth0), fd00::1/64 (eth1)
it knows: laptop 192.168.5.10, stranger 192.168.5.66
type in another terminal, in the directory of compose.yaml:
  docker compose exec guinness udp_remote server 192.168.5.130
  docker compose exec laptop udp_remote client guinness
  docker compose exec guinness sh
`},
		{"alone", Facts{Host: "h1", Addrs: guinness.Addrs[:1]}, `h1 is up: 192.168.5.130/24 (eth0)
type in another terminal, in the directory of compose.yaml:
  docker compose exec h1 udp_remote server 192.168.5.130
  docker compose exec h1 sh
`},
		{"without a network", Facts{Host: "h1"}, `h1 is up
type in another terminal, in the directory of compose.yaml:
  docker compose exec h1 sh
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Greeting(test.facts)); diff != "" {
				t.Errorf("greeting differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOthers(t *testing.T) {
	const hosts = `127.0.0.1	localhost # not a host
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff02::1	ip6-allnodes
192.168.5.10	laptop laptop.lan
192.168.5.66
junk	more junk
192.168.5.130	guinness
192.168.5.130	also-guinness
fd00::10	laptop
192.168.5.66 stranger#x
`
	facts := Facts{Host: "guinness", Addrs: []Addr{{"eth0", netip.MustParsePrefix("192.168.5.130/24")}}}
	want := []Neighbour{{"laptop", netip.MustParseAddr("192.168.5.10")}, {"stranger", netip.MustParseAddr("192.168.5.66")}}
	got := others(strings.NewReader(hosts), facts)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("others differ (-want +got):\n%s", diff)
	}
}
