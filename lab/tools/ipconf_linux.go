package tools

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ipv4Conf are settings of an interface, net.ipv4.conf.IF.*, with the numbers
// that the kernel gives them: linux/ip.h, IPV4_DEVCONF_*.
var ipv4Conf = map[string]int{
	"forwarding": 1, "proxy_arp": 3, "accept_redirects": 4, "secure_redirects": 5, "send_redirects": 6,
	"shared_media": 7, "rp_filter": 8, "accept_source_route": 9, "log_martians": 11, "arp_filter": 13,
	"arp_announce": 18, "arp_ignore": 19, "arp_accept": 21, "arp_notify": 22, "accept_local": 23,
	"route_localnet": 26,
}

// inetConf is linux/if_link.h's IFLA_INET_CONF.
const inetConf = 1

// setWithoutFile sets a setting of an interface through rtnetlink(7), where its
// file may not be written: a container engine mounts /proc/sys read-only, also
// for hosts that may do all to their network. Any other setting is the error
// that there was.
func setWithoutFile(path, value string, otherwise error) error {
	words := strings.Split(strings.TrimPrefix(path, sysctlRoot+"/"), "/")
	if len(words) != 5 || strings.Join(words[:3], "/") != "net/ipv4/conf" {
		return otherwise
	}
	number, ok := ipv4Conf[words[4]]
	link, err := linkByName(words[3])
	if !ok || err != nil {
		return otherwise
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return fmt.Errorf("%q: %w", value, unix.EINVAL)
	}
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(link.Attrs().Index)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	conf := spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(inetConf, nil)
	conf.AddRtAttr(number, binary.NativeEndian.AppendUint32(nil, uint32(n)))
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	req.AddData(msg)
	req.AddData(spec)
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
