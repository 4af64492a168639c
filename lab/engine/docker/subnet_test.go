package docker

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestClaimOther(t *testing.T) {
	for _, test := range []struct {
		name  string
		taken string
		wish  string
		want  string // "" for none
	}{
		{"the next one", "192.168.5.0/24", "192.168.5.0/24", "192.168.6.0/24"},
		{"past a wider one", "192.168.4.0/22", "192.168.5.0/24", "192.168.8.0/24"},
		{"past a narrower one", "192.168.5.0/24 192.168.6.128/25", "192.168.5.0/24", "192.168.7.0/24"},
		{"round to the start", "192.168.5.0/24 192.168.8.0/21 192.168.6.0/23 192.168.16.0/20 192.168.32.0/19 192.168.64.0/18 192.168.128.0/17", "192.168.5.0/24", "192.168.0.0/24"},
		{"the whole range", "192.168.0.0/16", "192.168.5.0/24", "172.16.0.0/24"},
		{"two ranges", "192.168.0.0/16 172.16.0.0/12", "192.168.5.0/24", "10.0.0.0/24"},
		{"from another range", "10.1.2.0/24", "10.1.2.0/24", "10.1.3.0/24"},
		{"from no private range", "198.51.100.0/24", "198.51.100.0/24", "192.168.0.0/24"},
		{"longer", "192.168.5.0/28", "192.168.5.0/28", "192.168.5.16/28"},
		{"as long as a range", "192.168.0.0/16", "192.168.0.0/16", "172.16.0.0/16"},
		{"shorter than most", "10.0.0.0/8", "10.0.0.0/8", ""},
		{"all", "192.168.0.0/16 172.16.0.0/12 10.0.0.0/8", "192.168.5.0/24", ""},
		{"IPv6", "fd00:1::/64", "fd00:1::/64", "fd68:6c61::/64"},
		{"the end of the addresses", "255.255.255.0/24", "255.255.255.0/24", "192.168.0.0/24"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s subnets
			for p := range strings.FieldsSeq(test.taken) {
				s.taken = append(s.taken, taken{prefix: prefix(p)})
			}
			got, err := s.claimOther(prefix(test.wish))
			if test.want == "" {
				if err == nil || !strings.Contains(hint.Of(err), "docker network prune") {
					t.Errorf("claimOther(%s) = %s, %v, hint %q; want an error with a way out", test.wish, got, err, hint.Of(err))
				}
				return
			}
			if err != nil || got != prefix(test.want) {
				t.Errorf("claimOther(%s) = %s, %v; want %s", test.wish, got, err, test.want)
			}
			if again, err := s.claimOther(prefix(test.wish)); err == nil && again == got {
				t.Errorf("claimOther(%s) gave %s away twice", test.wish, got)
			}
		})
	}
}

func TestInTheWay(t *testing.T) {
	for p, want := range map[string]bool{
		"0.0.0.0/0": false, "0.0.0.0/1": false, "128.0.0.0/1": false, "::/0": false,
		"127.0.0.0/8": false, "169.254.0.0/16": false, "fe80::/64": false, "224.0.0.0/4": false,
		"10.0.0.0/8": true, "192.168.5.0/24": true, "192.168.5.1/32": true, "fd00::/64": true,
	} {
		if got := inTheWay(prefix(p)); got != want {
			t.Errorf("inTheWay(%s) = %v; want %v", p, got, want)
		}
	}
}

func TestMoved(t *testing.T) {
	for _, test := range []struct{ addr, to, want string }{
		{"192.168.5.130", "10.7.8.0/24", "10.7.8.130"},
		{"10.0.1.254", "10.64.0.0/20", "10.64.1.254"},
		{"fd00::42", "fd68:6c61::/64", "fd68:6c61::42"},
	} {
		if got := moved(netip.MustParseAddr(test.addr), prefix(test.to)); got != netip.MustParseAddr(test.want) {
			t.Errorf("moved(%s, %s) = %s; want %s", test.addr, test.to, got, test.want)
		}
	}
}

func TestGateways(t *testing.T) {
	for _, test := range []struct {
		prefix, hosts, given string
		want                 string // "" for none
	}{
		{"192.168.5.0/24", "192.168.5.10", "", "192.168.5.254"},
		{"192.168.5.0/24", "192.168.5.254 192.168.5.253", "", "192.168.5.252"},
		{"192.168.5.0/24", "192.168.5.10", "192.168.5.1", "192.168.5.1"},
		{"192.168.5.0/24", "192.168.5.1", "192.168.5.1", "192.168.5.254"},
		{"10.0.0.0/30", "10.0.0.2", "", "10.0.0.1"},
		{"10.0.0.0/30", "10.0.0.1 10.0.0.2", "", ""},
		{"fd00::/64", "fd00::1", "", "fd00::ffff:ffff:ffff:fffe"},
	} {
		top := &topology.Topology{}
		for a := range strings.FieldsSeq(test.hosts) {
			top.Hosts = append(top.Hosts, topology.Host{Interfaces: []topology.Interface{{Network: "lan", Addrs: []netip.Addr{netip.MustParseAddr(a)}}}})
		}
		w := &wire{spec: topology.Network{Name: "lan"}, prefixes: []netip.Prefix{prefix(test.prefix)}}
		w.wished = w.prefixes
		if test.given != "" {
			w.spec.Gateways = []netip.Addr{netip.MustParseAddr(test.given)}
		}
		err := w.chooseGateways(top)
		if test.want == "" {
			if err == nil || hint.Of(err) != "give network lan the prefix 10.0.0.0/29" {
				t.Errorf("%s with hosts %s: %v, hint %q", test.prefix, test.hosts, err, hint.Of(err))
			}
			continue
		}
		if err != nil || !slices.Equal(w.gateways, []netip.Addr{netip.MustParseAddr(test.want)}) {
			t.Errorf("%s with hosts %s: gateways %v, %v; want %s", test.prefix, test.hosts, w.gateways, err, test.want)
		}
	}
}

