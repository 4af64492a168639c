package netns_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"hostlab/image"
	"hostlab/lab/agent"
	"hostlab/lab/engine"
	"hostlab/lab/engine/netns"
	"hostlab/lab/host"
	"hostlab/lab/topology"
)

// roleVariable has the test binary play another part than to test.
const roleVariable = "HOSTLAB_NETNS_TEST_ROLE"

var roles = map[string]func() error{
	"orchestrator":  orchestrate,
	"computer":      compareComputer,
	"no-namespaces": func() error { return refusedBy(limitNamespaces) },
	"seccomp":       func() error { return refusedBy(forbidNamespaces) },
	"no-users":      withoutUserNamespaces,
}

func TestMain(m *testing.M) {
	if role, ok := roles[os.Getenv(roleVariable)]; ok {
		if err := role(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// binaryFile returns a file with the host binary that every user may read.
func binaryFile(t testing.TB) string {
	t.Helper()
	data, err := image.Binary(t.Context(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "host")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(path); dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// self returns the command that runs this binary in a role. /proc/self/exe is
// there for users who may not look into the directory of the binary.
func self(t testing.TB, role string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, image.BinaryVariable+"="+binaryFile(t))
	return cmd
}

func newEngine() *netns.Engine { return netns.New(netns.Config{Names: host.Names()}) }

// up starts a lab that ends with the test. Where this computer has no
// namespaces the test is skipped, or fails where HOSTLAB_STRICT is set.
func up(t testing.TB, top *topology.Topology) engine.Instance {
	t.Helper()
	l, err := newEngine().Up(t.Context(), top, engine.Options{})
	if err != nil {
		if os.Getenv("HOSTLAB_STRICT") == "" && strings.Contains(err.Error(), engine.ErrUnavailable.Error()) {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// A client is a host's agent as tests use it.
type client struct {
	t testing.TB
	*agent.Client
}

func dial(t testing.TB, l engine.Instance, host string) client {
	t.Helper()
	c, err := connect(t.Context(), l, host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return client{t, c}
}

func connect(ctx context.Context, l engine.Instance, host string) (*agent.Client, error) {
	stream, err := l.Dial(ctx, host)
	if err != nil {
		return nil, err
	}
	return agent.Dial(stream)
}

// run runs a program, wants its status and returns what it printed.
func (c client) run(status int, args ...string) string {
	c.t.Helper()
	var out strings.Builder
	p, err := c.Start(c.t.Context(), agent.Command{Args: args, Stdout: &out, Stderr: &out})
	if err != nil {
		c.t.Fatal(err)
	}
	got, err := p.Wait()
	if err != nil || got.Code != status {
		c.t.Fatalf("%s: %+v, %v; want status %d\n%s", strings.Join(args, " "), got, err, status, out.String())
	}
	return out.String()
}

// lan is a network with hosts h0, h1 … whose addresses are chosen.
func lan(prefix string, hosts int) *topology.Topology {
	t := &topology.Topology{Networks: []topology.Network{{Name: "lan", Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}}}}
	for i := range hosts {
		t.Hosts = append(t.Hosts, topology.Host{Name: fmt.Sprintf("h%d", i), Interfaces: []topology.Interface{{Network: "lan"}}})
	}
	return t
}

// until polls a condition and fails the test when it has not come soon.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
