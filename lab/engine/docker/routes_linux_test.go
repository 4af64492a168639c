package docker

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestRouteInTheWay gives this computer a route, as a VPN does, and looks
// whether it counts as taken.
func TestRouteInTheWay(t *testing.T) {
	e := newEngine(t)
	c, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	p := testPrefix()
	route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}}
	if err := netlink.RouteAdd(route); errors.Is(err, syscall.EPERM) && os.Getenv("HOSTLAB_STRICT") == "" {
		t.Skipf("this user may not add a route: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netlink.RouteDel(route); err != nil {
			t.Error(err)
		}
	})
	free, err := c.takenPrefixes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	by, ok := free.claim(p)
	if ok || !strings.Contains(by.by, "this computer's route to "+p.String()+" by lo") {
		t.Errorf("claim(%s) = %q, %v; want the route to be in the way", p, by.by, ok)
	}
}
