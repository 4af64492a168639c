package book

import (
	"net"
	"regexp"
	"strings"
	"testing"
)

// seed7 is what a chance of 50% with seed 7 does with the first ten datagrams.
const seed7 = "..xxxxxx.x"

// schedule returns what a dropper does with n datagrams: x dropped, . kept.
func schedule(d *dropper, n int) string {
	var b strings.Builder
	for range n {
		if d.drop() {
			b.WriteByte('x')
		} else {
			b.WriteByte('.')
		}
	}
	return b.String()
}

func TestDropper(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    dropper
		want string
	}{
		{"nothing", dropper{}, ".........."},
		{"first 3", dropper{first: 3}, "xxx......."},
		{"every one", dropper{every: 1}, "xxxxxxxxxx"},
		{"every 2", dropper{every: 2}, "x.x.x.x.x."},
		{"every 3", dropper{every: 3}, "x..x..x..x"},
		{"0%", dropper{chance: 0, random: newRandom(7)}, ".........."},
		{"100%", dropper{chance: 1, random: newRandom(7)}, "xxxxxxxxxx"},
		// The numbers of a seed are a promise: a lesson says them.
		{"50% of seed 7", dropper{chance: 0.5, random: newRandom(7)}, seed7},
	} {
		if got := schedule(&tt.d, 10); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}

func TestDropperRate(t *testing.T) {
	d := dropper{chance: 0.3, random: newRandom(1)}
	if n := strings.Count(schedule(&d, 100000), "x"); n < 29000 || n > 31000 {
		t.Errorf("30%% of 100000 dropped %d", n)
	}
}

func TestProbability(t *testing.T) {
	for _, tt := range []struct {
		text string
		want string // "" is an error
	}{
		{"50%", "50%"}, {"0%", "0%"}, {"100%", "100%"}, {"12.5%", "12.5%"},
		{"50", ""}, {"0.5", ""}, {"%", ""}, {"", ""}, {"-1%", ""}, {"101%", ""},
		{"NaN%", ""}, {"Inf%", ""}, {"50%%", ""}, {"half", ""}, {"5 %", ""},
	} {
		var p probability
		got := ""
		if err := p.Set(tt.text); err == nil {
			got = p.String()
		}
		if got != tt.want {
			t.Errorf("%q: %q; want %q", tt.text, got, tt.want)
		}
	}
}

// TestServerDrops sends five datagrams, one after the other. A server is
// iterative, so its lines tell the order; a reply comes to what was kept.
func TestServerDrops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"default", nil, "....."},
		{"first 2", []string{"--drop-first", "2"}, "xx..."},
		{"every 2", []string{"--drop-every=2"}, "x.x.x"},
		{"seed 7", []string{"--drop", "50%", "--seed", "7"}, seed7[:5]},
		{"all", []string{"--drop", "100%", "--seed", "1"}, "xxxxx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv, port := server(t, "udp_remote", "127.0.0.1", tt.args...)
			conn, me := peerUDP(t)
			for i, c := range tt.want {
				send(t, conn, port, "hello")
				if c == 'x' {
					srv.want("Pretending to drop packet from " + tuple(me))
					continue
				}
				srv.want("The client at " + tuple(me) + " says 'hello'")
				if got := receive(t, conn); got != "Your data was 5 bytes" {
					t.Errorf("datagram %d: reply %q", i, got)
				}
			}
			srv.stop()
		})
	}
}

// TestServerDropsWithoutSeed repeats a run from the seed that it printed.
func TestServerDropsWithoutSeed(t *testing.T) {
	t.Parallel()
	conn, _ := peerUDP(t)
	story := func(srv *running, port string) (kept string) {
		for range 20 {
			send(t, conn, port, "x")
			kept += srv.line()[:1] // P or T
		}
		return kept
	}
	srv, port := server(t, "udp_remote", "127.0.0.1", "--drop", "50%")
	m := regexp.MustCompile(`^udp_remote: --drop 50% --seed (\d+) repeats these drops$`).FindStringSubmatch(srv.errLine())
	if m == nil {
		t.Fatal("no seed was printed")
	}
	first := story(srv, port)
	srv, port = server(t, "udp_remote", "127.0.0.1", "--drop", "50%", "--seed", m[1])
	if again := story(srv, port); again != first {
		t.Errorf("with --seed %s: %s; want %s as the first time", m[1], again, first)
	}
}

func send(t *testing.T, conn *net.UDPConn, port, text string) {
	t.Helper()
	if _, err := conn.WriteToUDPAddrPort([]byte(text), loopback(t, port)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, conn *net.UDPConn) string {
	t.Helper()
	buf := make([]byte, maxDatagram)
	n, _, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}
