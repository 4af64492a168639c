package docker

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/topology"
)

// routed is
//
//	h1 --- office --- router --- street --- h2
//	                    |                    |
//	                    +------- yard -------+
//
// with names that sort against the order of the file, an MTU, IPv6, and
// interfaces without an address.
func routed() *topology.Topology {
	office, street, yard := testPrefix(), testPrefix(), testPrefix()
	six := netip.MustParsePrefix(fmt.Sprintf("fd00:6c61:%x::/64", prefixNext))
	return &topology.Topology{
		Name: "test",
		Networks: []topology.Network{
			{Name: "street", Prefixes: []netip.Prefix{street, six}, MTU: 1280},
			{Name: "office", Prefixes: []netip.Prefix{office}},
			{Name: "yard", Prefixes: []netip.Prefix{yard}},
		},
		Hosts: []topology.Host{
			{Name: "h1", Aliases: []string{"laptop"}, Interfaces: []topology.Interface{{Network: "office", Addrs: addrs(office, 254)}}},
			{Name: "router", Forward: true, Sysctls: map[string]string{"net.ipv4.conf.all.arp_ignore": "1"},
				Interfaces: []topology.Interface{
					{Network: "yard", Addrs: addrs(yard, 7)},
					{Network: "street", Addrs: slices.Concat(addrs(street, 9), addrs(six, 9))},
					{Network: "office"},
				}},
			{Name: "h2", Interfaces: []topology.Interface{
				{Network: "street", Addrs: addrs(street, 2)},
				{Network: "yard"},
			}},
		},
	}
}

// addrs returns the n-th address of p.
func addrs(p netip.Prefix, n byte) []netip.Addr {
	b := p.Addr().AsSlice()
	b[len(b)-1] = n
	a, _ := netip.AddrFromSlice(b)
	return []netip.Addr{a}
}

// TestHosts looks at hosts from inside.
func TestHosts(t *testing.T) {
	top := routed()
	l := up(t, newEngine(t), top)
	k := newTalk(t, l)
	p := func(network string) netip.Prefix {
		n, _ := top.Network(network)
		return n.Prefixes[0]
	}
	net3 := func(network string) string { return strings.TrimSuffix(p(network).Addr().String(), "0") }
	six := fmt.Sprintf("fd00:6c61:%x::", prefixNext)
	office, street, yard := net3("office"), net3("street"), net3("yard")

	for _, test := range []struct{ host, ask, want string }{
		{"h1", "args", "/bin/host agent"},
		{"h1", "run udp_remote", "program udp_remote"},
		{"h1", "addrs", "eth0 " + office + "254/24 mtu 1500"},
		// The interfaces are in the order of the file's networks.
		{"router", "addrs", "eth0 " + street + "9/24 " + six + "9/64 mtu 1280; eth1 " + office + "1/24 mtu 1500; eth2 " + yard + "7/24 mtu 1500"},
		{"h2", "addrs", "eth0 " + street + "2/24 " + six + "1/64 mtu 1280; eth1 " + yard + "1/24 mtu 1500"},
		{"h1", "read /etc/hostname", "h1"},

		// Every name is known, by the nearest address first.
		{"h1", "lookup router", office + "1 " + yard + "7 " + street + "9 " + six + "9"},
		{"h2", "lookup router", yard + "7 " + street + "9 " + six + "9 " + office + "1"},
		{"h2", "lookup laptop", office + "254"},
		{"h1", "lookup h1", office + "254"},

		// Nothing but what the topology gives.
		{"h1", "read /proc/sys/net/ipv4/ip_forward", "0"},
		{"router", "read /proc/sys/net/ipv4/ip_forward", "1"},
		{"router", "read /proc/sys/net/ipv6/conf/all/forwarding", "1"},
		{"router", "read /proc/sys/net/ipv4/conf/all/arp_ignore", "1"},
		{"h1", "read /proc/sys/net/ipv4/icmp_ratelimit", "0"},
		{"h1", "read /proc/sys/net/ipv4/icmp_ratemask", "0"},
		{"h2", "read /proc/sys/net/ipv6/icmp/ratelimit", "0"},
		{"h1", "write /etc/x", "open /etc/x: read-only file system"},
		{"h1", "write /tmp/x", "ok"},
		{"h1", "write /root/x", "ok"},
		{"h1", "write /run/x", "ok"},
		{"h1", "write /proc/sys/net/ipv4/ip_forward", "open /proc/sys/net/ipv4/ip_forward: read-only file system"},

		// Neighbours hear each other; a stranger's address is out of reach.
		{"router", "serve 0.0.0.0:1060", "ok"},
		{"h1", "ask " + office + "1:1060", "answered"},
		{"h2", "ask " + street + "9:1060", "answered"},
		{"h2", "ask " + yard + "7:1060", "answered"},
		{"h2", "serve [::]:1061", "ok"},
		{"router", "ask [" + six + "1]:1061", "answered"},
		{"h1", "serve [::1]:1062", "ok"},
		{"h1", "ask [::1]:1062", "answered"},
	} {
		if got := k.ask(test.host, test.ask); got != test.want {
			t.Errorf("%s: %s\n got: %s\nwant: %s", test.host, test.ask, got, test.want)
		}
	}
	if got := k.ask("h1", "ask "+street+"2:1061"); got == "answered" {
		t.Error("h1 reaches h2 without a route")
	}
	checkTopology(t, top, l)
}

