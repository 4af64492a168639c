package lab_test

import (
	"net/netip"
	"regexp"
	"testing"

	"hostlab/lab/topology"
)

// Two networks and a host on both, which is no router:
//
//	laptop .10 --- lan 192.168.5.0/24 --- .130 guinness .130 --- back 10.77.0.0/24
//
// laptop believes that the way to the other network leads through guinness.
var twoHomed = &sharedLab{topology: func(testing.TB) *topology.Topology {
	lan, back := netip.MustParsePrefix("192.168.5.0/24"), netip.MustParsePrefix("10.77.0.0/24")
	first, second := netip.MustParseAddr("192.168.5.130"), netip.MustParseAddr("10.77.0.130")
	return &topology.Topology{
		Name: "two-homed",
		Networks: []topology.Network{
			{Name: "lan", Prefixes: []netip.Prefix{lan}},
			{Name: "back", Prefixes: []netip.Prefix{back}},
		},
		Hosts: []topology.Host{
			{
				Name:       "laptop",
				Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{netip.MustParseAddr("192.168.5.10")}}},
				Routes:     []topology.Route{{To: back, Via: first}},
			},
			{
				Name: "guinness",
				Interfaces: []topology.Interface{
					{Network: "lan", Addrs: []netip.Addr{first}},
					{Network: "back", Addrs: []netip.Addr{second}},
				},
			},
		},
	}
}}

// Experiment 13: the weak host. A server bound to the second address hears a
// datagram for it that came in on the first interface (RFC 1122 section
// 3.3.4.2), though the host forwards nothing. A filter protects, not the bind.
func TestWeakHost(t *testing.T) {
	l := twoHomed.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	second := guinness.Addr("back")

	if res := run(t, guinness, 0, "cat", "/proc/sys/net/ipv4/ip_forward"); res.Stdout != "0\n" {
		t.Fatalf("guinness is a router: ip_forward is %q", res.Stdout)
	}
	server := serve(t, guinness, "udp_remote", "server", second.String())
	answered(t, laptop, second.String(), laptop.Addr(), server)
	refused(t, laptop, guinness.Addr("lan").String(), laptop.Addr()) // the bind still means the address

	faulty(t, guinness, "drop", "udp/1060")
	silent(t, laptop, second.String(), laptop.Addr())
}

// Experiment 13b: the reply from the wrong address. A server on ” does not
// know which address it was asked under; its kernel answers with the one
// nearest to the client. A connected client is never told of that reply, and
// its kernel refuses it; an unconnected client reads it.
func TestReplyFromWrongAddress(t *testing.T) {
	l := twoHomed.get(t)
	laptop, guinness := l.Host("laptop"), l.Host("guinness")
	first, second := guinness.Addr("lan"), guinness.Addr("back")

	server := serve(t, guinness, "udp_remote", "server", "")
	answered(t, laptop, first.String(), laptop.Addr(), server)

	refusals := counter(t, laptop, "Icmp", "OutDestUnreachs")
	client(t, laptop, second.String(), laptop.Addr(), 1, regexp.QuoteMeta(silence))
	if got := counter(t, laptop, "Icmp", "OutDestUnreachs") - refusals; got != 5 {
		t.Errorf("laptop's kernel refused %d replies; want 5", got)
	}
	open, _ := askUnconnected(t, laptop, second.String())
	if _, err := open.WaitLine(soon(t), "The server ('"+first.String()+"', 1060) replied"); err != nil {
		t.Error(err)
	}
}
