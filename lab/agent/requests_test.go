//go:build linux

package agent

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// A client that opens channels and never reads keeps nothing from the others.
func TestClientNeverReads(t *testing.T) {
	noLeak(t)
	a, b := socketPair(t)
	serveTest(t, a)
	c := dialTest(t, b)
	ctx := testContext(t)
	for i := range 20 {
		ch, err := c.open(ctx, "test", "session", nil)
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(ch.requests)
		switch i % 4 {
		case 0:
			ok, err := c.request(ctx, "test", ch, "exec", ssh.Marshal(namedRequest{"bytes 90000000"}))
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
		case 1:
			c.request(ctx, "test", ch, "exec", ssh.Marshal(namedRequest{"nosuch"}))
		case 2:
			c.request(ctx, "test", ch, "subsystem", ssh.Marshal(namedRequest{"sftp"}))
		case 3: // nothing at all
		}
	}
	if got := run(t, c, Command{Args: []string{"bytes", "9000000"}}); len(got.Out) != 9000000 {
		t.Errorf("%d bytes; want 9000000", len(got.Out))
	}
}

// A client that breaks the rules of a session is refused, not obeyed.
func TestBadRequests(t *testing.T) {
	c := newHost(t)
	ctx := testContext(t)
	if _, err := c.open(ctx, "test", "x11", nil); err == nil || !strings.Contains(err.Error(), "want session or direct-tcpip") {
		t.Errorf("channel x11: %v; want a refusal", err)
	}
	if _, err := c.open(ctx, "test", "direct-tcpip", []byte("junk")); err == nil || errors.Is(err, ErrGone) {
		t.Errorf("direct-tcpip with junk: %v; want a refusal", err)
	}
	ch, err := c.open(ctx, "test", "session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(ch.requests)
	exec := ssh.Marshal(namedRequest{"copy"})
	for _, test := range []struct {
		kind    string
		payload []byte
		want    bool
	}{
		{"nonsense", nil, false},
		{"signal", ssh.Marshal(namedRequest{"INT"}), false}, // nothing runs yet
		{"window-change", ssh.Marshal(windowChange{}), false},
		{"exec", []byte("junk"), false},
		{"subsystem", ssh.Marshal(namedRequest{"netconf"}), false},
		{"pty-req", []byte{1}, false},
		{"env", []byte{1}, false},
		{"env", ssh.Marshal(envRequest{"A=B", "x"}), false},
		{"env", ssh.Marshal(envRequest{"A", "\x00"}), false},
		{"env", ssh.Marshal(envRequest{"", "x"}), false},
		{"env", ssh.Marshal(envRequest{"A", "x"}), true},
		{"exec", exec, true},
		{"exec", exec, false}, // once is enough
		{"shell", nil, false},
		{"pty-req", ssh.Marshal(ptyRequest{Term: "x"}), false},
		{"window-change", ssh.Marshal(windowChange{Columns: 1, Rows: 1}), false}, // no terminal
		{"signal", ssh.Marshal(namedRequest{"nosuch"}), false},
		{"signal", ssh.Marshal(namedRequest{"KILL"}), true},
	} {
		if got, err := c.request(ctx, "test", ch, test.kind, test.payload); got != test.want || err != nil {
			t.Errorf("%s %q: %v, %v; want %v", test.kind, test.payload, got, err, test.want)
		}
	}
	ch.Close()
}

// Command lines as other SSH clients write them.
func TestCommandLine(t *testing.T) {
	c := newHost(t)
	for _, test := range []struct {
		line, out, errs string
		status          uint32
	}{
		{`say 'a b' "$X" 4`, "a b", "y z", 4},
		{`say a\ b '' 0`, "a b", "", 0},
		{``, "", "agent: command line: empty; want a program\n", statusMisuse},
		{`say 'a`, "", "agent: command line: 1:5: reached EOF without closing quote `'`\n", statusMisuse},
		{`say $(x) b 0`, "", "", statusMisuse},
		{`say a; say b`, "", "", statusMisuse},
		{`say a | say b`, "", "", statusMisuse},
	} {
		out, errs, status := execLine(t, c, "exec", ssh.Marshal(namedRequest{test.line}), "y z")
		if out != test.out || status != test.status || test.errs != "" && errs != test.errs {
			t.Errorf("%s: %q, %q, %d; want %q, %q, %d", test.line, out, errs, status, test.out, test.errs, test.status)
		}
	}
}

// A shell request is the program "sh", here the stand-in.
func TestShellRequest(t *testing.T) {
	if out, errs, status := execLine(t, newHost(t), "shell", nil, ""); out != "not a window\n" || status != 9 {
		t.Errorf("shell: %q, %q, %d; want what the stand-in says and 9", out, errs, status)
	}
}

// execLine makes a request that starts something, with the variable X.
func execLine(t *testing.T, c *Client, kind string, payload []byte, x string) (out, errs string, status uint32) {
	t.Helper()
	ctx := testContext(t)
	ch, err := c.open(ctx, "test", "session", nil)
	if err != nil {
		t.Fatal(err)
	}
	ch.SendRequest("env", false, ssh.Marshal(envRequest{"X", x}))
	if ok, err := c.request(ctx, "test", ch, kind, payload); !ok || err != nil {
		t.Fatal(ok, err)
	}
	ch.CloseWrite()
	var o, e bytes.Buffer
	var copies sync.WaitGroup
	copies.Go(func() { io.Copy(&o, ch) })
	copies.Go(func() { io.Copy(&e, ch.Stderr()) })
	for req := range ch.requests {
		if s, ok := parseStatus(req); ok {
			status = uint32(s.Code)
		}
	}
	copies.Wait()
	return o.String(), e.String(), status
}
