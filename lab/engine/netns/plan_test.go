package netns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/engine/netns/holder"
	"hostlab/lab/topology"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestPlan(t *testing.T) {
	lan := topology.Network{Name: "lan", Prefixes: []netip.Prefix{prefix("192.168.5.0/24")}}
	v6 := topology.Network{Name: "v6", Prefixes: []netip.Prefix{prefix("fd00::/64")}, MTU: 1400}
	p, err := newPlan(&topology.Topology{
		Networks: []topology.Network{lan, v6},
		Hosts: []topology.Host{
			{Name: "a", Forward: true, Sysctls: map[string]string{"net.ipv4.conf.eth0.arp_ignore": "1", "net.ipv4.conf.default.arp_ignore": "2"},
				Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{addr("192.168.5.10")}}, {Network: "v6", Addrs: []netip.Addr{addr("fd00::1")}}},
				Routes:     []topology.Route{{To: prefix("10.0.0.0/8"), Via: addr("192.168.5.11")}}},
			{Name: "b", Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{addr("192.168.5.11")}}}},
		},
	}, []string{"sh"})
	if err != nil {
		t.Fatal(err)
	}
	bridges := []holder.Bridge{{Network: "lan", MTU: 1500, Trunk: -1}, {Network: "v6", MTU: 1400, Trunk: -1}}
	if diff := cmp.Diff(bridges, p.Bridges); diff != "" || p.Static {
		t.Errorf("static %v, bridges: %s", p.Static, diff)
	}
	a, b := p.Hosts[0], p.Hosts[1]
	links := []holder.Link{
		{Network: "lan", Bridge: 0, MAC: [6]byte{2, 0x42, 192, 168, 5, 10}, MTU: 1500, Addrs: []netip.Prefix{prefix("192.168.5.10/24")}},
		{Network: "v6", Bridge: 1, MAC: [6]byte{2, 0x43, 0, 0, 0, 1}, MTU: 1400, Addrs: []netip.Prefix{prefix("fd00::1/64")}},
	}
	if diff := cmp.Diff(links, a.Links, cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })); diff != "" {
		t.Errorf("links: %s", diff)
	}
	if len(a.Routes) != 1 || a.Routes[0] != (holder.Route{To: prefix("10.0.0.0/8"), Via: addr("192.168.5.11")}) {
		t.Errorf("routes %v", a.Routes)
	}
	for _, want := range []struct {
		list        []holder.Setting
		name, value string // "" that it is not there
	}{
		{a.Early, "net/ipv4/ip_forward", "1"},
		{b.Early, "net/ipv4/ip_forward", "0"},
		{b.Early, "net/ipv4/icmp_ratelimit", "0"},
		{a.Early, "net/ipv6/conf/all/forwarding", "1"},
		{a.Early, "net/ipv6/conf/default/disable_ipv6", ""},
		{a.Late, "net/ipv6/conf/eth0/disable_ipv6", "1"},
		{a.Late, "net/ipv6/conf/eth1/disable_ipv6", ""},
		{b.Early, "net/ipv6/conf/default/disable_ipv6", "1"},
		{a.Early, "net/ipv4/conf/default/arp_ignore", "2"},
		{a.Late, "net/ipv4/conf/eth0/arp_ignore", "1"},
	} {
		i := slices.IndexFunc(want.list, func(s holder.Setting) bool { return s.Name == want.name })
		if got := ""; i >= 0 {
			got = want.list[i].Value
			if got != want.value {
				t.Errorf("%s = %s; want %q", want.name, got, want.value)
			}
		} else if want.value != "" {
			t.Errorf("%s is not set; want %s", want.name, want.value)
		}
	}
}

