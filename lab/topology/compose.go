package topology

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// defaultNetwork is where a Compose service stands that names no network.
const defaultNetwork = "default"

// A builder makes a Topology of what compose-go understood, and notes what is
// wrong and on which line each detail stands.
type builder struct {
	src      *source
	project  *types.Project
	topology *Topology
	lines    lines
	problems []error
}

func (b *builder) problem(at Pos, format string, args ...any) {
	b.problems = append(b.problems, problem(at, format, args...))
}

func (b *builder) build() {
	b.extension([]string{"x-hostlab"}, "the file", b.project.Extensions, nil)
	for _, name := range b.inOrder(slices.Collect(maps.Keys(b.project.Networks)), "networks") {
		b.network(name, b.project.Networks[name])
	}
	for _, name := range b.inOrder(slices.Collect(maps.Keys(b.project.Services)), "services") {
		b.host(name, b.project.Services[name])
	}
	b.extraHosts()
}

// inOrder sorts the keys of the mapping at a path as the file has them.
func (b *builder) inOrder(keys []string, path ...string) []string {
	rank := b.src.rank(path...)
	slices.SortFunc(keys, func(a, c string) int {
		i, known := rank[a]
		j, knownToo := rank[c]
		switch {
		case known && knownToo:
			return cmp.Compare(i, j)
		case known:
			return -1
		case knownToo:
			return 1
		}
		return cmp.Compare(a, c)
	})
	return keys
}

func (b *builder) network(name string, c types.NetworkConfig) {
	path := func(keys ...string) Pos { return b.src.pos(append([]string{"networks", name}, keys...)...) }
	n := Network{Name: name, Pos: path()}
	complain := func(key, format string, args ...any) {
		b.problem(path(key), "network %s: %s: "+format, append([]any{name, key}, args...)...)
	}
	b.extension([]string{"networks", name, "x-hostlab"}, "network "+name, c.Extensions, nil)
	if c.External {
		complain("external", "a lab stands on its own networks only")
	}
	if c.Driver != "" && c.Driver != "bridge" {
		complain("driver", "%q: want bridge, or none named", c.Driver)
	}
	if !c.Internal && b.src.has("networks", name, "internal") {
		complain("internal", "nothing leads out of a lab: want true")
	}
	b.prefixes(&n, c.Ipam.Config)
	b.ipv6(n, c.EnableIPv6)
	if mtu, ok := c.DriverOpts["com.docker.network.driver.mtu"]; ok {
		at := path("driver_opts", "com.docker.network.driver.mtu")
		b.lines[lineKey("mtu", name)] = at
		var err error
		if n.MTU, err = strconv.Atoi(mtu); err != nil || n.MTU == 0 {
			b.problem(at, "network %s: MTU %q: want a number of bytes", name, mtu)
			n.MTU = 0
		}
	}
	b.topology.Networks = append(b.topology.Networks, n)
}

func (b *builder) prefixes(n *Network, pools []*types.IPAMPool) {
	for i, pool := range pools {
		path := []string{"networks", n.Name, "ipam", "config", strconv.Itoa(i)}
		at := b.src.pos(append(path, "subnet")...)
		p, err := netip.ParsePrefix(pool.Subnet)
		if err != nil {
			b.lines[lineKey("unread", "network", n.Name)] = at
			b.problem(at, "network %s: subnet %q: want a prefix like 192.168.5.0/24", n.Name, pool.Subnet)
			continue
		}
		n.Prefixes = append(n.Prefixes, p)
		b.lines[lineKey("prefix", n.Name, p)] = at
		if pool.Gateway == "" {
			continue
		}
		at = b.src.pos(append(path, "gateway")...)
		g, err := netip.ParseAddr(pool.Gateway)
		if err != nil {
			b.problem(at, "network %s: gateway %q: want an address", n.Name, pool.Gateway)
			continue
		}
		n.Gateways = append(n.Gateways, g)
		b.lines[lineKey("gateway", n.Name, g)] = at
	}
}

