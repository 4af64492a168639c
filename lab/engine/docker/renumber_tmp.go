package docker

import (
	"net/netip"

	"hostlab/lab/topology"
)

// TEMPORARY until topology.Renumber exists.
func renumber(t *topology.Topology, m map[netip.Prefix]netip.Prefix) (*topology.Topology, error) {
	t = t.Clone()
	for i := range t.Networks {
		for j, p := range t.Networks[i].Prefixes {
			if n, ok := m[p]; ok {
				t.Networks[i].Prefixes[j] = n
			}
		}
	}
	for i := range t.Hosts {
		for j := range t.Hosts[i].Interfaces {
			for k, a := range t.Hosts[i].Interfaces[j].Addrs {
				for o, n := range m {
					if o.Contains(a) {
						t.Hosts[i].Interfaces[j].Addrs[k] = moved(a, n)
					}
				}
			}
		}
	}
	return t, nil
}
