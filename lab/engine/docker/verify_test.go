package docker

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"

	"hostlab/lab/topology"
)

// TestVerify: an engine that attached less than it was asked to is found out.
func TestVerify(t *testing.T) {
	w := &wire{spec: topology.Network{Name: "lan"}}
	at := topology.Interface{Network: "lan", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd00::5")}}
	dying := &tail{}
	dying.Write([]byte("exec format\nerror\n"))
	for _, test := range []struct {
		name   string
		found  map[string]network.EndpointResource
		stderr *tail
		want   string // "" when all is well
	}{
		{"as asked", map[string]network.EndpointResource{"id": {IPv4Address: "10.0.0.5/24", IPv6Address: "fd00::5/64"}}, &tail{}, ""},
		{"not there", nil, &tail{}, "docker: host h1: is not on network lan, or has ended at once"},
		{"ended", nil, dying, "docker: host h1: process 1 ended at once: exec format error"},
		{"another address", map[string]network.EndpointResource{"id": {IPv4Address: "10.0.0.6/24", IPv6Address: "fd00::5/64"}}, &tail{}, "has [10.0.0.6 fd00::5] on network lan; the topology says 10.0.0.5"},
		{"one of two", map[string]network.EndpointResource{"id": {IPv4Address: "10.0.0.5/24"}}, &tail{}, "the topology says fd00::5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &host{spec: topology.Host{Name: "h1"}, id: "id", stream: &stream{stderr: test.stderr}}
			err := (&lab{}).verifyHost(w, network.Inspect{Containers: test.found}, h, at)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("verifyHost: %v; want %q", err, test.want)
			}
		})
	}
}

func TestTail(t *testing.T) {
	var b tail
	for range 500 {
		b.Write([]byte("0123456789"))
	}
	b.Write([]byte("\nthe end\n"))
	if got := b.String(); len(got) > tailSize || !strings.HasSuffix(got, "9 the end") {
		t.Errorf("kept %d bytes, ending %q", len(got), got[len(got)-20:])
	}
}
