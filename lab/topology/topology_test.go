package topology

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// laptop --- lan --- r1 --- wan --- guinness
func routed() *Topology {
	return &Topology{
		Networks: []Network{
			{Name: "lan", Prefixes: []netip.Prefix{pfx("192.168.5.0/24"), pfx("fd00:5::/64")}, Gateways: []netip.Addr{addr("192.168.5.254")}},
			{Name: "wan", Prefixes: []netip.Prefix{pfx("10.0.9.0/28")}, MTU: 1280},
		},
		Hosts: []Host{
			{
				Name: "laptop", Aliases: []string{"here"}, Sysctls: map[string]string{"net.ipv4.ip_default_ttl": "7"},
				Interfaces: []Interface{{Network: "lan", Addrs: []netip.Addr{addr("192.168.5.10"), addr("fd00:5::10")}}},
				Routes: []Route{
					{To: pfx("0.0.0.0/0"), Via: addr("192.168.5.1")},
					{To: pfx("10.0.9.0/28"), Via: addr("192.168.5.1")},
					{To: pfx("10.0.9.4/30"), Via: addr("192.168.5.1")},
				},
			},
			{
				Name: "r1", Forward: true,
				Interfaces: []Interface{
					{Network: "lan", Addrs: []netip.Addr{addr("192.168.5.1")}},
					{Network: "wan", Addrs: []netip.Addr{addr("10.0.9.1")}},
				},
			},
			{
				Name:       "guinness",
				Interfaces: []Interface{{Network: "wan", Addrs: []netip.Addr{addr("10.0.9.7")}}},
				Routes:     []Route{{To: pfx("192.168.5.0/24"), Via: addr("10.0.9.1")}},
			},
		},
	}
}

