package netns_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"hostlab/lab/agent"
	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// A host is a machine of its own: its name, its files, its processes, its
// network, and no more rights than in a container.
func TestHost(t *testing.T) {
	top := lan("192.168.5.0/24", 2)
	top.Hosts[0].Name, top.Hosts[1].Aliases = "laptop", []string{"www"}
	l := up(t, top)
	c := dial(t, l, "laptop")

	for _, want := range []struct {
		args []string
		says string
	}{
		{[]string{"hostname"}, "laptop\n"},
		{[]string{"cat", "/etc/hostname"}, "laptop\n"},
		{[]string{"cat", "/etc/hosts"}, "192.168.5.2\twww\n192.168.5.1\tlaptop\n"},
		{[]string{"cat", "/proc/sys/net/ipv4/icmp_ratelimit"}, "0\n"},
		{[]string{"cat", "/proc/sys/net/ipv4/ip_forward"}, "0\n"},
		{[]string{"cat", "/proc/self/status"}, "CapEff:\t0000000000003400"},
		{[]string{"cat", "/proc/self/status"}, "CapBnd:\t0000000000003400"},
		{[]string{"cat", "/proc/self/status"}, "NoNewPrivs:\t1"},
		{[]string{"ip", "addr"}, "inet 192.168.5.1/24 brd 192.168.5.255 scope global eth0"},
		{[]string{"ip", "addr"}, "link/ether 02:42:c0:a8:05:01"},
		{[]string{"sh", "-c", "echo x > /tmp/x && cat /tmp/x"}, "x\n"},
		{[]string{"ping", "-c", "1", "www"}, "1 received"},
		{[]string{"udp_remote", "--help"}, "udp_remote client"},
	} {
		if got := c.run(0, want.args...); !strings.Contains(got, want.says) {
			t.Errorf("%s: no %q in\n%s", strings.Join(want.args, " "), want.says, got)
		}
	}
	c.run(2, "ping", "-c", "1", "nobody")
	for _, args := range [][]string{
		{"sh", "-c", "echo x > /bin/x"},
		{"sh", "-c", "echo x > /etc/hosts"},
		{"sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"},
		{"sh", "-c", "cat /home/* /usr/* /var/*"},
	} {
		if got := c.run(1, args...); got == "" {
			t.Errorf("%s: said nothing", strings.Join(args, " "))
		}
	}
	if processes := strings.Fields(c.run(0, "sh", "-c", "cd /proc; echo [0-9]*")); len(processes) > 2 || processes[0] != "1" {
		t.Errorf("processes %q; want process 1 and the shell", processes)
	}
}

// The lab as an unprivileged user, where the tests run as root: the same tests
// in another process.
func TestAsNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("all tests run as an unprivileged user already")
	}
	cmd := self(t, "test", "-test.run", "^(TestHost|TestCutAndJoin|TestPause|TestKillHost|TestIPv6|TestStaticNeighbours|TestComputerUntouched|TestKilled)$", "-test.v")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("--- SKIP")) || bytes.Count(out, []byte("--- PASS: Test")) < 8 {
		t.Errorf("%v\n%s", err, out)
	}
}

// What a host's kernel is, before anything runs there: it answers.
func TestHostWithoutProcess(t *testing.T) {
	l := up(t, lan("192.168.5.0/24", 2))
	c := dial(t, l, "h0")
	c.run(0, "ping", "-c", "1", "h1")
	if err := l.Kill(t.Context(), "h1"); err != nil {
		t.Fatal(err)
	}
	c.run(1, "ping", "-c", "1", "-W", "0.2", "h1")
	if _, err := l.Dial(t.Context(), "h1"); err == nil {
		t.Error("a killed host can be dialed")
	}
}

