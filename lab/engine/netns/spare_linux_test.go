package netns

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// The next lab is made in the spare that the last one left, and in one of its
// own when somebody has killed that. A spare that nobody takes ends.
func TestSpare(t *testing.T) {
	e := New(Config{})
	next := func() *lab {
		t.Helper()
		l, err := e.Up(t.Context(), pair(), engine.Options{})
		if errors.Is(err, engine.ErrUnavailable) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return l.(*lab)
	}
	end := func(l *lab) {
		t.Helper()
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	}
	spare := func() *process {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			e.spare.mu.Lock()
			p := e.spare.p
			e.spare.mu.Unlock()
			if p != nil {
				return p
			}
		}
		t.Fatal("no spare was started")
		return nil
	}

	end(next())
	waiting := spare()
	l := next()
	if l.holder != waiting {
		t.Error("the lab has a process 1 of its own beside the spare")
	}
	end(l)

	waiting = spare()
	if err := unix.Kill(waiting.cmd.Process.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l = next() // whether or not its end is known by now
	if l.holder == waiting {
		t.Error("the lab is in a process that was killed")
	}
	end(l)

	waiting = spare()
	select {
	case <-waiting.gone:
	case <-time.After(10 * spareLife):
		t.Error("the spare waits for ever")
	}
	if e.spare.take() != nil {
		t.Error("a spare that has ended is there to be taken")
	}
}

// pair is two hosts on a network.
func pair() *topology.Topology {
	lan := topology.Network{Name: "lan", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.5.0/24")}}
	host := func(name, addr string) topology.Host {
		return topology.Host{Name: name, Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{netip.MustParseAddr(addr)}}}}
	}
	return &topology.Topology{Name: "spare", Networks: []topology.Network{lan}, Hosts: []topology.Host{host("laptop", "192.168.5.10"), host("guinness", "192.168.5.130")}}
}
