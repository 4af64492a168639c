//go:build linux

package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSFTP(t *testing.T) {
	eachHost(t, func(t *testing.T, c *Client) {
		f, err := c.SFTP()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		name := filepath.Join(t.TempDir(), "file")
		remote, err := f.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		want := pattern(5 << 20)
		if _, err := io.Copy(remote, bytes.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		if err := remote.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the file has %d bytes, %v; want %d", len(got), err, len(want))
		}
		remote, err = f.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(remote); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %d bytes, %v; want %d", len(got), err, len(want))
		}
		remote.Close()
		if _, err := f.Open(name + "x"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Open: %v; want %v", err, os.ErrNotExist)
		}
	})
}

// reverseServer answers each connection's whole input, after its end, in
// reverse order.
func reverseServer(t *testing.T) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b, _ := io.ReadAll(conn)
				for i := range len(b) / 2 {
					b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
				}
				conn.Write(b)
			}()
		}
	}()
	return l.Addr()
}

func TestDialHost(t *testing.T) {
	addr := reverseServer(t).String()
	eachHost(t, func(t *testing.T, c *Client) {
		for _, network := range []string{"tcp", "tcp4"} {
			conn, err := c.DialHost(testContext(t), network, addr)
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.RemoteAddr().String(); got != addr {
				t.Errorf("RemoteAddr %s; want %s", got, addr)
			}
			io.WriteString(conn, "datagram")
			if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(conn); err != nil || string(got) != "margatad" {
				t.Errorf("answer %q, %v; want %q", got, err, "margatad")
			}
			if err := conn.Close(); err != nil && !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		}
	})
}

func TestDialHostErrors(t *testing.T) {
	c := newHost(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for _, test := range []struct{ network, addr, want string }{
		{"tcp", closed, "connection refused"},
		{"udp", closed, `network "udp": want tcp`},
		{"tcp6", closed, "want an address of that family"},
		{"tcp4", "localhost:1", "want an address of that family"},
		{"tcp", "localhost", "missing port"},
		{"tcp", "localhost:0", "want 1 to 65535"},
		{"tcp", "localhost:65536", "want 1 to 65535"},
	} {
		_, err := c.DialHost(testContext(t), test.network, test.addr)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrGone) {
			t.Errorf("DialHost(%s, %s): %v; want an error with %q", test.network, test.addr, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.DialHost(ctx, "tcp", closed); !errors.Is(err, context.Canceled) {
		t.Errorf("DialHost with a ctx that ended: %v; want %v", err, context.Canceled)
	}
}

// A connection that only the client closes is closed at the host too.
func TestDialHostClose(t *testing.T) {
	c := newHost(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := c.DialHost(testContext(t), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	there, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	conn.Close()
	poll(t, "the end at the host", func() bool { return !strings.Contains(agentGoroutines(nil), "agent.relay") })
}

func TestKeepalive(t *testing.T) {
	c := newHost(t)
	for request, want := range map[string]bool{"keepalive@openssh.com": true, "tcpip-forward": false} {
		if ok, _, err := c.conn.SendRequest(request, true, nil); err != nil || ok != want {
			t.Errorf("%s: %v, %v; want %v", request, ok, err, want)
		}
	}
}
