//go:build !linux

package docker

import (
	"fmt"
	"net"
	"net/netip"
)

// ownPrefixes returns the networks of this computer's interfaces. Routes that
// lead further are not seen; the engine, in a virtual machine of its own,
// meets few of them.
func ownPrefixes() ([]taken, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var own []taken
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				own = append(own, taken{prefix: p.Masked(), by: fmt.Sprintf("this computer's interface %s", i.Name)})
			}
		}
	}
	return own, nil
}
