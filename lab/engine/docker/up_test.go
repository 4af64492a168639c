package docker

import (
	"net/netip"
	"strings"
	"testing"

	"hostlab/lab/topology"
)

func TestPair(t *testing.T) {
	l := up(t, newEngine(t), pair())
	k := newTalk(t, l)
	for _, c := range []string{"args", "addrs", "read /etc/hosts", "read /etc/resolv.conf", "lookup h2", "lookup nosuch", "lookup no.such.name", "read /proc/self/status", "read /proc/net/route", "write /x", "write /tmp/x", "run udp_remote", "read /proc/mounts"} {
		t.Log(c, "=>", k.ask("h1", c))
	}
}

var _ = strings.Fields
var _ netip.Addr
var _ topology.Host
