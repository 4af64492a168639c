package agent

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Facts are what a host knows of itself and its neighbours.
type Facts struct {
	Host   string      // its name
	Addrs  []Addr      // its addresses, without loopback and link-local ones
	Others []Neighbour // the other hosts that it knows by name
}

// An Addr is an address of an interface.
type Addr struct {
	Interface string
	Prefix    netip.Prefix
}

// A Neighbour is another host, by the first address that /etc/hosts has for it.
type Neighbour struct {
	Name string
	Addr netip.Addr
}

// HostFacts asks this host. What it does not tell is left out.
func HostFacts() Facts {
	var f Facts
	f.Host, _ = os.Hostname()
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
				f.Addrs = append(f.Addrs, Addr{Interface: i.Name, Prefix: p})
			}
		}
	}
	if hosts, err := os.Open("/etc/hosts"); err == nil {
		defer hosts.Close()
		f.Others = others(hosts, f)
	}
	return f
}

// others reads the format of hosts(5): an address and its names in each line.
func others(r io.Reader, f Facts) []Neighbour {
	var found []Neighbour
	for lines := bufio.NewScanner(r); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(words[0])
		own := slices.ContainsFunc(f.Addrs, func(a Addr) bool { return a.Prefix.Addr() == addr })
		known := slices.ContainsFunc(found, func(o Neighbour) bool { return o.Name == words[1] })
		if err != nil || own || known || words[1] == f.Host ||
			addr.IsLoopback() || addr.IsMulticast() || addr.IsLinkLocalUnicast() || !addr.IsValid() || words[1] == "ip6-localnet" {
			continue
		}
		found = append(found, Neighbour{Name: words[1], Addr: addr})
	}
	return found
}

// Greeting is what a host's log says when it is up: who it is, whom it knows,
// and what to type next on the computer that runs it.
func Greeting(f Facts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is up", f.Host)
	for i, a := range f.Addrs {
		fmt.Fprintf(&b, "%s %s (%s)", []string{":", ","}[min(i, 1)], a.Prefix, a.Interface)
	}
	b.WriteString("\n")
	for i, o := range f.Others {
		fmt.Fprintf(&b, "%s %s %s", []string{"it knows:", ","}[min(i, 1)], o.Name, o.Addr)
	}
	if len(f.Others) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("type in another terminal, in the directory of compose.yaml:\n")
	command := func(host string, args ...string) {
		fmt.Fprintf(&b, "  docker compose exec %s %s\n", host, strings.Join(args, " "))
	}
	if len(f.Addrs) > 0 {
		command(f.Host, "udp_remote", "server", f.Addrs[0].Prefix.Addr().String())
		if len(f.Others) > 0 {
			command(f.Others[0].Name, "udp_remote", "client", f.Host)
		}
	}
	command(f.Host, "sh")
	return b.String()
}