// ipv6 holds the file to what Compose makes of it: IPv6 is there when
// enable_ipv6 says so, and it is fixed by a subnet.
func (b *builder) ipv6(n Network, enabled *bool) {
	on := enabled != nil && *enabled
	has := slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Addr().Is6() })
	switch {
	case on && !has:
		b.problem(b.src.pos("networks", n.Name, "enable_ipv6"), "network %s: enable_ipv6 without an IPv6 subnet: want one under ipam, like fd00:5::/64", n.Name)
	case has && !on:
		b.problem(n.Pos, "network %s: an IPv6 subnet without enable_ipv6: want enable_ipv6: true", n.Name)
	}
}

func (b *builder) host(name string, s types.ServiceConfig) {
	path := []string{"services", name}
	h := Host{Name: name, Pos: b.src.pos(path...), Sysctls: maps.Clone(map[string]string(s.Sysctls))}
	for _, r := range refusals(s) {
		if r.there {
			b.problem(b.src.pos(append(path, r.key)...), "host %s: %s: %s", name, r.key, r.why)
		}
	}
	h.Image = b.image(name, s)
	if s.Hostname != "" {
		b.alias(&h, s.Hostname, b.src.pos(append(path, "hostname")...))
	}
	networks := slices.Collect(maps.Keys(s.Networks))
	if len(networks) == 0 && s.NetworkMode == "" {
		networks = []string{defaultNetwork}
		b.needDefaultNetwork(h.Pos)
	}
	for _, network := range b.inOrder(networks, append(path, "networks")...) {
		b.attach(&h, network, s.Networks[network])
	}
	b.hostExtension(&h, s.Extensions)
	b.topology.Hosts = append(b.topology.Hosts, h)
}

func (b *builder) needDefaultNetwork(at Pos) {
	if _, ok := b.topology.Network(defaultNetwork); !ok {
		b.topology.Networks = append(b.topology.Networks, Network{Name: defaultNetwork, Pos: at})
	}
}

// attach gives a host its interface on a network. The configuration is nil when
// the file names the network and no more.
func (b *builder) attach(h *Host, network string, c *types.ServiceNetworkConfig) {
	path := func(keys ...string) Pos {
		return b.src.pos(append([]string{"services", h.Name, "networks", network}, keys...)...)
	}
	i := Interface{Network: network, Pos: path()}
	if listed := b.src.node("services", h.Name, "networks"); i.Pos == b.src.pos("services", h.Name, "networks") {
		i.Pos.Line = cmp.Or(b.src.listed(listed, network), i.Pos.Line)
	}
	if c == nil {
		c = &types.ServiceNetworkConfig{}
	}
	for _, a := range []struct{ key, text string }{
		{"ipv4_address", c.Ipv4Address},
		{"ipv6_address", c.Ipv6Address},
	} {
		if a.text == "" {
			continue
		}
		addr, err := netip.ParseAddr(a.text)
		if err != nil || addr.Is4() != (a.key == "ipv4_address") || addr.Zone() != "" {
			b.problem(path(a.key), "host %s: interface %s: %s %q: want an %s address", h.Name, network, a.key, a.text, map[bool]string{true: "IPv4", false: "IPv6"}[a.key == "ipv4_address"])
			continue
		}
		i.Addrs = append(i.Addrs, addr)
		b.lines[lineKey("addr", h.Name, network, addr)] = path(a.key)
	}
	for n, alias := range c.Aliases {
		b.alias(h, alias, path("aliases", strconv.Itoa(n)))
	}
	for _, r := range []refusal{
		{"mac_address", c.MacAddress != "", "the engine chooses it"},
		{"link_local_ips", len(c.LinkLocalIPs) > 0, "want ipv4_address or ipv6_address"},
		{"interface_name", c.InterfaceName != "", "the engine chooses it"},
	} {
		if r.there {
			b.problem(path(r.key), "host %s: interface %s: %s: %s", h.Name, network, r.key, r.why)
		}
	}
	h.Interfaces = append(h.Interfaces, i)
}

