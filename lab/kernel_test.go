package lab_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"hostlab/lab"
)

// counter reads one of a host's kernel counters, of /proc/net/snmp (RFC 1213):
// what its kernel did with packets, whatever its programs say of it.
func counter(t *testing.T, h *lab.Host, group, name string) int {
	t.Helper()
	res := run(t, h, 0, "cat", "/proc/net/snmp")
	var names []string
	for line := range strings.Lines(res.Stdout) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != group+":" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, n := range names {
			if n == name {
				v, err := strconv.Atoi(fields[i])
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
	}
	t.Fatalf("%s: no counter %s %s in\n%s", h.Name, group, name, res.Stdout)
	return 0
}

// until polls a condition and fails the test when it has not come in 10 s.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatal("still not so after 10 s")
		}
	}
}

// ask starts a client that prints its name and then waits for an answer, and
// returns it with its port. It is killed, if need be, when the test ends.
func ask(t *testing.T, h *lab.Host, named string, args ...string) (p *lab.Process, port string) {
	t.Helper()
	p, err := h.Start(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Signal("KILL") // of one that has ended: nothing to report
		<-p.Done()
	})
	line, err := p.WaitLine(soon(t), named)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`, (\d+)\)`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no port in %q", line)
	}
	return p, m[1]
}

// askUnconnected starts udp_local's client, whose socket is not connected.
func askUnconnected(t *testing.T, h *lab.Host, to string) (p *lab.Process, port string) {
	t.Helper()
	return ask(t, h, "The OS assigned me the address", "udp_local", "client", to)
}

// askConnected starts udp_remote's client, whose socket is connected.
func askConnected(t *testing.T, h *lab.Host, to string) (p *lab.Process, port string) {
	t.Helper()
	return ask(t, h, "Client socket name is", "udp_remote", "client", to)
}
