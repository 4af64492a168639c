package lab_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
)

// BOOK.md's experiments 10 to 12: whom a client believes, and how long it
// waits.

// Experiment 10: the promiscuous client. The server sleeps and a third host
// answers in its place. A client that has not connected its socket believes
// anyone; one that has believes only who looks like the server.
func TestForgedReply(t *testing.T) {
	l := page.get(t)
	laptop, guinness, stranger := l.Host("laptop"), l.Host("guinness"), l.Host("stranger")

	for _, forged := range []struct {
		name      string
		from      string
		connected bool // does a connected client believe it
	}{
		{"wrong address", at(stranger.Addr(), "1060"), false},
		{"wrong port", at(guinness.Addr(), "1061"), false},
		{"both right", at(guinness.Addr(), "1060"), true},
	} {
		t.Run(forged.name, func(t *testing.T) {
			server := serve(t, guinness, "udp_remote", "server", guinness.Addr().String())
			if err := server.Signal("STOP"); err != nil {
				t.Fatal(err)
			}
			deaf, deafPort := askConnected(t, laptop, "guinness")
			open, openPort := askUnconnected(t, laptop, "guinness")
			for _, port := range []string{deafPort, openPort} {
				run(t, stranger, 0, "forge", "--from", forged.from, "--to", at(laptop.Addr(), port), "FAKE")
			}
			// The forger's datagrams came before its ping on the same cable.
			run(t, stranger, 0, "ping", "-c", "1", "laptop")

			if _, err := open.WaitLine(soon(t), "FAKE"); err != nil {
				t.Errorf("the unconnected client: %v", err)
			}
			if err := server.Signal("CONT"); err != nil {
				t.Fatal(err)
			}
			want := "The server says 'Your data was 23 bytes'"
			if forged.connected {
				want = "The server says 'FAKE'"
			}
			line, err := deaf.WaitLine(soon(t), "The server says")
			if err != nil || line != want {
				t.Errorf("the connected client: %q, %v; want %q", line, err, want)
			}
		})
	}
}

// Experiment 11: back-off. What is lost is sent again, each time with twice
// the patience; the waits add up to 3.1 s before the client gives up.
func TestBackOff(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")

	server := serve(t, guinness, "udp_remote", "server", "--drop-first", "2", guinness.Addr().String())
	port, _ := client(t, laptop, "guinness", laptop.Addr(), 0,
		"Waiting up to 0.1 seconds for a reply\n"+
			"Waiting up to 0.2 seconds for a reply\n"+waiting+regexp.QuoteMeta(reply))
	for _, want := range []string{"Pretending to drop packet from", "Pretending to drop packet from", "The client at"} {
		line, err := server.WaitLine(soon(t), ", "+port+")")
		if err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("server: %q, %v; want %q", line, err, want)
		}
	}
	answered(t, laptop, "guinness", laptop.Addr(), server) // the third and later are served

	faulty(t, guinness, "drop", "udp/1060")
	begin := time.Now()
	silent(t, laptop, "guinness", laptop.Addr())
	if took := time.Since(begin); took < 3100*time.Millisecond {
		t.Errorf("gave up after %v; want 3.1 s at least", took)
	}
}

// Experiment 12: a suspended server. The client gives up; five requests wait
// in the socket, and five late replies meet a port that nobody has any more.
func TestSuspendedServer(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")

	server := serve(t, guinness, "udp_remote", "server", guinness.Addr().String())
	answered(t, laptop, "guinness", laptop.Addr(), server)
	if err := server.Signal("TSTP"); err != nil {
		t.Fatal(err)
	}
	port, stderr := client(t, laptop, "guinness", laptop.Addr(), 1, regexp.QuoteMeta(silence))
	if stderr != gaveUp+"\n" {
		t.Errorf("client: %q; want %q", stderr, gaveUp)
	}
	late := counter(t, laptop, "Udp", "NoPorts")
	told := counter(t, guinness, "Icmp", "InDestUnreachs")
	if err := server.Signal("CONT"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		want := fmt.Sprintf("The client at ('%s', %s) says '%s'", laptop.Addr(), port, request)
		if _, err := server.WaitLine(soon(t), want); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { return counter(t, laptop, "Udp", "NoPorts") == late+5 })
	until(t, func() bool { return counter(t, guinness, "Icmp", "InDestUnreachs") == told+5 })
	answered(t, laptop, "guinness", laptop.Addr(), server) // and it serves on
}

// at writes an address and a port together.
func at(addr netip.Addr, port string) string {
	if addr.Is6() {
		return "[" + addr.String() + "]:" + port
	}
	return addr.String() + ":" + port
}
