package topology

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// asHost is what every host of a written lab is beside its addresses: the block
// x-host of compose.yaml.
const asHost = `x-host: &host
  build:
    context: .
    target: ${HOSTLAB_TARGET:-host}
    args:
      GO_IMAGE: ${HOSTLAB_GO_IMAGE:-golang:1.26-alpine}
  cap_drop: [ALL]
  cap_add: [NET_ADMIN, NET_RAW, NET_BIND_SERVICE]
  security_opt: ["no-new-privileges:true"]
  read_only: true
  tmpfs: [/tmp, /root, /run]
  mem_limit: 64m
  pids_limit: 64
  sysctls:
    net.ipv4.icmp_ratelimit: "0" # else the kernel keeps some refusals to itself
  dns_opt: ["timeout:1", "attempts:1"] # a name that nobody has is refused soon
`

// Compose writes the topology as a Compose file, as Parse reads it: with it
// "docker compose up", in hostlab's own folder, starts the same lab for trying
// by hand, routes and forwarding included. Addresses that the topology leaves to
// the engine are left to it; a host with an image of its own runs what that says,
// without the routes. The topology must be one that validates.
func (t *Topology) Compose() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %d machines, each in a container of its own, for trying by hand in hostlab's\n# folder:\n#\n", len(t.Hosts))
	first := t.Hosts[0].Name
	fmt.Fprintf(&b, "#   docker compose -f FILE up -d\n#   docker compose -f FILE exec %s sh\n#   docker compose -f FILE down\n\n", first)
	b.WriteString(asHost)
	b.WriteString("\nservices:\n")
	for _, h := range t.Hosts {
		t.composeHost(&b, h)
	}
	b.WriteString("networks:\n")
	for _, n := range t.Networks {
		t.composeNetwork(&b, n)
	}
	return b.Bytes()
}

func (t *Topology) composeHost(b *bytes.Buffer, h Host) {
	if h.Image != "" { // not asHost, which Compose would build under that image's name
		fmt.Fprintf(b, "  %s:\n    image: %q\n    cap_add: [NET_ADMIN, NET_RAW]\n    hostname: %s\n", h.Name, h.Image, h.Name)
	} else {
		fmt.Fprintf(b, "  %s:\n    <<: *host\n    hostname: %s\n", h.Name, h.Name)
	}
	t.composeSysctls(b, h)
	if routes := t.routeCommands(h); routes != "" && h.Image == "" {
		fmt.Fprintf(b, "    entrypoint: [/bin/sh, -c, \"%sexec /bin/host init\"]\n", routes)
	}
	t.composeNames(b, h)
	b.WriteString("    networks:\n")
	for _, at := range h.Interfaces {
		fmt.Fprintf(b, "      %s:\n", at.Network)
		if len(h.Aliases) > 0 {
			fmt.Fprintf(b, "        aliases: [%s]\n", strings.Join(h.Aliases, ", "))
		}
		for _, a := range at.Addrs {
			key := "ipv4_address"
			if a.Is6() {
				key = "ipv6_address"
			}
			fmt.Fprintf(b, "        %s: \"%s\"\n", key, a)
		}
	}
	composeExtension(b, h)
	b.WriteString("\n")
}

// routeCommands are what a host's shell does to its routes. Where networks are
// not internal, Docker sets a default route that leads nowhere.
func (t *Topology) routeCommands(h Host) string {
	var b strings.Builder
	isDefault := func(r Route) bool { return r.To.Bits() == 0 && r.To.Addr().Is4() }
	if len(t.Networks) > 1 && !slices.ContainsFunc(h.Routes, isDefault) {
		b.WriteString("ip route del default; ")
	}
	for _, r := range h.Routes {
		fmt.Fprintf(&b, "ip route replace %s via %s && ", r.To, r.Via)
	}
	return b.String()
}

// composeSysctls says what the host's kernel is told. The block of the host's
// own hides asHost's, so that is repeated.
func (t *Topology) composeSysctls(b *bytes.Buffer, h Host) {
	all := map[string]string{"net.ipv4.icmp_ratelimit": "0"}
	if len(t.Networks) > 1 { // a container forwards, unless told
		all["net.ipv4.ip_forward"] = map[bool]string{false: "0", true: "1"}[h.Forward]
	}
	if slices.ContainsFunc(h.Addrs(), netip.Addr.Is6) {
		all["net.ipv6.icmp.ratelimit"] = "0"
		if h.Forward {
			all["net.ipv6.conf.all.forwarding"] = "1"
		}
	}
	maps.Copy(all, h.Sysctls)
	b.WriteString("    sysctls:\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(b, "      %s: %q\n", name, all[name])
	}
}

// composeNames names the hosts on other networks, which Docker's names do not
// reach.
func (t *Topology) composeNames(b *bytes.Buffer, h Host) {
	title := "    extra_hosts:\n"
	for _, n := range t.NamesFor(h) {
		other, _ := t.Host(n.Name)
		if other.Name == h.Name || slices.ContainsFunc(other.Interfaces, func(i Interface) bool { _, shared := h.Interface(i.Network); return shared }) {
			continue
		}
		fmt.Fprintf(b, "%s      - \"%s:%s\"\n", title, n.Name, n.Addr)
		title = ""
	}
}

func composeExtension(b *bytes.Buffer, h Host) {
	if !h.Forward && len(h.Routes) == 0 {
		return
	}
	b.WriteString("    x-hostlab:\n")
	if h.Forward {
		b.WriteString("      forward: true\n")
	}
	if len(h.Routes) > 0 {
		b.WriteString("      routes:\n")
	}
	for _, r := range h.Routes {
		fmt.Fprintf(b, "        - {to: \"%s\", via: \"%s\"}\n", r.To, r.Via)
	}
}

func (t *Topology) composeNetwork(b *bytes.Buffer, n Network) {
	fmt.Fprintf(b, "  %s:\n", n.Name)
	if len(t.Networks) == 1 {
		b.WriteString("    internal: true # nothing leads out\n")
	}
	if slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
		b.WriteString("    enable_ipv6: true\n")
	}
	b.WriteString("    driver_opts:\n" +
		"      com.docker.network.bridge.inhibit_ipv4: \"true\" # the computer itself stays out\n" +
		"      com.docker.network.bridge.enable_ip_masquerade: \"false\"\n")
	if n.MTU > 0 {
		fmt.Fprintf(b, "      com.docker.network.driver.mtu: \"%d\"\n", n.MTU)
	}
	if len(n.Prefixes) == 0 {
		return
	}
	b.WriteString("    ipam:\n      config:\n")
	for _, p := range n.Prefixes {
		fmt.Fprintf(b, "        - subnet: %s\n", p)
		if g, ok := t.FreeGateway(n, p); ok {
			fmt.Fprintf(b, "          gateway: %s\n", g)
		}
	}
}