func TestCutAndJoin(t *testing.T) {
	top := lan("192.168.5.0/24", 2)
	top.Hosts[0].Routes = []topology.Route{{To: netip.MustParsePrefix("10.9.0.0/16"), Via: netip.MustParseAddr("192.168.5.2")}}
	top.Hosts[1].Interfaces[0].Addrs = []netip.Addr{netip.MustParseAddr("192.168.5.2")}
	l := up(t, top)
	c := dial(t, l, "h0")
	before := c.run(0, "ip", "addr") + c.run(0, "ip", "route")
	if !strings.Contains(before, "10.9.0.0/16 via 192.168.5.2") {
		t.Errorf("no route in\n%s", before)
	}
	ctx := t.Context()
	if err := l.Cut(ctx, "h0", "lan"); err != nil {
		t.Fatal(err)
	}
	if got := c.run(0, "ip", "route"); got != "" {
		t.Errorf("without a cable it has the routes\n%s", got)
	}
	c.run(2, "ping", "-c", "1", "192.168.5.2") // ENETUNREACH
	if err := l.Join(ctx, "h0", "lan"); err != nil {
		t.Fatal(err)
	}
	// The number of the other end of the cable is in the first line.
	if after := c.run(0, "ip", "addr") + c.run(0, "ip", "route"); after != before {
		t.Errorf("after a join\n%s\nbefore the cut\n%s", after, before)
	}
	c.run(0, "ping", "-c", "1", "192.168.5.2")

	for _, wrong := range []error{
		l.Join(ctx, "h0", "lan"), l.Cut(ctx, "h0", "wan"), l.Cut(ctx, "h9", "lan"),
	} {
		if wrong == nil || !strings.HasPrefix(wrong.Error(), "netns: host ") {
			t.Errorf("a cable that is not there: %v", wrong)
		}
	}
}

