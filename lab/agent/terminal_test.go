//go:build linux

package agent

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

func TestSessionWithoutTerminal(t *testing.T) {
	c := newHost(t)
	got := run(t, c, Command{Args: []string{"session"}})
	var facts sessionFacts
	if err := json.Unmarshal([]byte(got.Out), &facts); err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	facts.Term = ""
	if diff := cmp.Diff(sessionFacts{Leader: true, OwnGroup: true}, facts); diff != "" {
		t.Errorf("session differs (-want +got):\n%s", diff)
	}
}

func TestTerminal(t *testing.T) {
	tests := []struct {
		name string
		term Terminal
		want sessionFacts
	}{
		{"zero", Terminal{}, sessionFacts{Columns: 80, Rows: 24, Onlcr: true, Ctl: true, Intr: 3, Term: "dumb"}},
		{"echo", Terminal{Term: "xterm", Columns: 132, Rows: 40, Echo: true},
			sessionFacts{Columns: 132, Rows: 40, Echo: true, Onlcr: true, Ctl: true, Intr: 3, Term: "xterm"}},
		{"modes", Terminal{modes: map[uint8]uint32{ssh.ONLCR: 0, ssh.NOFLSH: 1, ssh.ECHOCTL: 0, ssh.VINTR: 7, ssh.TTY_OP_ISPEED: 1}},
			sessionFacts{Columns: 80, Rows: 24, Noflsh: true, Intr: 7, Term: "dumb"}},
		{"no interrupt key, too large", Terminal{Columns: 1 << 20, Rows: -1, modes: map[uint8]uint32{ssh.VINTR: 255}},
			sessionFacts{Columns: 65535, Rows: 24, Onlcr: true, Ctl: true, Term: "dumb"}},
	}
	c := newHost(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.Leader, test.want.OwnGroup, test.want.Foreground, test.want.Controlling = true, true, true, true
			got := run(t, c, Command{Args: []string{"session"}, Terminal: &test.term})
			var facts sessionFacts
			if err := json.Unmarshal([]byte(got.Out), &facts); err != nil {
				t.Fatalf("%v: %+v", err, got)
			}
			if diff := cmp.Diff(test.want, facts); diff != "" {
				t.Errorf("session differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResize(t *testing.T) {
	c := newHost(t)
	p, out := start(t, testContext(t), c, Command{Args: []string{"size"}, Terminal: &Terminal{Columns: 10, Rows: 5}})
	if got := out.next(t); got != "10x5" {
		t.Errorf("size %s; want 10x5", got)
	}
	if err := p.Resize(33, 44); err != nil {
		t.Fatal(err)
	}
	if got := out.next(t); got != "33x44" {
		t.Errorf("size %s; want 33x44", got)
	}
	if err := p.Signal("KILL"); err != nil {
		t.Fatal(err)
	}
	if status, err := p.Wait(); err != nil || status.Signal != "SIGKILL" || status.Code != 137 {
		t.Errorf("Wait: %v, %v; want SIGKILL", status, err)
	}
}

// The end of the input ends what reads the terminal, also behind half a line,
// and all that was printed up to the end arrives.
func TestTerminalInputEnds(t *testing.T) {
	c := newHost(t)
	for _, test := range []struct{ in, want string }{
		{"a\nb\n", "a\r\nb\r\n"},
		{"a\nb", "a\r\nb"},
		{"", ""},
	} {
		got := run(t, c, Command{Args: []string{"copy"}, Stdin: strings.NewReader(test.in), Terminal: &Terminal{}})
		if got.Out != test.want || got.Status != (Status{}) {
			t.Errorf("input %q: %+v; want %q", test.in, got, test.want)
		}
	}
	const count = 1 << 20
	got := run(t, c, Command{Args: []string{"bytes", strconv.Itoa(count)}, Terminal: &Terminal{}})
	if want := strings.ReplaceAll(string(pattern(count)), "\n", "\r\n"); got.Out != want {
		t.Errorf("%d bytes; want %d", len(got.Out), len(want))
	}
}

// Keys of a terminal reach the process in front.
func TestTerminalKey(t *testing.T) {
	c := newHost(t)
	keys := newKeys(t)
	p, out := start(t, testContext(t), c, Command{Args: []string{"hang"}, Stdin: keys, Terminal: &Terminal{Echo: true}})
	out.next(t)
	keys.w.Write([]byte{3})
	if status, err := p.Wait(); err != nil || status.Signal != "SIGINT" {
		t.Errorf("Wait: %v, %v; want SIGINT", status, err)
	}
}

// What is left on a terminal neither keeps the session nor outlives it.
func TestLeftBehindOnTerminal(t *testing.T) {
	c := newHost(t)
	for _, mode := range []string{"here", "group", "away"} {
		got := run(t, c, Command{Args: []string{"leave", mode}, Terminal: &Terminal{}})
		pid := pidOf(t, strings.TrimSpace(got.Out))
		if got.Status.Code != 5 {
			t.Errorf("leave %s: %+v; want status 5", mode, got)
		}
		if mode == "away" {
			kill(t, pid)
		}
		poll(t, "killed", func() bool { return gone(t, pid) })
	}
}

func TestModesOnTheWire(t *testing.T) {
	s := encodeModes(map[uint8]uint32{53: 0, 3: 0x01020304})
	if want := "\x03\x01\x02\x03\x04\x35\x00\x00\x00\x00\x00"; s != want {
		t.Errorf("encodeModes: %q; want %q", s, want)
	}
	for _, bad := range []string{"", "\x00", "\x35", "\x35\x00\x00\x00", "\xa0\x00\x00\x00\x01", "\x00\x35\x00\x00\x00\x01"} {
		decodeModes(bad, func(op uint8, _ uint32) { t.Errorf("decodeModes(%q) has mode %d; want none", bad, op) })
	}
}
