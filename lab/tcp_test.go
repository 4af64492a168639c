package lab_test

import (
	"fmt"
	"testing"

	"hostlab/lab"
)

// Experiment 17: the same bindings under TCP. Where UDP leaves the refusal to
// ICMP, TCP has its own word for it, RST (RFC 9293 section 3.10.7.1): refused
// at once, locally and remotely.
func TestBindingsUnderTCP(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	external := guinness.Addr().String()

	for _, bound := range []struct {
		server                   string
		outside, inside, inside2 bool // is laptop served, guinness by 127.0.0.1, by its external address
	}{
		{server: "127.0.0.1", inside: true},
		{server: external, outside: true, inside2: true},
		{server: "", outside: true, inside: true, inside2: true},
	} {
		t.Run("server "+bound.server, func(t *testing.T) {
			server := serve(t, guinness, "tcp_sixteen", "server", bound.server)
			connect(t, laptop, "guinness", server, bound.outside)
			connect(t, guinness, "127.0.0.1", server, bound.inside)
			connect(t, guinness, external, server, bound.inside2)
			stop(t, server)
			connect(t, laptop, "guinness", server, false)
			connect(t, guinness, "127.0.0.1", server, false)
		})
	}
}

// connect runs tcp_sixteen's client and wants it served, both ends naming the
// other as it names itself, or refused by an RST.
func connect(t *testing.T, h *lab.Host, to string, server *lab.Process, served bool) {
	t.Helper()
	if !served {
		resets := counter(t, h, "Tcp", "AttemptFails")
		errno(t, h, "ECONNREFUSED", 111, "tcp_sixteen", "--json", "client", to)
		if got := counter(t, h, "Tcp", "AttemptFails") - resets; got != 1 {
			t.Errorf("%s: %d connections failed; want 1", h.Name, got)
		}
		return
	}
	p, port := ask(t, h, "Client has been assigned socket name", "tcp_sixteen", "client", to)
	if _, err := server.WaitLine(soon(t), fmt.Sprintf(", %s)", port)); err != nil {
		t.Error(err)
	}
	if res, err := p.Wait(soon(t)); err != nil {
		t.Errorf("%v\n%s%s", err, res.Stdout, res.Stderr)
	}
}
