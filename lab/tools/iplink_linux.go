package tools

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An ipLink is what ip shows of an interface; the JSON fields are iproute2's.
type ipLink struct {
	Index     int       `json:"ifindex"`
	PeerIndex *int      `json:"link_index,omitempty"` // the other end's index, in its own namespace
	Peer      string    `json:"link,omitempty"`       // ... or its name, in this one
	Name      string    `json:"ifname"`
	Flags     []string  `json:"flags"`
	MTU       int       `json:"mtu"`
	Qdisc     string    `json:"qdisc,omitempty"`
	Master    string    `json:"master,omitempty"`
	State     string    `json:"operstate"`
	Mode      string    `json:"linkmode,omitempty"` // of ip link alone
	Group     string    `json:"group,omitempty"`
	QueueLen  int       `json:"txqlen,omitempty"`
	Type      string    `json:"link_type,omitempty"`
	Address   string    `json:"address,omitempty"`
	Broadcast string    `json:"broadcast,omitempty"`
	PeerNetNS *int      `json:"link_netnsid,omitempty"`
	Addrs     *[]ipAddr `json:"addr_info,omitempty"` // of ip addr alone
}

// An ipAddr is an address of an interface.
type ipAddr struct {
	Family    string    `json:"family"` // inet or inet6
	Local     string    `json:"local"`
	Peer      string    `json:"address,omitempty"` // of a point-to-point link
	Length    int       `json:"prefixlen"`
	Broadcast string    `json:"broadcast,omitempty"`
	Scope     string    `json:"scope"`
	Flags     addrFlags `json:"-"` // see MarshalJSON
	Label     string    `json:"label,omitempty"`
	Valid     uint32    `json:"valid_life_time"` // seconds; 4294967295 is for ever
	Preferred uint32    `json:"preferred_life_time"`
}

// addrFlags are an address's states, as a list in text and as fields in JSON.
type addrFlags []string

// linkFlags are the kernel's IFF_ flags in iproute2's order.
var linkFlags = []struct {
	bit  uint32
	name string
}{
	{unix.IFF_LOOPBACK, "LOOPBACK"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_POINTOPOINT, "POINTOPOINT"},
	{unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_NOARP, "NOARP"}, {unix.IFF_ALLMULTI, "ALLMULTI"},
	{unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_MASTER, "MASTER"}, {unix.IFF_SLAVE, "SLAVE"},
	{unix.IFF_DEBUG, "DEBUG"}, {unix.IFF_DYNAMIC, "DYNAMIC"}, {unix.IFF_AUTOMEDIA, "AUTOMEDIA"},
	{unix.IFF_PORTSEL, "PORTSEL"}, {unix.IFF_NOTRAILERS, "NOTRAILERS"}, {unix.IFF_UP, "UP"},
	{unix.IFF_LOWER_UP, "LOWER_UP"}, {unix.IFF_DORMANT, "DORMANT"}, {unix.IFF_ECHO, "ECHO"},
}

