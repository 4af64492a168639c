package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/docker/docker/api/types/network"

	"hostlab/lab/topology"
)

// verify asks the engine which hosts are on each network, and compares their
// addresses with the topology's. It is one request for each network, where
// asking for each host would cost a twentieth of the start.
func (l *lab) verify(ctx context.Context) error {
	var errs []error
	for _, w := range l.wires {
		n, err := l.c.api.NetworkInspect(ctx, w.id, network.InspectOptions{})
		if err != nil {
			return l.c.wrap("network "+w.spec.Name, err)
		}
		for _, spec := range l.topology.Hosts {
			if at, ok := spec.Interface(w.spec.Name); ok {
				errs = append(errs, l.verifyHost(w, n, l.hosts[spec.Name], at))
			}
		}
	}
	return errors.Join(errs...)
}

func (l *lab) verifyHost(w *wire, n network.Inspect, h *host, at topology.Interface) error {
	found, ok := n.Containers[h.id]
	if !ok {
		if text := h.stream.stderr.String(); text != "" {
			return fmt.Errorf("docker: host %s: process 1 ended at once: %s", h.spec.Name, text)
		}
		return fmt.Errorf("docker: host %s: is not on network %s, or has ended at once", h.spec.Name, w.spec.Name)
	}
	var got []netip.Addr
	for _, s := range []string{found.IPv4Address, found.IPv6Address} {
		if p, err := netip.ParsePrefix(s); err == nil {
			got = append(got, p.Addr())
		}
	}
	for _, want := range at.Addrs {
		if !slices.Contains(got, want) {
			return fmt.Errorf("docker: host %s: has %v on network %s; the topology says %s", h.spec.Name, got, w.spec.Name, want)
		}
	}
	return nil
}
