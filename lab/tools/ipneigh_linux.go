package tools

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An ipNeighbour is an entry of the ARP or neighbour cache; the JSON fields
// are iproute2's.
type ipNeighbour struct {
	Addr    string   `json:"dst"`
	Dev     string   `json:"dev,omitempty"`
	Address string   `json:"lladdr,omitempty"`
	Router  bool     `json:"-"`
	State   []string `json:"state"`
}

// neighbourStates are rtnetlink(7)'s NUD_.
var neighbourStates = []struct {
	bit  int
	name string
}{
	{netlink.NUD_INCOMPLETE, "INCOMPLETE"}, {netlink.NUD_REACHABLE, "REACHABLE"}, {netlink.NUD_STALE, "STALE"},
	{netlink.NUD_DELAY, "DELAY"}, {netlink.NUD_PROBE, "PROBE"}, {netlink.NUD_FAILED, "FAILED"},
	{netlink.NUD_PERMANENT, "PERMANENT"},
}

// showNeighbours is "ip neigh".
func (c *ipCall) showNeighbours() error {
	name, err := c.device()
	if err != nil {
		return err
	}
	names, err := linkNames()
	if err != nil {
		return err
	}
	list, err := netlink.NeighList(0, c.family)
	if err != nil {
		return fmt.Errorf("neighbours: %w", err)
	}
	neighbours := []ipNeighbour{}
	for _, n := range list {
		if n.State&^netlink.NUD_NOARP == 0 || n.IP == nil || name != "" && name != names[n.LinkIndex] {
			continue // NOARP: lo and multicast
		}
		entry := ipNeighbour{Addr: n.IP.String(), Dev: names[n.LinkIndex], Address: n.HardwareAddr.String(), Router: n.Flags&unix.NTF_ROUTER != 0}
		if name != "" {
			entry.Dev = "" // goes without saying
		}
		for _, s := range neighbourStates {
			if n.State&s.bit != 0 {
				entry.State = append(entry.State, s.name)
			}
		}
		neighbours = append(neighbours, entry)
	}
	if c.json {
		return c.printJSON(neighbours)
	}
	for _, n := range neighbours {
		line := n.Addr + " "
		if n.Dev != "" {
			line += "dev " + n.Dev + " "
		}
		if n.Address != "" {
			line += "lladdr " + n.Address + " "
		}
		if n.Router {
			line += "router "
		}
		fmt.Fprintf(c.out, "%s%s \n", line, strings.Join(n.State, ","))
	}
	return nil
}

// flushNeighbours is "ip neigh flush dev IF": the host asks again who has an
// address.
func (c *ipCall) flushNeighbours() error {
	name, err := c.device()
	if err != nil {
		return err
	}
	if name == "" || name == "all" {
		return misusef("neigh flush: dev IF was expected")
	}
	link, err := linkByName(name)
	if err != nil {
		return err
	}
	list, err := netlink.NeighList(link.Attrs().Index, c.family)
	if err != nil {
		return fmt.Errorf("neighbours: %w", err)
	}
	for _, n := range list {
		if n.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) != 0 {
			continue
		}
		if err := netlink.NeighDel(&n); err != nil {
			return change(fmt.Errorf("neigh %s: %w", n.IP, err))
		}
	}
	return nil
}