// A network of more hosts than a bridge has ports has several bridges, which
// hang on the first.
func TestPlanTrunks(t *testing.T) {
	top := &topology.Topology{Networks: []topology.Network{{Name: "lan", Prefixes: []netip.Prefix{prefix("10.0.0.0/16")}}}}
	for i := range 2*portsPerBridge + 1 {
		top.Hosts = append(top.Hosts, topology.Host{Name: fmt.Sprintf("h%d", i), Interfaces: []topology.Interface{{Network: "lan"}}})
	}
	top, err := complete(top)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(top, nil)
	if err != nil {
		t.Fatal(err)
	}
	ports := make([]int, len(p.Bridges))
	for _, h := range p.Hosts {
		ports[h.Links[0].Bridge]++
	}
	var trunks []int
	for _, b := range p.Bridges {
		trunks = append(trunks, b.Trunk)
	}
	if !slices.Equal(ports, []int{portsPerBridge, portsPerBridge, 1}) || !slices.Equal(trunks, []int{-1, 0, 0}) || !p.Static {
		t.Errorf("ports %v, trunks %v, static %v", ports, trunks, p.Static)
	}
}

// Two addresses with one ending do not make one Ethernet address.
func TestMACs(t *testing.T) {
	w := &wire{macs: map[[6]byte]bool{}}
	first, second := w.mac([]netip.Addr{addr("fd00::1:0:0:7")}), w.mac([]netip.Addr{addr("fd00::2:0:0:7")})
	if first == second || first[0] != 2 || second[0] != 2 {
		t.Errorf("%x and %x; want two locally administered ones", first, second)
	}
	if got, want := w.mac([]netip.Addr{addr("fd00::9"), addr("10.1.2.3")}), ([6]byte{2, 0x42, 10, 1, 2, 3}); got != want {
		t.Errorf("%x; want %x of the IPv4 address", got, want)
	}
}

func TestComplete(t *testing.T) {
	on := func(network string, addrs ...netip.Addr) topology.Interface {
		return topology.Interface{Network: network, Addrs: addrs}
	}
	given := &topology.Topology{
		Networks: []topology.Network{
			{Name: "lan", Prefixes: []netip.Prefix{prefix("192.168.5.0/29"), prefix("fd00::/64")}, Gateways: []netip.Addr{addr("192.168.5.2")}},
			{Name: "any"}, {Name: "ten", Prefixes: []netip.Prefix{prefix("10.0.0.0/24")}},
		},
		Hosts: []topology.Host{
			{Name: "a", Interfaces: []topology.Interface{on("lan"), on("any")}},
			{Name: "b", Interfaces: []topology.Interface{on("lan", addr("192.168.5.1"))}},
			{Name: "c", Interfaces: []topology.Interface{on("lan", addr("fd00::1"))}},
		},
	}
	got, err := complete(given)
	if err != nil {
		t.Fatal(err)
	}
	var addrs []string
	for _, h := range got.Hosts {
		addrs = append(addrs, fmt.Sprint(h.Name, " ", h.Addrs()))
	}
	want := []string{"a [192.168.5.3 fd00::2 10.0.1.1]", "b [192.168.5.1 fd00::3]", "c [fd00::1 192.168.5.4]"}
	if diff := cmp.Diff(want, addrs); diff != "" {
		t.Errorf("addresses: %s", diff)
	}
	if len(given.Hosts[0].Addrs()) != 0 {
		t.Error("the topology that was given is changed")
	}
	for range 4 {
		given.Hosts = append(given.Hosts, topology.Host{Name: fmt.Sprintf("h%d", len(given.Hosts)), Interfaces: []topology.Interface{on("lan")}})
	}
	if _, err := complete(given); err == nil || !strings.Contains(err.Error(), "has no address left in 192.168.5.0/29") {
		t.Errorf("too many hosts: %v", err)
	}
}

// Names are found under addresses that the asker shares a network with first.
func TestHostsFile(t *testing.T) {
	on := func(network, a string) topology.Interface {
		return topology.Interface{Network: network, Addrs: []netip.Addr{addr(a)}}
	}
	top := &topology.Topology{Hosts: []topology.Host{
		{Name: "a", Aliases: []string{"me"}, Interfaces: []topology.Interface{on("near", "10.1.0.1")}},
		{Name: "b", Aliases: []string{"www"}, Interfaces: []topology.Interface{on("far", "10.2.0.2"), on("near", "10.1.0.2")}},
	}}
	got := hostsFile(top, top.Hosts[0])
	_, got, _ = strings.Cut(got, "ip6-allrouters\n")
	want := "10.1.0.1\tme\n10.1.0.2\tb\n10.2.0.2\tb\n10.1.0.2\twww\n10.2.0.2\twww\n10.1.0.1\ta\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
