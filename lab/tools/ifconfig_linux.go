package tools

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/pflag"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

func ifconfig() *command {
	return &command{
		name:     "ifconfig",
		forms:    []string{"[-a] [IF]"},
		about:    "Shows the host's interfaces and their addresses, as net-tools prints them.",
		more:     "It changes nothing: see ip --help.",
		examples: []string{"", "eth0"},
		define: func(flags *pflag.FlagSet) action {
			all := flags.BoolP("all", "a", false, "also interfaces that are down")
			return func(_ context.Context, s program.Stdio, words []string) error {
				if len(words) > 1 {
					return misusef("%q: ifconfig changes nothing here; see ip --help", words[1])
				}
				return showInterfaces(s.Out, strings.Join(words, ""), *all)
			}
		},
	}
}

func showInterfaces(w io.Writer, name string, all bool) error {
	list, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	if name != "" {
		link, err := linkByName(name)
		if err != nil {
			return err
		}
		list, all = []netlink.Link{link}, true
	}
	for _, link := range list {
		if all || link.Attrs().RawFlags&unix.IFF_UP != 0 {
			if err := showInterface(w, link); err != nil {
				return err
			}
		}
	}
	return nil
}

// interfaceFlags are in the order of net-tools.
var interfaceFlags = []struct {
	bit  uint32
	name string
}{
	{unix.IFF_UP, "UP"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_DEBUG, "DEBUG"}, {unix.IFF_LOOPBACK, "LOOPBACK"},
	{unix.IFF_POINTOPOINT, "POINTOPOINT"}, {unix.IFF_NOTRAILERS, "NOTRAILERS"}, {unix.IFF_RUNNING, "RUNNING"},
	{unix.IFF_NOARP, "NOARP"}, {unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_ALLMULTI, "ALLMULTI"}, {unix.IFF_SLAVE, "SLAVE"},
	{unix.IFF_MASTER, "MASTER"}, {unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_DYNAMIC, "DYNAMIC"},
}

func showInterface(w io.Writer, link netlink.Link) error {
	a := link.Attrs()
	var flags []string
	for _, f := range interfaceFlags {
		if a.RawFlags&f.bit != 0 {
			flags = append(flags, f.name)
		}
	}
	fmt.Fprintf(w, "%s: flags=%d<%s>  mtu %d\n", a.Name, a.RawFlags&0xffff, strings.Join(flags, ","), a.MTU)
	addrs, err := netlink.AddrList(link, unix.AF_UNSPEC)
	if err != nil {
		return fmt.Errorf("addresses of %s: %w", a.Name, err)
	}
	for _, addr := range addrs {
		showAddress(w, addr)
	}
	queue := max(a.TxQLen, 0)
	switch a.EncapType {
	case "loopback":
		fmt.Fprintf(w, "        loop  txqueuelen %d  (Local Loopback)\n", queue)
	case "ether":
		fmt.Fprintf(w, "        ether %s  txqueuelen %d  (Ethernet)\n", a.HardwareAddr, queue)
	default:
		fmt.Fprintf(w, "        %s  txqueuelen %d\n", a.EncapType, queue)
	}
	showCounters(w, a.Statistics)
	return nil
}

func showAddress(w io.Writer, a netlink.Addr) {
	length, _ := a.Mask.Size()
	if a.IP.To4() == nil {
		scope := map[string]string{"global": "0x0<global>", "host": "0x10<host>", "link": "0x20<link>", "site": "0x40<site>"}[scopeName(a.Scope)]
		fmt.Fprintf(w, "        inet6 %s  prefixlen %d  scopeid %s\n", a.IP, length, scope)
		return
	}
	fmt.Fprintf(w, "        inet %s  netmask %s", a.IP, net.IP(a.Mask))
	if a.Broadcast != nil {
		fmt.Fprintf(w, "  broadcast %s", a.Broadcast)
	}
	fmt.Fprintln(w)
}

func showCounters(w io.Writer, c *netlink.LinkStatistics) {
	if c == nil {
		c = &netlink.LinkStatistics{}
	}
	fmt.Fprintf(w, "        RX packets %d  bytes %d (%s)\n", c.RxPackets, c.RxBytes, bytesInWords(c.RxBytes))
	fmt.Fprintf(w, "        RX errors %d  dropped %d  overruns %d  frame %d\n", c.RxErrors, c.RxDropped, c.RxFifoErrors, c.RxFrameErrors)
	fmt.Fprintf(w, "        TX packets %d  bytes %d (%s)\n", c.TxPackets, c.TxBytes, bytesInWords(c.TxBytes))
	fmt.Fprintf(w, "        TX errors %d  dropped %d overruns %d  carrier %d  collisions %d\n\n", c.TxErrors, c.TxDropped, c.TxFifoErrors, c.TxCarrierErrors, c.Collisions)
}

// bytesInWords is "22.7 MiB".
func bytesInWords(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	f, i := float64(n), 0
	for ; f >= 1024 && i < len(units)-1; i++ {
		f /= 1024
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
