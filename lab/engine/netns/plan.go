package netns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hostlab/lab/engine/netns/holder"
	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// newPlan says how the holder makes a topology, in which every interface has
// its addresses. Programs are the names in the hosts' /bin.
func newPlan(t *topology.Topology, programs []string) (*holder.Plan, error) {
	p := &holder.Plan{Programs: programs, Static: len(t.Hosts) >= knownFrom}
	wires := map[string]*wire{}
	for _, n := range t.Networks {
		wires[n.Name] = &wire{spec: n, macs: map[[6]byte]bool{}}
	}
	for _, h := range t.Hosts {
		host, err := planHost(p, t, h, wires)
		if err != nil {
			return nil, err
		}
		p.Hosts = append(p.Hosts, host)
	}
	return p, nil
}

// A wire is a network while its bridges are planned.
type wire struct {
	spec    topology.Network
	bridges []int // of the plan
	ports   int   // on the last of them
	macs    map[[6]byte]bool
}

// port returns the bridge on which the next host finds a place, and adds one to
// the plan where the last is full. It hangs on the first.
func (w *wire) port(p *holder.Plan) int {
	if len(w.bridges) == 0 || w.ports == portsPerBridge {
		b := holder.Bridge{Network: w.spec.Name, MTU: mtu(w.spec), Trunk: -1}
		if len(w.bridges) > 0 {
			b.Trunk = w.bridges[0]
		}
		p.Bridges = append(p.Bridges, b)
		w.bridges = append(w.bridges, len(p.Bridges)-1)
		w.ports = 0
	}
	w.ports++
	return w.bridges[len(w.bridges)-1]
}

func planHost(p *holder.Plan, t *topology.Topology, h topology.Host, wires map[string]*wire) (holder.Host, error) {
	host := holder.Host{Name: h.Name}
	if h.Image != "" {
		return host, hint.Add(fmt.Errorf("netns: host %s: image %s: hosts of namespaces have the lab's own programs only", h.Name, h.Image),
			"hostlab ... --engine docker")
	}
	for _, i := range h.Interfaces {
		w := wires[i.Network] // Validate: there is one
		l := holder.Link{Network: i.Network, Bridge: w.port(p), MTU: mtu(w.spec), MAC: w.mac(i.Addrs)}
		for _, a := range i.Addrs {
			prefix, _ := w.spec.PrefixOf(a)
			l.Addrs = append(l.Addrs, netip.PrefixFrom(a, prefix.Bits()))
		}
		host.Links = append(host.Links, l)
	}
	for _, r := range h.Routes {
		host.Routes = append(host.Routes, holder.Route{To: r.To.Masked(), Via: r.Via})
	}
	var err error
	host.Early, host.Late, err = settings(h, host.Links)
	return host, err
}

// mac makes an Ethernet address of a host's IP address, of IPv4's if it has
// one, in the way of the Docker engine: locally administered, 02:42 and the
// four bytes. Those of IPv6 begin with 02:43.
func (w *wire) mac(addrs []netip.Addr) [6]byte {
	var mac [6]byte
	for _, a := range addrs {
		b := a.AsSlice()
		mac = [6]byte{2, 0x43, b[len(b)-4], b[len(b)-3], b[len(b)-2], b[len(b)-1]}
		if a.Is4() {
			mac[1] = 0x42
			break
		}
	}
	for ; w.macs[mac]; mac[1]++ { // two IPv6 addresses with one ending
	}
	w.macs[mac] = true
	return mac
}

// settings are what a host's kernel is told before it has an interface, and
// after. They say what a kernel would do that was never told anything, for a
// new network namespace takes IPv4's from the computer: one that runs an engine
// forwards packets.
func settings(h topology.Host, links []holder.Link) (early, late []holder.Setting, err error) {
	forward := "0"
	if h.Forward {
		forward = "1"
	}
	set := func(name, value string) { early = append(early, holder.Setting{Name: name, Value: value}) }
	set("net/ipv4/ip_forward", forward)
	// Every ICMP error is sent, however many (icmp(7)).
	set("net/ipv4/icmp_ratelimit", "0")
	set("net/ipv4/icmp_ratemask", "0")
	// What is asked for one interface counts, not what the computer's own wants.
	set("net/ipv4/conf/all/rp_filter", "0")
	set("net/ipv4/conf/default/rp_filter", "0")

	set6 := func(name, value string) {
		early = append(early, holder.Setting{Name: "net/ipv6/" + name, Value: value, Maybe: true})
	}
	var plain []string // interfaces without IPv6
	for n, l := range links {
		if !slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
			plain = append(plain, holder.InterfaceName(n))
		}
	}
	if len(plain) == len(links) {
		set6("conf/default/disable_ipv6", "1") // lo is there already, and keeps ::1
	} else {
		set6("conf/all/forwarding", forward)
		set6("icmp/ratelimit", "0")
		// Nobody asks whether an address is free or who the router is: in a
		// lab of a thousand hosts a flood of questions to which the answer is known.
		for _, name := range []string{"accept_dad", "accept_ra", "autoconf", "router_solicitations"} {
			set6("conf/default/"+name, "0")
		}
		for _, name := range plain {
			late = append(late, holder.Setting{Name: "net/ipv6/conf/" + name + "/disable_ipv6", Value: "1", Maybe: true})
		}
	}
	for _, name := range sortedKeys(h.Sysctls) {
		s := holder.Setting{Name: strings.ReplaceAll(name, ".", "/"), Value: h.Sysctls[name]}
		switch {
		case !strings.HasPrefix(s.Name, "net/") || slices.Contains(strings.Split(s.Name, "/"), ""):
			return nil, nil, fmt.Errorf("netns: host %s: sysctl %s: a host has settings of its own below net. only", h.Name, name)
		case strings.Contains(s.Name, "/conf/default/"):
			early = append(early, s)
		default:
			late = append(late, s)
		}
	}
	return early, late, nil
}
