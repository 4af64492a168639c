package lab_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hostlab/lab"
	"hostlab/lab/labtest"
	"hostlab/lab/topology"
)

// client .10 --- near --- .1 router .1 --- far --- .10 server
func routed() *topology.Topology {
	near, far := netip.MustParsePrefix("10.81.1.0/24"), netip.MustParsePrefix("10.81.2.0/24")
	on := func(network, addr string) topology.Interface {
		return topology.Interface{Network: network, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}
	}
	return &topology.Topology{
		Name: "routed",
		Networks: []topology.Network{
			{Name: "near", Prefixes: []netip.Prefix{near}, MTU: 1400},
			{Name: "far", Prefixes: []netip.Prefix{far}},
		},
		Hosts: []topology.Host{
			{Name: "client", Interfaces: []topology.Interface{on("near", "10.81.1.10")},
				Routes: []topology.Route{{To: far, Via: netip.MustParseAddr("10.81.1.1")}}},
			{Name: "router", Forward: true, Interfaces: []topology.Interface{on("near", "10.81.1.1"), on("far", "10.81.2.1")}},
			{Name: "server", Aliases: []string{"www"}, Interfaces: []topology.Interface{on("far", "10.81.2.10")},
				Routes: []topology.Route{{To: near, Via: netip.MustParseAddr("10.81.2.1")}}},
		},
	}
}

func TestRoutedTopology(t *testing.T) {
	l := labtest.Start(t, routed())
	c, s := l.Host("client"), l.Host("server")

	server := serve(t, s, "udp_remote", "server", "")
	answered(t, c, "www", c.Addr(), server)

	// Without the router's cable to the far side, nothing answers any more.
	router := l.Host("router")
	if err := router.Cut(t.Context(), "far"); err != nil {
		t.Fatal(err)
	}
	run(t, c, 1, "udp_remote", "client", "www")
	if err := router.Join(t.Context(), "far"); err != nil {
		t.Fatal(err)
	}
	answered(t, c, "www", c.Addr(), server)
}

func TestPauseAndKill(t *testing.T) {
	l := labtest.Start(t, labtest.Load(t, "../compose.yaml"))
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	ctx := t.Context()

	server, err := guinness.Start(ctx, "udp_remote", "server", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := guinness.AwaitBound(ctx, "udp/1060"); err != nil {
		t.Fatal(err)
	}
	if err := guinness.Pause(ctx); err != nil {
		t.Fatal(err)
	}
	silent(t, laptop, "guinness", laptop.Addr())
	if err := guinness.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	answered(t, laptop, "guinness", laptop.Addr(), server)

	if err := guinness.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	if _, err := server.Wait(ctx); err == nil || errors.As(err, new(*lab.ExitError)) {
		t.Errorf("a server whose host was killed: %v; want that the host is gone", err)
	}
	if _, err := guinness.Run(ctx, "true"); err == nil {
		t.Error("a killed host still runs programs")
	}
	run(t, laptop, 1, "udp_remote", "client", guinness.Addr().String())
	if err := l.Close(); err != nil {
		t.Errorf("closing a lab with a dead host: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closing it twice: %v", err)
	}
}

func TestRunAndStart(t *testing.T) {
	l := page.get(t)
	laptop := l.Host("laptop")

	res, err := laptop.Run(t.Context(), "sh", "-c", "echo out; echo err >&2; exit 7")
	var exit *lab.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || exit.Host != "laptop" {
		t.Errorf("exit 7: %v", err)
	}
	if res.Stdout != "out\n" || res.Stderr != "err\n" {
		t.Errorf("streams: %q, %q", res.Stdout, res.Stderr)
	}
	if want := "lab: host laptop: sh -c echo out; echo err >&2; exit 7: exit status 7: err"; err.Error() != want {
		t.Errorf("error %q; want %q", err, want)
	}
	if res, err := laptop.Run(t.Context(), "no_such_program"); err == nil || res.Code != 127 {
		t.Errorf("a program that is not there: %d, %v; want 127", res.Code, err)
	}
	if _, err := l.Host("nobody").Run(t.Context(), "true"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a host that is not there: %v", err)
	}

	p, err := laptop.Start(t.Context(), "cat", "/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.WaitLine(t.Context(), "a line that never comes"); err == nil {
		t.Error("WaitLine found a line that was not printed")
	}
	if lines := p.Lines(); len(lines) < 10 || !strings.HasPrefix(lines[0], "Name:") {
		t.Errorf("lines: %q", lines)
	}

	ctx, cancel := context.WithCancel(t.Context())
	asleep, err := laptop.Start(ctx, "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-asleep.Done()
	if _, err := asleep.Wait(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("a program whose context ended: %v", err)
	}
}

// Hosts are locked in: no way out of the lab, nothing writable but what is
// theirs, and none of the capabilities that they do not need.
func TestHostsAreConfined(t *testing.T) {
	l := page.get(t)
	laptop := l.Host("laptop")

	if res := run(t, laptop, 0, "ip", "-j", "route"); strings.Contains(res.Stdout, `"default"`) {
		t.Errorf("laptop has a way out: %s", res.Stdout)
	}
	run(t, laptop, 1, "sh", "-c", "echo x > /bin/udp_remote")
	run(t, laptop, 0, "sh", "-c", "echo x > /tmp/x")
	res := run(t, laptop, 0, "cat", "/proc/self/status")
	// capabilities(7): NET_BIND_SERVICE 10, NET_ADMIN 12, NET_RAW 13.
	for _, want := range []string{"CapEff:\t0000000000003400", "CapBnd:\t0000000000003400", "NoNewPrivs:\t1"} {
		if !strings.Contains(res.Stdout, want) {
			t.Errorf("no %q in\n%s", want, res.Stdout)
		}
	}
	if res := run(t, laptop, 0, "cat", "/proc/sys/net/ipv4/icmp_ratelimit"); res.Stdout != "0\n" {
		t.Errorf("icmp_ratelimit is %q; want 0", res.Stdout)
	}
}

// Compose and hostlab read the same file with the same values.
func TestLoadTakesDotEnv(t *testing.T) {
	dir := t.TempDir()
	compose := filepath.Join(dir, "compose.yaml")
	for name, text := range map[string]string{
		compose:                    "services:\n  a:\n    networks: {lan: {ipv4_address: \"${NET:-10.1.1}.5\"}}\nnetworks:\n  lan: {ipam: {config: [{subnet: \"${NET:-10.1.1}.0/24\"}]}}\n",
		filepath.Join(dir, ".env"): "NET=10.2.2\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	addr := func() netip.Addr { return labtest.Load(t, compose).Hosts[0].Interfaces[0].Addrs[0] }
	if got, want := addr(), netip.MustParseAddr("10.2.2.5"); got != want {
		t.Errorf("with .env: %s; want %s", got, want)
	}
	t.Setenv("NET", "10.3.3")
	if got, want := addr(), netip.MustParseAddr("10.3.3.5"); got != want {
		t.Errorf("with the environment too: %s; want %s", got, want)
	}
}