// alias gives a host one more name, unless it has it.
func (b *builder) alias(h *Host, name string, at Pos) {
	if name == h.Name || slices.Contains(h.Aliases, name) {
		return
	}
	h.Aliases = append(h.Aliases, name)
	b.lines[lineKey("alias", h.Name, name)] = at
}

// image returns the image of a host, "" for the lab's own.
func (b *builder) image(name string, s types.ServiceConfig) string {
	last := s.Image[strings.LastIndexByte(s.Image, '/')+1:]
	repository, _, _ := strings.Cut(last, "@")
	repository, _, _ = strings.Cut(repository, ":")
	switch {
	case repository == "hostlab":
		return ""
	case s.Image != "":
		return s.Image
	case s.Build != nil && !strings.HasPrefix(s.Build.Target, "host"):
		b.problem(b.src.pos("services", name, "build"), "host %s: build: hostlab builds no images: want image: with one that is there, or hostlab", name)
	}
	return ""
}

// extraHosts makes aliases of the names that extra_hosts gives to addresses of
// hosts: in a lab every host knows every name.
func (b *builder) extraHosts() {
	for _, name := range b.inOrder(slices.Collect(maps.Keys(b.project.Services)), "services") {
		extra := b.project.Services[name].ExtraHosts
		for _, alias := range slices.Sorted(maps.Keys(extra)) {
			for _, text := range extra[alias] {
				at := b.extraHostPos(name, alias)
				addr, err := netip.ParseAddr(text)
				i := slices.IndexFunc(b.topology.Hosts, func(h Host) bool { return slices.Contains(h.Addrs(), addr) })
				if err != nil || i < 0 {
					b.problem(at, "host %s: extra_hosts: %s: %s is no host's address", name, alias, text)
					continue
				}
				b.alias(&b.topology.Hosts[i], alias, at)
			}
		}
	}
}

// extraHostPos finds "name: address" in a mapping or "name:address" in a list.
func (b *builder) extraHostPos(host, name string) Pos {
	path := []string{"services", host, "extra_hosts"}
	for entry, i := range b.src.rank(path...) {
		if rest, ok := strings.CutPrefix(entry, name); ok && rest != "" && strings.ContainsAny(rest[:1], ":=") {
			return b.src.pos(append(path, fmt.Sprint(i))...)
		}
	}
	return b.src.pos(append(path, name)...)
}

// A refusal is a key of Compose that would make the lab another than the file
// says if it were passed over in silence.
type refusal struct {
	key   string
	there bool
	why   string
}

func refusals(s types.ServiceConfig) []refusal {
	const files = "a host has no files of this computer: want them in its image"
	const one = "one service is one host: want a service for each"
	const names = "hosts know each other by name: want aliases under networks"
	return []refusal{
		{"ports", len(s.Ports) > 0, "a lab publishes no ports: connect from another host"},
		{"network_mode", s.NetworkMode != "", "a host stands on the networks that it names: want networks"},
		{"volumes", len(s.Volumes) > 0, files},
		{"volumes_from", len(s.VolumesFrom) > 0, files},
		{"configs", len(s.Configs) > 0, files},
		{"secrets", len(s.Secrets) > 0, files},
		{"devices", len(s.Devices) > 0, files},
		{"links", len(s.Links) > 0, names},
		{"external_links", len(s.ExternalLinks) > 0, names},
		{"scale", s.Scale != nil && *s.Scale != 1, one},
		{"deploy", s.Deploy != nil && s.Deploy.Replicas != nil && *s.Deploy.Replicas != 1, one},
		{"privileged", s.Privileged, "a host has the capabilities NET_ADMIN, NET_RAW and NET_BIND_SERVICE and no more"},
		{"provider", s.Provider != nil, "a host is a container"},
		{"mac_address", s.MacAddress != "", "the engine chooses it"},
	}
}