// TestNetworkInTheWay starts a lab whose prefix another network has.
func TestNetworkInTheWay(t *testing.T) {
	e := newEngine(t)
	c, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	top := pair()
	p := top.Networks[0].Prefixes[0]
	name := "hostlab-test-shop-" + newID()
	_, err = c.api.NetworkCreate(t.Context(), name, network.CreateOptions{
		Internal: true, IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: p.String()}}},
	})
	t.Cleanup(func() { c.api.NetworkRemove(t.Context(), name) })
	defer c.api.NetworkRemove(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	in, err := e.Up(t.Context(), top, engine.Options{Progress: func(line string) { said = append(said, line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Down(t.Context())
	got := in.Topology().Networks[0].Prefixes[0]
	if got == p || got.Bits() != p.Bits() {
		t.Errorf("the lab has %s; want another prefix of %d bits than %s", got, p.Bits(), p)
	}
	if a := in.Topology().Hosts[0].Interfaces[0].Addrs[0]; a != moved(top.Hosts[0].Interfaces[0].Addrs[0], got) {
		t.Errorf("h1 has %s; want the host part of %s in %s", a, top.Hosts[0].Interfaces[0].Addrs[0], got)
	}
	want := "network lan: " + p.String() + " is in use by docker network " + name + "; this lab has " + got.String() + " instead"
	if !slices.Contains(said, want) {
		t.Errorf("said %q; want %q", said, want)
	}
	if top.Networks[0].Prefixes[0] != p {
		t.Error("Up changed the topology that it was given")
	}
	k := newTalk(t, in.(*lab))
	if got, want := k.ask("h2", "lookup h1"), in.Topology().Hosts[0].Interfaces[0].Addrs[0].String(); got != want {
		t.Errorf("h1 is known as %s; want %s", got, want)
	}
}

// TestNoSubnetFree is a computer that has a route to everything.
func TestNoSubnetFree(t *testing.T) {
	l := newLab(New(Config{}), &connection{}, pair(), engine.Options{})
	for _, n := range l.topology.Networks {
		l.wires = append(l.wires, &wire{spec: n, wished: n.Prefixes})
	}
	err := l.plan(&subnets{taken: []taken{
		{prefix: prefix("10.0.0.0/8"), by: "this computer's route to 10.0.0.0/8 by tun0"},
		{prefix: prefix("172.16.0.0/12")}, {prefix: prefix("192.168.0.0/16")},
		{prefix: prefix("198.18.0.0/15"), by: "docker network shop"},
	}})
	if err == nil || !strings.Contains(err.Error(), "is in use by docker network shop: no private prefix of 24 bits is free") || !strings.Contains(hint.Of(err), "docker network") {
		t.Errorf("plan: %v, hint %q", err, hint.Of(err))
	}
}

// TestPlanKeepsWishes: the prefix chosen for one network is not what the next
// one wishes.
func TestPlanKeepsWishes(t *testing.T) {
	top := &topology.Topology{
		Networks: []topology.Network{
			{Name: "a", Prefixes: []netip.Prefix{prefix("192.168.5.0/24")}},
			{Name: "b", Prefixes: []netip.Prefix{prefix("192.168.6.0/24")}},
			{Name: "c"},
			{Name: "d", Prefixes: []netip.Prefix{prefix("fd00:5::/64")}},
		},
	}
	l := newLab(New(Config{}), &connection{}, top, engine.Options{})
	for _, n := range top.Networks {
		l.wires = append(l.wires, &wire{spec: n, wished: n.Prefixes})
	}
	if err := l.plan(&subnets{taken: []taken{{prefix: prefix("192.168.5.0/24")}}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"192.168.7.0/24", "192.168.6.0/24", "192.168.0.0/24", "fd00:5::/64"} {
		if got := l.wires[i].prefixes; !slices.Equal(got, []netip.Prefix{prefix(want)}) {
			t.Errorf("network %s has %v; want %s", top.Networks[i].Name, got, want)
		}
	}
	if d := l.wires[3]; !d.hidden.Addr().Is4() || d.hidden.Bits() != 24 {
		t.Errorf("the engine's own IPv4 prefix of an IPv6 network is %v", d.hidden)
	}
}

// TestNoAddressLeft: three hosts in a prefix with room for two and the engine.
func TestNoAddressLeft(t *testing.T) {
	top := &topology.Topology{Networks: []topology.Network{{Name: "lan", Prefixes: []netip.Prefix{prefix("10.0.0.0/29")}}}}
	for range 6 {
		top.Hosts = append(top.Hosts, topology.Host{Name: "h", Interfaces: []topology.Interface{{Network: "lan"}}})
	}
	w := &wire{spec: top.Networks[0], prefixes: top.Networks[0].Prefixes, gateways: addrs(prefix("10.0.0.0/29"), 6)}
	if err := w.fill(top); err == nil || !strings.Contains(err.Error(), "network lan has no address left in 10.0.0.0/29") {
		t.Errorf("fill: %v", err)
	}
	for i := range 5 {
		if got, want := top.Hosts[i].Interfaces[0].Addrs, addrs(prefix("10.0.0.0/29"), byte(i+1)); !slices.Equal(got, want) {
			t.Errorf("host %d has %v; want %v", i, got, want)
		}
	}
}