func linkFlagNames(raw uint32) []string {
	names := []string{}
	if raw&unix.IFF_UP != 0 && raw&unix.IFF_RUNNING == 0 {
		names = append(names, "NO-CARRIER")
	}
	for _, f := range linkFlags {
		if raw&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// links returns the host's interfaces, or the one that is named.
func (c *ipCall) links() ([]ipLink, error) {
	name, err := c.device()
	if err != nil {
		return nil, err
	}
	list, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	names := map[int]string{}
	for _, l := range list {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	var links []ipLink
	for _, l := range list {
		if name == "" || name == l.Attrs().Name {
			links = append(links, newLink(l, names))
		}
	}
	if len(links) == 0 && name != "" {
		return nil, fmt.Errorf("dev %s: %w", name, unix.ENODEV)
	}
	return links, nil
}

func newLink(l netlink.Link, names map[int]string) ipLink {
	a := l.Attrs()
	link := ipLink{
		Index: a.Index, Name: a.Name, Flags: linkFlagNames(a.RawFlags), MTU: a.MTU, Qdisc: qdisc(l),
		Master: names[a.MasterIndex], State: operState(a.OperState), Group: "default", QueueLen: max(a.TxQLen, 0),
		Type: a.EncapType, Address: a.HardwareAddr.String(),
	}
	if a.Group != 0 {
		link.Group = strconv.Itoa(int(a.Group))
	}
	if a.EncapType == "loopback" {
		link.Address = net.HardwareAddr(make([]byte, 6)).String()
		link.Broadcast = link.Address
	} else if len(a.HardwareAddr) == 6 {
		link.Broadcast = "ff:ff:ff:ff:ff:ff"
	}
	if a.ParentIndex != 0 && a.ParentIndex != a.Index {
		if a.NetNsID >= 0 {
			link.PeerIndex, link.PeerNetNS = &a.ParentIndex, &a.NetNsID
		} else {
			link.Peer = names[a.ParentIndex]
		}
	}
	return link
}

// qdisc is the name of the interface's queue.
func qdisc(l netlink.Link) string {
	list, err := netlink.QdiscList(l)
	if err == nil {
		for _, q := range list {
			if q.Attrs().Parent == netlink.HANDLE_ROOT {
				return q.Type()
			}
		}
	}
	if l.Attrs().RawFlags&unix.IFF_UP == 0 {
		return "noop"
	}
	return "noqueue"
}

func operState(s netlink.LinkOperState) string {
	return strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(s.String(), "lower-layer", "lowerlayer"), "not-present", "notpresent"))
}

func (c *ipCall) showLinks() error {
	links, err := c.links()
	if err != nil {
		return err
	}
	for i := range links {
		links[i].Mode = "DEFAULT"
	}
	switch {
	case c.json:
		return c.printJSON(links)
	case c.brief:
		for _, l := range links {
			fmt.Fprintf(c.out, "%-16s %-14s %s <%s> \n", l.fullName(), l.State, l.Address, strings.Join(l.Flags, ","))
		}
		return nil
	}
	for _, l := range links {
		c.printLink(l)
	}
	return nil
}

// fullName is the name with the interface behind it: eth0@if5.
func (l ipLink) fullName() string {
	switch {
	case l.PeerIndex != nil:
		return fmt.Sprintf("%s@if%d", l.Name, *l.PeerIndex)
	case l.Peer != "":
		return l.Name + "@" + l.Peer
	}
	return l.Name
}

func (c *ipCall) printLink(l ipLink) {
	fmt.Fprintf(c.out, "%d: %s: <%s> mtu %d ", l.Index, l.fullName(), strings.Join(l.Flags, ","), l.MTU)
	if l.Qdisc != "" {
		fmt.Fprintf(c.out, "qdisc %s ", l.Qdisc)
	}
	if l.Master != "" {
		fmt.Fprintf(c.out, "master %s ", l.Master)
	}
	fmt.Fprintf(c.out, "state %s ", l.State)
	if l.Mode != "" {
		fmt.Fprintf(c.out, "mode %s ", l.Mode)
	}
	if l.Group != "" {
		fmt.Fprintf(c.out, "group %s ", l.Group)
	}
	if l.QueueLen > 0 {
		fmt.Fprintf(c.out, "qlen %d", l.QueueLen)
	}
	fmt.Fprintln(c.out)
	if l.Type == "" {
		return
	}
	fmt.Fprintf(c.out, "    link/%s", l.Type)
	if l.Address != "" {
		fmt.Fprintf(c.out, " %s brd %s", l.Address, l.Broadcast)
	}
	if l.PeerNetNS != nil {
		fmt.Fprintf(c.out, " link-netnsid %d", *l.PeerNetNS)
	}
	fmt.Fprintln(c.out)
}

// setLink is "ip link set [dev] IF up|down|mtu N...".
func (c *ipCall) setLink() error {
	words := c.words
	if len(words) > 0 && words[0] == "dev" {
		words = words[1:]
	}
	if len(words) < 2 {
		return misusef("link set: an interface and up, down or mtu N were expected")
	}
	link, err := linkByName(words[0])
	if err != nil {
		return err
	}
	for words = words[1:]; len(words) > 0; words = words[1:] {
		switch words[0] {
		case "up":
			err = netlink.LinkSetUp(link)
		case "down":
			err = netlink.LinkSetDown(link)
		case "mtu":
			if words = words[1:]; len(words) == 0 {
				return misusef("mtu: a number of bytes was expected")
			}
			mtu, parseErr := strconv.Atoi(words[0])
			if parseErr != nil || mtu < 0 || mtu > math.MaxInt32 {
				return misusef("mtu %q: a number of bytes was expected", words[0])
			}
			err = netlink.LinkSetMTU(link, mtu)
		default:
			return misusef("%q: up, down or mtu N was expected", words[0])
		}
		if err != nil {
			return change(fmt.Errorf("link set %s %s: %w", link.Attrs().Name, words[0], err))
		}
	}
	return nil
}
