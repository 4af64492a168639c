package topology

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func renumbered(t *testing.T) *Topology {
	t.Helper()
	top, err := routed().Renumber(map[netip.Prefix]netip.Prefix{
		pfx("192.168.5.0/24"): pfx("10.213.7.0/24"),
		pfx("10.0.9.0/28"):    pfx("172.20.1.16/28"),
		pfx("fd00:5::/64"):    pfx("fd12:3456:789a:1::/64"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func TestRenumber(t *testing.T) {
	from := routed()
	want := routed()
	want.Networks[0].Prefixes = []netip.Prefix{pfx("10.213.7.0/24"), pfx("fd12:3456:789a:1::/64")}
	want.Networks[0].Gateways = []netip.Addr{addr("10.213.7.254")}
	want.Networks[1].Prefixes = []netip.Prefix{pfx("172.20.1.16/28")}
	want.Hosts[0].Interfaces[0].Addrs = []netip.Addr{addr("10.213.7.10"), addr("fd12:3456:789a:1::10")}
	want.Hosts[0].Routes = []Route{
		{To: pfx("0.0.0.0/0"), Via: addr("10.213.7.1")},
		{To: pfx("172.20.1.16/28"), Via: addr("10.213.7.1")},
		{To: pfx("172.20.1.20/30"), Via: addr("10.213.7.1")}, // within a network, so it moves along
	}
	want.Hosts[1].Interfaces[0].Addrs = []netip.Addr{addr("10.213.7.1")}
	want.Hosts[1].Interfaces[1].Addrs = []netip.Addr{addr("172.20.1.17")}
	want.Hosts[2].Interfaces[0].Addrs = []netip.Addr{addr("172.20.1.23")}
	want.Hosts[2].Routes = []Route{{To: pfx("10.213.7.0/24"), Via: addr("172.20.1.17")}}
	got := renumbered(t)
	if diff := cmp.Diff(want, got, noPosition); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// The copy shares nothing with the original.
	got.Hosts[0].Aliases[0], got.Hosts[0].Sysctls["net.ipv4.ip_default_ttl"] = "x", "x"
	got.Hosts[0].Interfaces[0].Network, got.Hosts[0].Routes[0].Via = "x", netip.Addr{}
	if diff := cmp.Diff(routed(), from, noPosition); diff != "" {
		t.Errorf("the original changed (-want +got):\n%s", diff)
	}
}

// Two networks may change places: a prefix is not renumbered twice.
func TestRenumberSwap(t *testing.T) {
	top, err := LAN("", LANHost{Name: "a", Addrs: []netip.Prefix{pfx("10.0.0.7/24"), pfx("10.0.1.8/24")}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := top.Renumber(map[netip.Prefix]netip.Prefix{pfx("10.0.0.0/24"): pfx("10.0.1.0/24"), pfx("10.0.1.0/24"): pfx("10.0.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]netip.Addr{addr("10.0.1.7"), addr("10.0.0.8")}, got.Hosts[0].Addrs(), byValue); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text := Rewriter(top, got)("10.0.0.7 10.0.1.8"); text != "10.0.1.7 10.0.0.8" {
		t.Errorf("rewritten: %s; want 10.0.1.7 10.0.0.8", text)
	}
}

// A route to more than the network is not the network's.
func TestRenumberSupernet(t *testing.T) {
	top, err := LAN("", LANHost{Name: "a", Addrs: []netip.Prefix{pfx("10.0.0.7/24")}}, LANHost{Name: "r", Addrs: []netip.Prefix{pfx("10.0.0.1/24")}})
	if err != nil {
		t.Fatal(err)
	}
	top.Hosts[0].Routes = []Route{{To: pfx("10.0.0.0/8"), Via: addr("10.0.0.1")}}
	got, err := top.Renumber(map[netip.Prefix]netip.Prefix{pfx("10.0.0.0/24"): pfx("192.168.5.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := got.Hosts[0].Routes[0], (Route{To: pfx("10.0.0.0/8"), Via: addr("192.168.5.1")}); got != want {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestRenumberBad(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to string
		want     string
	}{
		{"no such prefix", "192.168.5.0/25", "10.0.0.0/25", "topology: renumber 192.168.5.0/25: no network has that prefix"},
		{"length", "192.168.5.0/24", "10.0.0.0/16", "topology: renumber 192.168.5.0/24: 10.0.0.0/16: want an IPv4 prefix of 24 bits"},
		{"family", "192.168.5.0/24", "fd00::/24", "topology: renumber 192.168.5.0/24: fd00::/24: want an IPv4 prefix of 24 bits"},
		{"bits behind", "192.168.5.0/24", "10.0.0.7/24", "topology: renumber 192.168.5.0/24: 10.0.0.7/24: want a prefix without bits behind its length"},
		{"taken", "192.168.5.0/24", "10.0.9.0/24", "topology: renumber: topology: network wan: prefix 10.0.9.0/28 overlaps 10.0.9.0/24 of network lan\n" +
			"topology: host r1: interface wan: address 10.0.9.1 is taken by host r1"},
	} {
		_, err := routed().Renumber(map[netip.Prefix]netip.Prefix{pfx(tt.from): pfx(tt.to)})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v; want %s", tt.name, err, tt.want)
		}
	}
}

func TestRewriter(t *testing.T) {
	rewrite := Rewriter(routed(), renumbered(t))
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "no address", "no address"},
		{"empty", "", ""},
		{"command", "udp_remote server 192.168.5.10", "udp_remote server 10.213.7.10"},
		{"the book's form", "Listening at ('192.168.5.10', 1060)", "Listening at ('10.213.7.10', 1060)"},
		{"two", "192.168.5.10 192.168.5.1", "10.213.7.10 10.213.7.1"},
		{"side by side", "192.168.5.10,192.168.5.1/192.168.5.10-10.0.9.7", "10.213.7.10,10.213.7.1/10.213.7.10-172.20.1.23"},
		{"port", "udp/192.168.5.10:1060", "udp/10.213.7.10:1060"},
		{"port and colon", "192.168.5.10:1060: hello; x192.168.5.10:1060: no", "10.213.7.10:1060: hello; x192.168.5.10:1060: no"},
		{"colons around", "lo:192.168.5.10:x::192.168.5.10x", "lo:10.213.7.10:x::192.168.5.10x"},
		{"IPv6 behind dots", "...fd00:5::10 a.fd00:5::10", "...fd12:3456:789a:1::10 a.fd00:5::10"},
		{"end of a sentence", "It is 192.168.5.10. And it is (192.168.5.10).", "It is 10.213.7.10. And it is (10.213.7.10)."},
		{"end of a clause", "at 192.168.5.10: nobody", "at 10.213.7.10: nobody"},
		{"longer at the end", "192.168.5.100 192.168.5.1000", "10.213.7.100 192.168.5.1000"},
		{"longer at the start", "1192.168.5.10", "1192.168.5.10"},
		{"more numbers", "192.168.5.10.1 1.192.168.5.10", "192.168.5.10.1 1.192.168.5.10"},
		{"within a name", "x192.168.5.10 192.168.5.10x _192.168.5.10 192.168.5.10.pcap a.192.168.5.10", "x192.168.5.10 192.168.5.10x _192.168.5.10 192.168.5.10.pcap a.192.168.5.10"},
		{"host that is not declared", "192.168.5.77 192.168.5.77/24 192.168.6.77", "10.213.7.77 10.213.7.77/24 192.168.6.77"},
		{"host with the length", "inet 192.168.5.10/24 brd 192.168.5.255", "inet 10.213.7.10/24 brd 10.213.7.255"},
		{"prefix", "192.168.5.0/24 dev eth0 via 192.168.5.254", "10.213.7.0/24 dev eth0 via 10.213.7.254"},
		{"prefix without length", "route add -net 192.168.5.0 gw 192.168.5.1", "route add -net 10.213.7.0 gw 10.213.7.1"},
		{"prefix of another length", "192.168.5.0/25 192.168.5.0/240", "192.168.5.0/25 192.168.5.0/240"},
		{"broadcast of a /28", "10.0.9.15 10.0.9.14 10.0.9.16", "172.20.1.31 172.20.1.30 10.0.9.16"},
		{"IPv6", "udp_remote server fd00:5::10", "udp_remote server fd12:3456:789a:1::10"},
		{"IPv6 with a port", "[fd00:5::10]:1060 ('fd00:5::10', 1060)", "[fd12:3456:789a:1::10]:1060 ('fd12:3456:789a:1::10', 1060)"},
		{"IPv6 written otherwise", "FD00:0005:0:0:0::10", "fd12:3456:789a:1::10"},
		{"IPv6 prefix", "fd00:5::/64 fd00:5::/48", "fd12:3456:789a:1::/64 fd00:5::/48"},
		{"IPv6 at the end", "from fd00:5::10: hello. From fd00:5::10.", "from fd12:3456:789a:1::10: hello. From fd12:3456:789a:1::10."},
		{"IPv6 longer", "fd00:5::100 1fd00:5::10 fd00:5::10:1 xfd00:5::10 fd00:5::10x", "fd12:3456:789a:1::100 1fd00:5::10 fd12:3456:789a:1::10:1 xfd00:5::10 fd00:5::10x"},
		{"mapped", "::ffff:192.168.5.10", "::ffff:10.213.7.10"},
		{"link-local", "fe80::1%eth0", "fe80::1%eth0"},
		{"what looks alike", "12:30:45 02:42:c0:a8:05:0a a::b :: 1.2 v1.2.3 192.168.5", "12:30:45 02:42:c0:a8:05:0a a::b :: 1.2 v1.2.3 192.168.5"},
		{"loopback", "127.0.0.1 0.0.0.0 ::1", "127.0.0.1 0.0.0.0 ::1"},
		{"lines", "a 192.168.5.10\nb 192.168.5.10\n", "a 10.213.7.10\nb 10.213.7.10\n"},
		{"not ASCII", "é192.168.5.10 → 192.168.5.10", "é192.168.5.10 → 10.213.7.10"},
	} {
		if got := rewrite(tt.text); got != tt.want {
			t.Errorf("%s: %q becomes %q; want %q", tt.name, tt.text, got, tt.want)
		}
	}
}

func TestRewriterIdentity(t *testing.T) {
	rewrite := Rewriter(routed(), routed())
	for _, text := range []string{"", "192.168.5.10", "FD00:0005::10"} {
		if got := rewrite(text); got != text {
			t.Errorf("%q becomes %q; want no change", text, got)
		}
	}
}

// There and back again gives the text.
func FuzzRewriter(f *testing.F) {
	f.Add("192.168.5.10 and fd00:5::10, 192.168.5.0/24; 10.0.9.15")
	f.Add("FD00:0005::10 ::ffff:192.168.5.10:1060")
	top, err := routed().Renumber(map[netip.Prefix]netip.Prefix{pfx("192.168.5.0/24"): pfx("192.168.6.0/24")})
	if err != nil {
		f.Fatal(err)
	}
	there, back := Rewriter(routed(), top), Rewriter(top, routed())
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "192.168.6.") {
			return // would not come back as it was
		}
		once := there(text)
		if again := back(once); again != text {
			t.Errorf("%q becomes %q and then %q; want it back", text, once, again)
		}
	})
}