func TestValidateLiterals(t *testing.T) {
	if err := routed().Validate(); err != nil {
		t.Errorf("a right topology: %v", err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Topology)
		want   string
	}{
		{"zero", func(t *Topology) { *t = Topology{} }, "no networks: want at least one for the hosts to stand on\nno hosts: want at least one"},
		{"network without a name", func(t *Topology) { t.Networks[1].Name = "" },
			"network \"\": the name is not letters, digits, '_', '.' and '-' after a letter or digit\n" +
				"host r1: unknown network wan; did you mean lan?\nhost guinness: unknown network wan; did you mean lan?"},
		{"network twice", func(t *Topology) { t.Networks = append(t.Networks, Network{Name: "lan"}) }, "network lan: the name is taken by another network"},
		{"prefix missing", func(t *Topology) { t.Networks[1].Prefixes = append(t.Networks[1].Prefixes, netip.Prefix{}) },
			"network wan: prefix invalid Prefix is missing"},
		{"mapped prefix", func(t *Topology) { t.Networks[1].Prefixes = append(t.Networks[1].Prefixes, pfx("::ffff:10.0.9.0/124")) },
			"network wan: prefix ::ffff:10.0.9.0/124 is IPv4 written as IPv6: want it as IPv4"},
		{"two gateways", func(t *Topology) { t.Networks[0].Gateways = []netip.Addr{addr("192.168.5.254"), addr("192.168.5.253")} },
			"network lan: gateway 192.168.5.253 beside 192.168.5.254: want at most one in 192.168.5.0/24"},
		{"gateway missing", func(t *Topology) { t.Networks[1].Gateways = []netip.Addr{{}} }, "network wan: gateway invalid IP is outside network wan 10.0.9.0/28"},
		{"negative MTU", func(t *Topology) { t.Networks[1].MTU = -1 }, "network wan: MTU -1: want 68 to 65535 bytes"},
		{"host without a name", func(t *Topology) { t.Hosts[0].Name = "" }, `host "": the name is missing`},
		{"host twice", func(t *Topology) {
			t.Hosts = append(t.Hosts, Host{Name: "r1", Interfaces: []Interface{{Network: "lan"}}})
		},
			"host r1: the name is taken by another host"},
		{"own name as alias", func(t *Topology) { t.Hosts[0].Aliases = []string{"laptop", "here", "here"} }, ""},
		{"empty alias", func(t *Topology) { t.Hosts[0].Aliases = []string{""} }, `host laptop: alias "" is missing`},
		{"long alias", func(t *Topology) { t.Hosts[0].Aliases = []string{strings.Repeat("a.", 127) + "a"} },
			`host laptop: alias "` + strings.Repeat("a.", 127) + `a" is longer than 253 characters (RFC 1035 section 2.3.4)`},
		{"no interface", func(t *Topology) { t.Hosts[0].Interfaces, t.Hosts[0].Routes = nil, nil }, "host laptop: stands on no network"},
		{"two on one network", func(t *Topology) {
			t.Hosts[0].Interfaces = append(t.Hosts[0].Interfaces, Interface{Network: "lan"})
		}, "host laptop: a second interface on network lan: want one on each network"},
		{"two addresses of a family", func(t *Topology) {
			i := &t.Hosts[0].Interfaces[0]
			i.Addrs = append(i.Addrs, addr("192.168.5.11"))
		}, "host laptop: interface lan: address 192.168.5.11 beside 192.168.5.10: want at most one IPv4 address"},
		{"address missing", func(t *Topology) { t.Hosts[0].Interfaces[0].Addrs[1] = netip.Addr{} }, "host laptop: interface lan: an address is missing"},
		{"mapped address", func(t *Topology) { t.Hosts[0].Interfaces[0].Addrs[1] = addr("::ffff:192.168.5.10") },
			"host laptop: interface lan: address ::ffff:192.168.5.10 is outside network lan 192.168.5.0/24 fd00:5::/64"},
		{"route without a neighbour", func(t *Topology) { t.Hosts[0].Routes[0].Via = netip.Addr{} },
			"host laptop: a route without a destination or a neighbour: want both"},
		{"route via another network's host", func(t *Topology) { t.Hosts[0].Routes[0].Via = addr("10.0.9.7") },
			"host laptop: route to 0.0.0.0/0 via 10.0.9.7: that is no address of a host on its networks"},
		{"alias of 253 characters", func(t *Topology) { t.Hosts[0].Aliases = []string{strings.Repeat("a.", 126) + "a"} }, ""},
		{"the first address of a /127", func(t *Topology) { // RFC 6164: both are hosts'
			t.Networks[1].Prefixes = []netip.Prefix{pfx("10.0.9.0/28"), pfx("fd00:9::6/127")}
			t.Hosts[1].Interfaces[1].Addrs = []netip.Addr{addr("10.0.9.1"), addr("fd00:9::6")}
		}, ""},
		{"the last address of a /31", func(t *Topology) { // RFC 3021: both are hosts'
			t.Networks[1].Prefixes = []netip.Prefix{pfx("10.0.9.6/31")}
			t.Hosts[1].Interfaces[1].Addrs = []netip.Addr{addr("10.0.9.6")}
			t.Hosts[2].Routes[0].Via = addr("10.0.9.6")
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := routed()
			tt.change(top)
			got := ""
			if err := top.Validate(); err != nil {
				got = strings.ReplaceAll("\n"+err.Error(), "\ntopology: ", "\n")[1:]
			}
			if got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestLAN(t *testing.T) {
	at := func(name string, addrs ...string) LANHost {
		h := LANHost{Name: name, Pos: Pos{File: "lesson.md", Line: 4}}
		for _, a := range addrs {
			h.Addrs = append(h.Addrs, pfx(a))
		}
		return h
	}
	on := func(network string, addrs ...string) Interface {
		i := Interface{Network: network}
		for _, a := range addrs {
			i.Addrs = append(i.Addrs, addr(a))
		}
		return i
	}
	for _, tt := range []struct {
		name    string
		network string
		hosts   []LANHost
		want    *Topology
		wantErr string
	}{
		{
			name:  "page 30",
			hosts: []LANHost{at("laptop", "192.168.5.10/24"), at("guinness", "192.168.5.130/24")},
			want: &Topology{
				Networks: []Network{{Name: "lan", Prefixes: []netip.Prefix{pfx("192.168.5.0/24")}}},
				Hosts: []Host{
					{Name: "laptop", Interfaces: []Interface{on("lan", "192.168.5.10")}},
					{Name: "guinness", Interfaces: []Interface{on("lan", "192.168.5.130")}},
				},
			},
		},
		{
			name:    "both families on one network",
			network: "home",
			hosts:   []LANHost{at("a", "10.0.0.1/24", "fd00::1/64"), at("b", "fd00::2/64")},
			want: &Topology{
				Networks: []Network{{Name: "home", Prefixes: []netip.Prefix{pfx("10.0.0.0/24"), pfx("fd00::/64")}}},
				Hosts: []Host{
					{Name: "a", Interfaces: []Interface{on("home", "10.0.0.1", "fd00::1")}},
					{Name: "b", Interfaces: []Interface{on("home", "fd00::2")}},
				},
			},
		},
		{
			name:  "a router between two networks",
			hosts: []LANHost{at("a", "10.0.0.7/24"), at("r", "10.0.0.1/24", "10.0.1.1/24"), at("b", "10.0.1.7/24")},
			want: &Topology{
				Networks: []Network{{Name: "lan", Prefixes: []netip.Prefix{pfx("10.0.0.0/24")}}, {Name: "lan2", Prefixes: []netip.Prefix{pfx("10.0.1.0/24")}}},
				Hosts: []Host{
					{Name: "a", Interfaces: []Interface{on("lan", "10.0.0.7")}},
					{Name: "r", Interfaces: []Interface{on("lan", "10.0.0.1"), on("lan2", "10.0.1.1")}},
					{Name: "b", Interfaces: []Interface{on("lan2", "10.0.1.7")}},
				},
			},
		},
		{
			name: "nobody",
			wantErr: "topology: no networks: want at least one for the hosts to stand on\n" +
				"topology: no hosts: want at least one",
		},
		{
			name:    "lengths that differ",
			hosts:   []LANHost{at("a", "192.168.5.10/24"), at("b", "192.168.5.130/25")},
			wantErr: "topology: lesson.md:4: network lan2: prefix 192.168.5.128/25 overlaps 192.168.5.0/24 of network lan",
		},
		{
			name:  "all wrong",
			hosts: []LANHost{at("a_b", "192.168.5.0/24"), at("b", "192.168.5.255/24"), {Name: "c", Addrs: []netip.Prefix{{}}}, at("d", "192.168.5.4/24", "192.168.5.5/24")},
			wantErr: "topology: host c: address is missing or no address with a prefix length: want one like 192.168.5.10/24\n" +
				`topology: lesson.md:4: host "a_b": the name is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)` + "\n" +
				"topology: lesson.md:4: host a_b: interface lan: address 192.168.5.0 is the address of the network 192.168.5.0/24 itself\n" +
				"topology: lesson.md:4: host b: interface lan: address 192.168.5.255 is the broadcast address of 192.168.5.0/24\n" +
				"topology: lesson.md:4: host d: interface lan: address 192.168.5.5 beside 192.168.5.4: want at most one IPv4 address",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := LAN(tt.network, tt.hosts...)
			if tt.wantErr != "" {
				if err == nil || err.Error() != tt.wantErr {
					t.Errorf("got:\n%v\nwant:\n%s", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, noPosition); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLookups(t *testing.T) {
	top := routed()
	if h, ok := top.Host("HERE"); !ok || h.Name != "laptop" {
		t.Errorf("Host(HERE) = %s, %v; want laptop", h.Name, ok)
	}
	if h, ok := top.Host("nobody"); ok {
		t.Errorf("Host(nobody) = %s; want none", h.Name)
	}
	if h, ok := top.HostOf(addr("10.0.9.1")); !ok || h.Name != "r1" {
		t.Errorf("HostOf(10.0.9.1) = %s, %v; want r1", h.Name, ok)
	}
	if h, ok := top.HostOf(addr("10.0.9.2")); ok {
		t.Errorf("HostOf(10.0.9.2) = %s; want none", h.Name)
	}
	r1, _ := top.Host("r1")
	if a, ok := r1.Addr("wan"); !ok || a != addr("10.0.9.1") {
		t.Errorf("r1 on wan: %s, %v; want 10.0.9.1", a, ok)
	}
	if a, ok := r1.Addr("office"); ok {
		t.Errorf("r1 on office: %s; want none", a)
	}
}

func TestNamesFor(t *testing.T) {
	top := routed()
	laptop, _ := top.Host("laptop")
	want := []NamedAddr{
		{"here", addr("192.168.5.10")}, {"here", addr("fd00:5::10")},
		{"r1", addr("192.168.5.1")}, {"r1", addr("10.0.9.1")},
		{"guinness", addr("10.0.9.7")},
	}
	if diff := cmp.Diff(want, top.NamesFor(laptop), byValue); diff != "" {
		t.Errorf("NamesFor(laptop) (-want +got):\n%s", diff)
	}
	guinness, _ := top.Host("guinness")
	want = []NamedAddr{
		{"laptop", addr("192.168.5.10")}, {"laptop", addr("fd00:5::10")},
		{"here", addr("192.168.5.10")}, {"here", addr("fd00:5::10")},
		{"r1", addr("10.0.9.1")}, {"r1", addr("192.168.5.1")},
	}
	if diff := cmp.Diff(want, top.NamesFor(guinness), byValue); diff != "" {
		t.Errorf("NamesFor(guinness) (-want +got):\n%s", diff)
	}
}

func TestBroadcast(t *testing.T) {
	for _, tt := range []struct{ prefix, want string }{
		{"192.168.5.0/24", "192.168.5.255"},
		{"10.0.9.0/28", "10.0.9.15"},
		{"10.0.9.4/30", "10.0.9.7"},
		{"10.128.0.0/9", "10.255.255.255"},
		{"10.0.9.6/31", ""},
		{"10.0.9.6/32", ""},
		{"fd00::/64", ""},
	} {
		got, ok := Broadcast(pfx(tt.prefix))
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("Broadcast(%s) = %s, %v; want %q", tt.prefix, got, ok, tt.want)
		}
	}
}

func TestDraw(t *testing.T) {
	var b strings.Builder
	top := routed()
	top.Hosts[2].Interfaces[0].Addrs = nil // the engine chooses
	if err := top.Draw(&b); err != nil {
		t.Fatal(err)
	}
	want := "lan  192.168.5.0/24  fd00:5::/64\n" +
		" |-- laptop   192.168.5.10  fd00:5::10\n" +
		" `-- r1       192.168.5.1  (router)\n" +
		"wan  10.0.9.0/28  MTU 1280\n" +
		" |-- r1   10.0.9.1  (router)\n" +
		" `-- guinness\n"
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}
