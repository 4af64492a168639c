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

// neighParms are settings of an interface's neighbours, net.ipv4.neigh.IF.* and
// net.ipv6.neigh.IF.*: linux/neighbour.h, NDTPA_*. Times are in milliseconds.
var neighParms = map[string]int{
	"base_reachable_time_ms": 4, "retrans_time_ms": 5, "app_solicit": 9, "ucast_solicit": 10, "mcast_solicit": 11,
}

// The attributes of RTM_SETNEIGHTBL, linux/neighbour.h.
const (
	ndtaName     = 1
	ndtaParms    = 6
	ndtpaIfindex = 1
)

// setWithoutFile sets a setting of an interface through rtnetlink(7), where its
// file may not be written: hosts have /proc/sys read-only on every engine, though
// they may do all to their network. Any other setting is the error that there
// was.
func setWithoutFile(path, value string, otherwise error) error {
	words := strings.Split(strings.TrimPrefix(path, sysctlRoot+"/"), "/")
	if len(words) != 5 {
		return otherwise
	}
	conf, isConf := ipv4Conf[words[4]]
	_, isParm := neighParms[words[4]]
	table := strings.Join(words[:3], "/")
	isConf = isConf && table == "net/ipv4/conf"
	isParm = isParm && (table == "net/ipv4/neigh" || table == "net/ipv6/neigh")
	link, err := linkByName(words[3])
	if !isConf && !isParm || err != nil {
		return otherwise
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return fmt.Errorf("%q: %w", value, unix.EINVAL)
	}
	switch index := link.Attrs().Index; {
	case isConf:
		return setConf(index, conf, uint32(n))
	case words[1] == "ipv6":
		return setNeigh(unix.AF_INET6, "ndisc_cache", index, words[4], n)
	default:
		return setNeigh(unix.AF_INET, "arp_cache", index, words[4], n)
	}
}

// setConf sets one of ipv4Conf.
func setConf(index, number int, value uint32) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	conf := spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(inetConf, nil)
	conf.AddRtAttr(number, binary.NativeEndian.AppendUint32(nil, value))
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	req.AddData(msg)
	req.AddData(spec)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// An ndtmsg is linux/neighbour.h's, the head of a message about a table of
// neighbours: the family, and nothing.
type ndtmsg struct{ family uint8 }

func (m ndtmsg) Len() int          { return 4 }
func (m ndtmsg) Serialize() []byte { return []byte{m.family, 0, 0, 0} }

// setNeigh sets one of neighParms in a table of neighbours.
func setNeigh(family uint8, table string, index int, name string, value uint64) error {
	parms := nl.NewRtAttr(ndtaParms, nil)
	parms.AddRtAttr(ndtpaIfindex, binary.NativeEndian.AppendUint32(nil, uint32(index)))
	data := binary.NativeEndian.AppendUint32(nil, uint32(value))
	if strings.HasSuffix(name, "_ms") {
		data = binary.NativeEndian.AppendUint64(nil, value)
	}
	parms.AddRtAttr(neighParms[name], data)
	req := nl.NewNetlinkRequest(unix.RTM_SETNEIGHTBL, unix.NLM_F_ACK)
	req.AddData(ndtmsg{family})
	req.AddData(nl.NewRtAttr(ndtaName, nl.ZeroTerminated(table)))
	req.AddData(parms)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
