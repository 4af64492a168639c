package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// TestMain also is the program that the tests kill: see child.
func TestMain(m *testing.M) {
	if what := os.Getenv(childVariable); what != "" {
		os.Exit(child(what))
	}
	status := m.Run()
	removeStandin()
	os.Exit(status)
}

// standin is the path of the binary in testdata/standin, built once.
var standin = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(standinVariable); path != "" { // in a child
		return path, nil
	}
	dir, err := os.MkdirTemp("", "standin-")
	if err != nil {
		return "", err
	}
	standinDir = dir
	path := filepath.Join(dir, "host")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", path, "./testdata/standin")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// standinDir is the directory that standin made, "" when it made none.
var standinDir string

const standinVariable = "HOSTLAB_TEST_STANDIN"

func standinBinary(context.Context, string) ([]byte, error) {
	path, err := standin()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// newEngine returns an engine whose hosts run the stand-in. Where this
// computer has none the test is skipped, and fails when HOSTLAB_STRICT is set.
func newEngine(t testing.TB) *Engine {
	t.Helper()
	e := New(Config{Names: []string{"udp_remote", "sh"}, Binary: standinBinary})
	_, err := e.connect(t.Context())
	switch {
	case err == nil:
	case errors.Is(err, engine.ErrUnavailable) && os.Getenv("HOSTLAB_STRICT") == "":
		t.Skipf("no engine here: %v; %s", err, hint.Of(err))
	default:
		t.Fatalf("%v; %s", err, hint.Of(err))
	}
	return e
}

// removeStandin removes the stand-in and its image where this process made
// them.
func removeStandin() {
	if standinDir == "" {
		return
	}
	defer os.RemoveAll(standinDir)
	e := New(Config{Names: []string{"udp_remote", "sh"}, Binary: standinBinary})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := e.connect(ctx)
	if err != nil {
		return
	}
	if i, err := e.makeImage(ctx, c.arch, func(string, ...any) {}); err == nil {
		c.api.ImageRemove(ctx, i.Tag, image.RemoveOptions{Force: true})
	}
}

// up starts a lab that ends with the test.
func up(t testing.TB, e *Engine, top *topology.Topology) *lab {
	t.Helper()
	in, err := e.Up(t.Context(), top, engine.Options{Progress: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatalf("%v; %s", err, hint.Of(err))
	}
	l := in.(*lab)
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
		wantNothing(t, l.c, labelLab+"="+l.id)
	})
	return l
}

// wantNothing fails the test when something with the label is there.
func wantNothing(t testing.TB, c *connection, label string) {
	t.Helper()
	left, err := c.list(context.Background(), filters.NewArgs(filters.Arg("label", label)))
	if err != nil {
		t.Fatal(err)
	}
	if !left.empty() {
		t.Errorf("left behind: %s", left)
	}
}

// A talk is with the stand-in on a host.
type talk struct {
	t  testing.TB
	l  *lab
	to map[string]*bufio.ReadWriter
}

func newTalk(t testing.TB, l *lab) *talk {
	return &talk{t: t, l: l, to: map[string]*bufio.ReadWriter{}}
}

// ask sends a command to a host and returns the answer.
func (k *talk) ask(host, command string) string {
	k.t.Helper()
	rw := k.to[host]
	if rw == nil {
		conn, err := k.l.Dial(k.t.Context(), host)
		if err != nil {
			k.t.Fatal(err)
		}
		rw = bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))
		k.to[host] = rw
	}
	fmt.Fprintln(rw, command)
	if err := rw.Flush(); err != nil {
		k.t.Fatalf("host %s: %s: %v", host, command, err)
	}
	line, err := rw.ReadString('\n')
	if err != nil {
		k.t.Fatalf("host %s: %s: %v", host, command, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// pair is two hosts on one network. Each call has a network of its own, from
// the range for tests of devices (RFC 2544), so that labs of other programs
// are out of the way.
func pair() *topology.Topology { return lan(2) }

func lan(hosts int) *topology.Topology {
	p := testPrefix()
	t := &topology.Topology{Name: "test", Networks: []topology.Network{{Name: "lan", Prefixes: []netip.Prefix{p}}}}
	for i := range hosts {
		a := p.Addr()
		for range i + 10 {
			a = a.Next()
		}
		t.Hosts = append(t.Hosts, topology.Host{
			Name:       fmt.Sprintf("h%d", i+1),
			Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{a}}},
		})
	}
	return t
}

var (
	prefixMu   sync.Mutex
	prefixNext = os.Getpid() % 512
)

func testPrefix() netip.Prefix {
	prefixMu.Lock()
	defer prefixMu.Unlock()
	prefixNext = (prefixNext + 1) % 512
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, byte(18 + prefixNext/256), byte(prefixNext), 0}), 24)
}

// within polls until done, and fails the test when that takes too long.
func within(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	if !eventually(limit, done) {
		t.Errorf("not within %v: %s", limit, what)
	}
}

// eventually polls until done, or until limit has passed.
func eventually(limit time.Duration, done func() bool) bool {
	deadline := time.Now().Add(limit)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !done() {
		if time.Now().After(deadline) {
			return false
		}
		<-poll.C
	}
	return true
}