// checkTopology: what was given stays, and every interface has addresses.
func checkTopology(t *testing.T, asked *topology.Topology, l *lab) {
	t.Helper()
	got := l.Topology()
	for i, h := range asked.Hosts {
		for j, at := range h.Interfaces {
			for _, a := range at.Addrs {
				if !slices.Contains(got.Hosts[i].Interfaces[j].Addrs, a) {
					t.Errorf("Topology: host %s: %s: address %s is missing in %v", h.Name, at.Network, a, got.Hosts[i].Interfaces[j].Addrs)
				}
			}
			n, _ := got.Network(at.Network)
			if len(got.Hosts[i].Interfaces[j].Addrs) != len(n.Prefixes) {
				t.Errorf("Topology: host %s: %s: addresses %v; want one in each of %v", h.Name, at.Network, got.Hosts[i].Interfaces[j].Addrs, n.Prefixes)
			}
		}
	}
	if err := got.Validate(); err != nil {
		t.Errorf("Topology: %v", err)
	}
}

// TestUnknownNames: at once, or within a second for one with a dot.
func TestUnknownNames(t *testing.T) {
	l := up(t, newEngine(t), pair())
	k := newTalk(t, l)
	for _, test := range []struct {
		name string
		most int
	}{{"nosuch", 100}, {"no.such.name", 1200}} {
		var took int
		got := k.ask("h1", "lookup "+test.name)
		if _, err := fmt.Sscanf(got, "error in %d ms", &took); err != nil || took > test.most {
			t.Errorf("lookup %s: %s; want an error within %d ms", test.name, got, test.most)
		}
	}
}

// TestConfinement reads process 1's own status (proc_pid_status(5)) and the
// engine's record.
func TestConfinement(t *testing.T) {
	e := newEngine(t)
	l := up(t, e, pair())
	k := newTalk(t, l)
	status := map[string]string{}
	for _, line := range strings.Split(k.ask("h1", "read /proc/self/status"), "|") {
		name, value, _ := strings.Cut(line, ":")
		status[name] = strings.TrimSpace(value)
	}
	for name, want := range map[string]string{
		"CapEff":     "0000000000003400", // NET_BIND_SERVICE 10, NET_ADMIN 12, NET_RAW 13 (capabilities(7))
		"CapBnd":     "0000000000003400",
		"NoNewPrivs": "1",
		"Seccomp":    "2",
		"Pid":        "1",
	} {
		if status[name] != want {
			t.Errorf("%s is %q; want %q", name, status[name], want)
		}
	}
	c, err := l.c.api.ContainerInspect(t.Context(), l.hosts["h1"].id)
	if err != nil {
		t.Fatal(err)
	}
	h := c.HostConfig
	if h.Memory != defaultMemory || h.PidsLimit == nil || *h.PidsLimit != defaultProcesses {
		t.Errorf("memory %d, processes %v; want %d, %d", h.Memory, h.PidsLimit, defaultMemory, defaultProcesses)
	}
	if len(h.PortBindings) > 0 || len(c.NetworkSettings.Ports) > 0 || h.PublishAllPorts {
		t.Errorf("ports are published: %v %v", h.PortBindings, c.NetworkSettings.Ports)
	}
	if !h.AutoRemove || !h.ReadonlyRootfs || h.Privileged || h.LogConfig.Type != "none" {
		t.Errorf("AutoRemove %v, ReadonlyRootfs %v, Privileged %v, log %q", h.AutoRemove, h.ReadonlyRootfs, h.Privileged, h.LogConfig.Type)
	}
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{labelLab: l.id, labelOwner: me.String(), labelTopology: "test", labelHost: "h1"}
	got := map[string]string{}
	for name, value := range c.Config.Labels {
		if strings.HasPrefix(name, "hostlab.") && name != "hostlab.image" {
			got[name] = value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if c.Name != "/hostlab-"+l.id+"-h1" {
		t.Errorf("name %s; want the lab's id and the host's name in it", c.Name)
	}
	n, err := l.c.api.NetworkInspect(t.Context(), l.wires[0].id, networkInspect)
	if err != nil {
		t.Fatal(err)
	}
	if !n.Internal || n.Driver != "bridge" || n.Options["com.docker.network.bridge.inhibit_ipv4"] != "true" {
		t.Errorf("network: internal %v, driver %s, options %v", n.Internal, n.Driver, n.Options)
	}
	if want := strings.TrimSuffix(l.topology.Networks[0].Prefixes[0].Addr().String(), "0") + "254"; n.IPAM.Config[0].Gateway != want {
		t.Errorf("gateway %s; want %s, which no host has", n.IPAM.Config[0].Gateway, want)
	}
	if own, err := ownPrefixes(); err != nil || slices.ContainsFunc(own, func(o taken) bool { return inTheWay(o.prefix) && o.prefix.Overlaps(l.topology.Networks[0].Prefixes[0]) }) {
		t.Errorf("this computer has a route into the lab: %v, %v", own, err)
	}
}

// TestHostThatDies: a process that dies says why through its stream.
func TestHostThatDies(t *testing.T) {
	l := up(t, newEngine(t), pair())
	conn, err := l.Dial(t.Context(), "h1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(conn, "die out of paper"); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Read(make([]byte, 1))
	if err == nil || !strings.Contains(err.Error(), "docker: host h1: process 1 ended: out of paper") {
		t.Errorf("Read: %v; want what process 1 said at its end", err)
	}
}

func TestDialOnce(t *testing.T) {
	l := up(t, newEngine(t), pair())
	conn, err := l.Dial(t.Context(), "h1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Dial(t.Context(), "h1"); err == nil || !strings.Contains(err.Error(), "in use already") {
		t.Errorf("second Dial: %v", err)
	}
	if _, err := l.Dial(t.Context(), "h3"); err == nil || !strings.Contains(err.Error(), "its hosts are h1, h2") {
		t.Errorf("Dial of no host: %v; want the hosts that there are", err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	within(t, wait, "the host ends with its stream", func() bool { return !hostRuns(t, l, "h1") })
	if !hostRuns(t, l, "h2") {
		t.Error("the other host ended too")
	}
}
