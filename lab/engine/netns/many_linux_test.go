package netns_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"hostlab/lab/topology"
)

// Above 20 hosts nobody asks by ARP for a host that is there, and everybody
// for one that is not; below, everybody asks.
func TestStaticNeighbours(t *testing.T) {
	neighbours := func(c client) string { return c.run(0, "ip", "neigh") }

	few := dial(t, up(t, lan("192.168.5.0/24", 20)), "h0")
	if got := neighbours(few); got != "" {
		t.Errorf("of 20 hosts, one knows others without asking:\n%s", got)
	}
	few.run(0, "ping", "-c", "1", "h7")
	if got := neighbours(few); !strings.Contains(got, "192.168.5.8 dev eth0 lladdr 02:42:c0:a8:05:08 REACHABLE") {
		t.Errorf("after a ping it does not know the other:\n%s", got)
	}

	top := lan("10.7.0.0/16", 21)
	l := up(t, top)
	h0 := dial(t, l, "h0")
	if got := strings.Count(neighbours(h0), "PERMANENT"); got != 20 {
		t.Errorf("h0 of 21 knows %d others", got)
	}
	// What is for h7 goes to h7 alone, though the switch never heard from it.
	h2 := dial(t, l, "h2")
	heard := h2.run(0, "cat", "/sys/class/net/eth0/statistics/rx_packets")
	h0.run(0, "ping", "-c", "1", "h7")
	if now := h2.run(0, "cat", "/sys/class/net/eth0/statistics/rx_packets"); now != heard {
		t.Errorf("h2 heard %s packets before and %s after a ping of others", heard, now)
	}
	absent := "10.7.9.9"
	h0.run(1, "ping", "-c", "1", "-W", "0.2", absent)
	if got := neighbours(h0); !strings.Contains(got, absent+" dev eth0") || strings.Contains(got, absent+" dev eth0 lladdr") {
		t.Errorf("it does not ask for an absent host:\n%s", got)
	}

	// Who is taken away is asked for again, and known again when it is back.
	h7 := dial(t, l, "h7")
	ctx := t.Context()
	if err := l.Cut(ctx, "h7", "lan"); err != nil {
		t.Fatal(err)
	}
	if got := neighbours(h0); strings.Contains(got, "10.7.0.8 ") {
		t.Errorf("h0 knows h7, which is not there:\n%s", got)
	}
	if err := l.Join(ctx, "h7", "lan"); err != nil {
		t.Fatal(err)
	}
	h0.run(0, "ping", "-c", "1", "h7")
	h7.run(0, "ping", "-c", "1", "h3")
	for name, c := range map[string]client{"h0": h0, "h7": h7} {
		if got := strings.Count(neighbours(c), "PERMANENT"); got != 20 {
			t.Errorf("after a join %s knows %d others:\n%s", name, got, neighbours(c))
		}
	}
	if err := l.Kill(ctx, "h3"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(neighbours(h7), "PERMANENT"); got != 19 {
		t.Errorf("after a death h7 knows %d others:\n%s", got, neighbours(h7))
	}
}

// More hosts than a bridge has ports, in one network all the same: the first
// and the last are on different bridges, and a broadcast reaches everybody.
func TestManyHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("1,005 hosts")
	}
	l := up(t, lan("10.7.0.0/16", 1005))
	first, last := dial(t, l, "h0"), dial(t, l, "h1004")
	first.run(0, "ping", "-c", "1", "h1004")
	first.run(0, "ping", "-c", "1", "h999")
	last.run(0, "ping", "-c", "1", "h500")
	if err := l.Cut(t.Context(), "h1004", "lan"); err != nil {
		t.Fatal(err)
	}
	first.run(1, "ping", "-c", "1", "-W", "0.2", "h1004")
	if err := l.Join(t.Context(), "h1004", "lan"); err != nil {
		t.Fatal(err)
	}
	last.run(0, "ping", "-c", "1", "h0")
}

// Two hosts on three networks, of which two have nothing to do with each other,
// though their addresses are the same as another lab's that runs beside.
func TestNetworksAreApart(t *testing.T) {
	top := &topology.Topology{}
	for i, name := range []string{"a", "b", "c"} {
		top.Networks = append(top.Networks, topology.Network{Name: name, Prefixes: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/24", i))}})
	}
	on := func(networks ...string) []topology.Interface {
		var all []topology.Interface
		for _, n := range networks {
			all = append(all, topology.Interface{Network: n})
		}
		return all
	}
	top.Hosts = []topology.Host{{Name: "h0", Interfaces: on("a", "b")}, {Name: "h1", Interfaces: on("b", "c")}}
	for range 2 {
		l := up(t, top)
		c := dial(t, l, "h0")
		c.run(0, "ping", "-c", "1", "10.1.0.2") // both are on b
		c.run(2, "ping", "-c", "1", "10.2.0.1") // and h0 has no way to c
		if got := c.run(0, "ip", "addr"); !strings.Contains(got, "eth1@") || strings.Contains(got, "eth2") {
			t.Errorf("want two interfaces in\n%s", got)
		}
	}
}