// A paused host answers by its kernel and not by its programs; what was
// stopped before stays stopped when it goes on.
func TestPause(t *testing.T) {
	l := up(t, lan("192.168.5.0/24", 2))
	h0, h1 := dial(t, l, "h0"), dial(t, l, "h1")
	ctx := t.Context()
	var out, errs bytes.Buffer
	asleep, err := h1.Start(ctx, agent.Command{Args: []string{"sleep", "1000"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h1.Start(ctx, agent.Command{Args: []string{"udp_remote", "server", ""}, Stdout: &out, Stderr: &errs})
	if err != nil {
		t.Fatal(err)
	}
	h1.run(0, "await", "udp/1060")
	if err := asleep.Signal("STOP"); err != nil {
		t.Fatal(err)
	}
	stopped := func() bool {
		return strings.Contains(h1.run(0, "sh", "-c", "cat /proc/[0-9]*/stat"), "(sleep) T ")
	}
	until(t, "sleep is stopped", stopped)

	if err := l.Pause(ctx, "h1"); err != nil {
		t.Fatal(err)
	}
	h0.run(0, "ping", "-c", "1", "h1")
	h0.run(1, "udp_remote", "client", "h1")
	if err := l.Pause(ctx, "h1"); err == nil {
		t.Error("paused twice")
	}
	if err := l.Resume(ctx, "h1"); err != nil {
		t.Fatal(err)
	}
	if got := h0.run(0, "udp_remote", "client", "h1"); !strings.Contains(got, "Your data was 23 bytes") {
		t.Errorf("after the pause: %s", got)
	}
	if !stopped() {
		t.Error("the stopped process goes on with the host")
	}
	if err := l.Resume(ctx, "h1"); err == nil {
		t.Error("resumed twice")
	}
}

// A host that is paused before anything ran there does not run anything either.
func TestPauseBeforeDial(t *testing.T) {
	l := up(t, lan("192.168.5.0/24", 1))
	if err := l.Pause(t.Context(), "h0"); err != nil {
		t.Fatal(err)
	}
	stream, err := l.Dial(t.Context(), "h0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		c, err := agent.Dial(stream)
		if err == nil {
			defer c.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("its agent answered: %v", err)
	default:
	}
	if err := l.Resume(t.Context(), "h0"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestKillHost(t *testing.T) {
	l := up(t, lan("192.168.5.0/24", 2))
	h0, h1 := dial(t, l, "h0"), dial(t, l, "h1")
	ctx := t.Context()
	p, err := h1.Start(ctx, agent.Command{Args: []string{"sleep", "1000"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Kill(ctx, "h1"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); !errors.Is(err, agent.ErrGone) {
		t.Errorf("a program of a killed host: %v; want that the host is gone", err)
	}
	h0.run(1, "ping", "-c", "1", "-W", "0.2", "192.168.5.2")
	for what, err := range map[string]error{
		"kill": l.Kill(ctx, "h1"), "pause": l.Pause(ctx, "h1"), "resume": l.Resume(ctx, "h1"), "join": l.Join(ctx, "h1", "lan"),
	} {
		if err == nil {
			t.Errorf("%s of a killed host succeeds", what)
		}
	}
	// A host ends with its stream, and is then as dead as one that was killed.
	h0.Close()
	until(t, "h0 has ended", func() bool { return l.Cut(ctx, "h0", "lan") != nil })
	if err := l.Down(ctx); err != nil {
		t.Error(err)
	}
	if err := l.Down(ctx); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if err := l.Pause(ctx, "h0"); err == nil || !strings.Contains(err.Error(), "process 1 has ended") {
		t.Errorf("after the end: %v", err)
	}
}

// h0 --- near --- r --- far --- h1, in IPv6 alone: no address is looked for first.
func TestIPv6(t *testing.T) {
	prefix := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	on := func(network, addr string) topology.Interface {
		return topology.Interface{Network: network, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}
	}
	route := func(to, via string) []topology.Route {
		return []topology.Route{{To: netip.MustParsePrefix(to), Via: netip.MustParseAddr(via)}}
	}
	l := up(t, &topology.Topology{
		Networks: []topology.Network{{Name: "near", Prefixes: prefix("fd00:1::/64"), MTU: 1400}, {Name: "far", Prefixes: prefix("fd00:2::/64")}},
		Hosts: []topology.Host{
			{Name: "h0", Interfaces: []topology.Interface{on("near", "fd00:1::10")}, Routes: route("::/0", "fd00:1::1")},
			{Name: "r", Forward: true, Interfaces: []topology.Interface{on("near", "fd00:1::1"), on("far", "fd00:2::1")}},
			{Name: "h1", Interfaces: []topology.Interface{on("far", "fd00:2::10")}, Routes: route("fd00:1::/64", "fd00:2::1")},
		},
	})
	c := dial(t, l, "h0")
	c.run(0, "ping", "-c", "1", "h1")
	addrs := c.run(0, "ip", "addr")
	for _, want := range []string{"inet6 fd00:1::10/64 scope global", "inet6 fe80::", "mtu 1400"} {
		if !strings.Contains(addrs, want) || strings.Contains(addrs, "tentative") {
			t.Errorf("no %q, or a tentative address in\n%s", want, addrs)
		}
	}
}

// Hosts without an IPv6 network have ::1 and nothing else of it, as in containers.
func TestWithoutIPv6(t *testing.T) {
	l := up(t, lan("192.168.5.0/24", 1))
	addrs := dial(t, l, "h0").run(0, "ip", "addr")
	if !strings.Contains(addrs, "inet6 ::1/128") || strings.Contains(addrs, "fe80::") {
		t.Errorf("want ::1 alone of IPv6 in\n%s", addrs)
	}
}

// What this engine cannot make is refused before anything is started.
func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*topology.Host){
		"image debian:12":                   func(h *topology.Host) { h.Image = "debian:12" },
		"sysctl kernel.hostname":            func(h *topology.Host) { h.Sysctls = map[string]string{"kernel.hostname": "x"} },
		"stands on no network":              func(h *topology.Host) { h.Interfaces = nil },
		"setting net.ipv4.no_such = 1":      func(h *topology.Host) { h.Sysctls = map[string]string{"net.ipv4.no_such": "1"} },
		"net.ipv4.ip_forward = many: inval": func(h *topology.Host) { h.Sysctls = map[string]string{"net.ipv4.ip_forward": "many"} },
	} {
		top := lan("192.168.5.0/24", 1)
		change(&top.Hosts[0])
		l, err := newEngine().Up(t.Context(), top, engine.Options{})
		if err == nil {
			l.Down(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), name) || errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("%v; want an error with %q that says nothing of the computer", err, name)
		}
	}
}

// A context that ends in the middle of a start ends the start, and the lab.
func TestUpCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var told []string
	l, err := newEngine().Up(ctx, lan("10.0.0.0/16", 2000), engine.Options{Progress: func(line string) {
		if told = append(told, line); strings.Contains(line, "of 2000 hosts started") {
			cancel()
		}
	}})
	cancel()
	if err == nil {
		l.Down(t.Context())
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v after %q; want that it was canceled", err, told)
	}
}

func TestCheck(t *testing.T) {
	for _, f := range newEngine().Check(t.Context()) {
		if !f.OK {
			t.Errorf("%s: %s; %s", f.Name, f.Detail, f.Mend)
		}
	}
}
