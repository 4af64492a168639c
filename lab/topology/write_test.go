package topology

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What Compose writes, Parse reads as the same lab; only the gateways and the
// settings that say what a host of hostlab is told anyway are beside it.
func TestComposeReadsBack(t *testing.T) {
	for name, top := range map[string]*Topology{
		"routed": routed(),
		"page":   page(t),
		"image":  foreign(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(t.Context(), "again.yaml", top.Compose())
			if err != nil {
				t.Fatalf("%v\n%s", err, top.Compose())
			}
			got.Name = top.Name
			for i := range got.Networks {
				got.Networks[i].Gateways = top.Networks[i].Gateways
			}
			for i := range got.Hosts {
				for _, key := range []string{"net.ipv4.icmp_ratelimit", "net.ipv4.ip_forward", "net.ipv6.icmp.ratelimit"} {
					if _, own := top.Hosts[i].Sysctls[key]; !own {
						delete(got.Hosts[i].Sysctls, key)
					}
				}
			}
			if diff := cmp.Diff(top, got, noPosition); diff != "" {
				t.Errorf("read again (-want +got):\n%s\n%s", diff, top.Compose())
			}
		})
	}
}

// foreign is a lab one of whose hosts has an image of its own.
func foreign() *Topology {
	top := routed()
	top.Hosts[0].Image = "debian:12"
	return top
}

// page is the lab of compose.yaml.
func page(t *testing.T) *Topology {
	t.Helper()
	data, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	top, err := Parse(t.Context(), "compose.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// A host by Compose is the same in every lab.
func TestComposeHost(t *testing.T) {
	data, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "\n"+asHost+"\n") {
		t.Errorf("compose.yaml's block x-host is not the one that Compose writes:\n%s", asHost)
	}
}

// What only Docker looks at: one network is closed, of several none is, for
// packets pass from one to the other; a host that is no router is told so, and
// has no default route but its own; no gateway is a host's address.
func TestComposeForDocker(t *testing.T) {
	for name, want := range map[string]struct {
		top   *Topology
		lines map[string]int // how often each is there
	}{
		"routed": {routed(), map[string]int{"internal: true": 0, `net.ipv4.ip_forward: "1"`: 1, "ip route del default; ": 2, "gateway: ": 3, "gateway: 192.168.5.254": 1, "extra_hosts:": 2}},
		"page":   {page(t), map[string]int{"internal: true": 1, "ip_forward": 0, "entrypoint": 0, "gateway: 192.168.5.254": 1, "extra_hosts:": 0}},
	} {
		text := string(want.top.Compose())
		for line, n := range want.lines {
			if got := strings.Count(text, line); got != n {
				t.Errorf("%s: %q is there %d times; want %d\n%s", name, line, got, n, text)
			}
		}
	}
}
