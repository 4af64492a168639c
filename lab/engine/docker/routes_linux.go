package docker

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// ownPrefixes returns where this computer's routes lead: the main table, which
// has the networks of its interfaces too (ip-route(8)).
func ownPrefixes() ([]taken, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	var own []taken
	for _, r := range routes {
		if r.Dst == nil {
			continue // the default route
		}
		a, ok := netip.AddrFromSlice(r.Dst.IP)
		bits, _ := r.Dst.Mask.Size()
		if !ok {
			continue
		}
		p := netip.PrefixFrom(a.Unmap(), bits).Masked()
		by := fmt.Sprintf("this computer's route to %s", p)
		if link, err := netlink.LinkByIndex(r.LinkIndex); err == nil {
			by += " by " + link.Attrs().Name
		}
		own = append(own, taken{prefix: p, by: by})
	}
	return own, nil
}
