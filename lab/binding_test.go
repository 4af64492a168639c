package lab_test

import (
	"net/netip"
	"testing"

	"hostlab/lab"
)

// BOOK.md's experiments 1 to 9: which client a server's address lets in. Every
// one has its counter-experiment beside it.

// Experiments 1 and 2: a server on the loopback serves its own machine alone.
func TestLoopbackOnly(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")

	refused(t, guinness, "127.0.0.1", loopback) // nobody listens yet
	server := serve(t, guinness, "udp_remote", "server", "127.0.0.1")
	answered(t, guinness, "127.0.0.1", loopback, server)
	refused(t, guinness, guinness.Addr().String(), guinness.Addr())
	refused(t, laptop, "guinness", laptop.Addr())
}

// Experiment 3: a server on ” serves every address of its machine.
func TestEveryInterface(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")

	for _, wildcard := range []string{"", "0.0.0.0"} {
		server := serve(t, guinness, "udp_remote", "server", wildcard)
		answered(t, guinness, "127.0.0.1", loopback, server)
		answered(t, guinness, guinness.Addr().String(), guinness.Addr(), server)
		answered(t, laptop, "guinness", laptop.Addr(), server)
		stop(t, server)
		refused(t, laptop, "guinness", laptop.Addr())
	}
}

// Experiments 4 to 6, the page itself: a server on the external address.
func TestExternalInterface(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	external := guinness.Addr()

	server := serve(t, guinness, "udp_remote", "server", external.String())
	answered(t, laptop, "guinness", laptop.Addr(), server)
	answered(t, laptop, external.String(), laptop.Addr(), server)
	refused(t, guinness, "127.0.0.1", loopback)
	answered(t, guinness, external.String(), external, server)
}

// Experiment 7: who says "refused". The page holds that only the loopback
// does; the kernel of a machine on the same network does so too, and what
// silences it is a filter, or that there is no machine.
func TestWhoRefuses(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	absent := guinness.Addr().Next() // 192.168.5.131 is nobody's

	refused(t, guinness, "127.0.0.1", loopback)
	refused(t, laptop, "guinness", laptop.Addr())

	t.Run("silence", func(t *testing.T) {
		faulty(t, guinness, "drop", "udp/1060")
		t.Run("filter", func(t *testing.T) {
			t.Parallel()
			silent(t, laptop, "guinness", laptop.Addr())
		})
		t.Run("absent", func(t *testing.T) {
			t.Parallel()
			silent(t, laptop, absent.String(), laptop.Addr())
		})
	})
	refused(t, laptop, "guinness", laptop.Addr()) // and without the filter again
}

// Experiment 7, its other half: a socket that is not connected is told
// nothing, neither by its own kernel nor by another.
func TestUnconnectedHearsNoRefusal(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")

	for _, from := range []struct {
		name   string
		host   *lab.Host
		to     string
		client netip.Addr
	}{
		{"loopback", guinness, "127.0.0.1", loopback},
		{"network", laptop, "guinness", laptop.Addr()},
	} {
		t.Run(from.name, func(t *testing.T) {
			h, client := from.host, from.client
			refusals := counter(t, h, "Icmp", "InDestUnreachs")
			deaf, port := askUnconnected(t, h, from.to)
			until(t, func() bool { return counter(t, h, "Icmp", "InDestUnreachs") > refusals })

			// The refusal has reached the client's kernel and the client does not
			// know: it still takes an answer.
			run(t, l.Host("guinness"), 0, "forge", "--from", at(guinness.Addr(), "1060"), "--to", at(client, port), "at last")
			if _, err := deaf.WaitLine(soon(t), "at last"); err != nil {
				t.Error(err)
			}
		})
	}
}

// Experiment 8: two servers on one port, each with an address of its own.
func TestTwoServers(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	external := guinness.Addr()

	inner := serve(t, guinness, "udp_remote", "server", "127.0.0.1")
	outer := serve(t, guinness, "udp_remote", "server", external.String())
	answered(t, laptop, "guinness", laptop.Addr(), outer)
	answered(t, guinness, external.String(), external, outer)
	answered(t, guinness, "127.0.0.1", loopback, inner)

	stop(t, outer)
	refused(t, laptop, "guinness", laptop.Addr())
	answered(t, guinness, "127.0.0.1", loopback, inner)
}

// Experiment 9: an address and port pair has one owner.
func TestAddressInUse(t *testing.T) {
	l := page.get(t)
	guinness := l.Host("guinness")
	external := guinness.Addr().String()

	for _, order := range []struct{ first, second string }{
		{external, external},
		{external, ""},
		{"", external},
		{"127.0.0.1", ""},
		{"", "127.0.0.1"},
	} {
		first := serve(t, guinness, "udp_remote", "server", order.first)
		errno(t, guinness, "EADDRINUSE", 98, "udp_remote", "--json", "server", order.second)
		stop(t, first)
		stop(t, serve(t, guinness, "udp_remote", "server", order.second)) // alone it may
	}
}

// Experiment 9, its other half: with SO_REUSEADDR or SO_REUSEPORT on both they
// may share, and the more specific address wins.
func TestSharedPort(t *testing.T) {
	l := page.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	external := guinness.Addr()

	for _, option := range []string{"--reuse-addr", "--reuse-port"} {
		every := serve(t, guinness, "udp_remote", "server", "", option)
		errno(t, guinness, "EADDRINUSE", 98, "udp_remote", "--json", "server", external.String())
		one := serve(t, guinness, "udp_remote", "server", external.String(), option)
		answered(t, laptop, "guinness", laptop.Addr(), one)
		answered(t, guinness, "127.0.0.1", loopback, every)
		stop(t, one)
		answered(t, laptop, "guinness", laptop.Addr(), every)
		stop(t, every)
	}
}
