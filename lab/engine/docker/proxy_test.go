package docker

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hostlab/lab/engine"
)

// A proxy stands between us and the engine, and can be pulled out.
type proxy struct {
	t        *testing.T
	path, to string

	mu     sync.Mutex
	listen net.Listener
	conns  map[net.Conn]bool
}

func newProxy(t *testing.T) (p *proxy, e *Engine) {
	t.Helper()
	c, err := newEngine(t).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to, ok := strings.CutPrefix(c.endpoint.host, "unix://")
	if !ok {
		t.Skipf("the engine is at %s; this test stands between us and a socket", c.endpoint)
	}
	p = &proxy{t: t, path: filepath.Join(t.TempDir(), "proxy.sock"), to: to, conns: map[net.Conn]bool{}}
	p.plug()
	t.Cleanup(p.pull)
	return p, New(Config{Names: []string{"udp_remote", "sh"}, Binary: standinBinary, Endpoint: "unix://" + p.path})
}

func (p *proxy) plug() {
	l, err := net.Listen("unix", p.path)
	if err != nil {
		p.t.Fatal(err)
	}
	p.listen = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.relay(c)
		}
	}()
}

func (p *proxy) relay(a net.Conn) {
	b, err := net.Dial("unix", p.to)
	if err != nil {
		a.Close()
		return
	}
	p.mu.Lock()
	p.conns[a], p.conns[b] = true, true
	p.mu.Unlock()
	copyHalf := func(to, from net.Conn) {
		io.Copy(to, from)
		to.(*net.UnixConn).CloseWrite()
	}
	go copyHalf(a, b)
	copyHalf(b, a)
}

// pull ends every connection and takes no new one.
func (p *proxy) pull() {
	p.listen.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// TestEngineDies loses the engine while a lab runs, and gets it back.
func TestEngineDies(t *testing.T) {
	p, e := newProxy(t)
	in, err := e.Up(t.Context(), pair(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := in.(*lab)
	conn, err := l.Dial(t.Context(), "h1")
	if err != nil {
		t.Fatal(err)
	}
	p.pull()
	if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "docker: host h1") {
		t.Errorf("the stream ends with %v", err)
	}
	checkUnavailable(t, l.Pause(t.Context(), "h1"), "pause host h1: no engine answers", "docker")
	checkUnavailable(t, l.Down(t.Context()), "no engine answers", "docker")
	direct, err := newEngine(t).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	within(t, wait, "the hosts end with their streams", func() bool {
		found, err := direct.list(t.Context(), labelled(labelLab, l.id))
		return err == nil && len(found.containers) == 0
	})
	p.plug()
	if err := l.Down(t.Context()); err != nil {
		t.Errorf("Down when the engine is back: %v", err)
	}
	wantNothing(t, direct, labelLab+"="+l.id)
}

// TestEngineDiesInUp loses the engine when the first host has started. What it
// leaves is not of an active lab, so the next sweep takes it, though its owner
// is this very process.
func TestEngineDiesInUp(t *testing.T) {
	p, e := newProxy(t)
	var once sync.Once
	_, err := e.Up(t.Context(), lan(8), engine.Options{Progress: func(line string) {
		if strings.Contains(line, "started, ") {
			once.Do(p.pull)
		}
	}})
	checkUnavailable(t, err, "no engine answers", "docker")
	direct := newEngine(t)
	within(t, wait, "a sweep removes the lab", func() bool {
		if _, err := direct.Sweep(t.Context()); err != nil {
			t.Log(err) // of another's lab, or left counts it
		}
		me, _ := self()
		c, err := direct.connect(t.Context())
		return err == nil && left(t, c, me.String()) == 0
	})
}
