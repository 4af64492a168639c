package holder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// linkInfo is the header of a request about an interface (rtnetlink(7)). Up
// asks for it to be switched on.
func linkInfo(index int, up bool) *nl.IfInfomsg {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(index)
	if up {
		m.Flags, m.Change = unix.IFF_UP, unix.IFF_UP
	}
	return m
}

const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL

// addBridge adds a bridge that forwards from the first moment, without the
// spanning tree protocol and without a look into multicast groups.
func (b *batch) addBridge(about, name string, index, mtu int) {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	data.AddRtAttr(nl.IFLA_BR_FORWARD_DELAY, nl.Uint32Attr(0))
	data.AddRtAttr(nl.IFLA_BR_STP_STATE, nl.Uint32Attr(0))
	data.AddRtAttr(nl.IFLA_BR_MCAST_SNOOPING, nl.Uint8Attr(0))
	b.add(about, unix.RTM_NEWLINK, create, linkInfo(index, true),
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)),
		nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu))), info)
}

// An end is one end of a cable.
type end struct {
	name      string
	index     int
	mac       [6]byte  // zero lets the kernel choose
	namespace *os.File // nil means where the request is made
	bridge    int      // index of the bridge that it is plugged into; 0 for none
}

// addCable adds two ends at once. The first is switched on and plugged into its
// bridge. The second is born in its namespace (veth(4)), and off: the kernel
// refuses to switch on an end that does not know the other yet.
func (b *batch) addCable(about string, mtu int, near, far end) {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	peer.AddChild(linkInfo(far.index, false))
	far.describe(mtu, func(kind int, data []byte) { peer.AddRtAttr(kind, data) })
	parts := []nl.NetlinkRequestData{linkInfo(near.index, true)}
	near.describe(mtu, func(kind int, data []byte) { parts = append(parts, nl.NewRtAttr(kind, data)) })
	b.add(about, unix.RTM_NEWLINK, create, append(parts, info)...)
}

func (e end) describe(mtu int, attr func(kind int, data []byte)) {
	attr(unix.IFLA_IFNAME, nl.ZeroTerminated(e.name))
	attr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu)))
	attr(unix.IFLA_TXQLEN, nl.Uint32Attr(0)) // as the Docker engine has it; there is no queue
	if e.mac != [6]byte{} {
		attr(unix.IFLA_ADDRESS, e.mac[:])
	}
	if e.namespace != nil {
		attr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(e.namespace.Fd())))
	}
	if e.bridge != 0 {
		attr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(e.bridge)))
	}
}

func (b *batch) switchOn(about string, index int) {
	b.add(about, unix.RTM_NEWLINK, 0, linkInfo(index, true))
}

// plug switches on the end of a cable and plugs it into a bridge.
func (b *batch) plug(about string, index, bridge int) {
	b.add(about, unix.RTM_NEWLINK, 0, linkInfo(index, true), nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(bridge))))
}

func (b *batch) removeLink(about string, index int) {
	b.add(about, unix.RTM_DELLINK, 0, linkInfo(index, false))
}

// ask asks for the state of an interface, for replies.
func (b *batch) ask(about string, index int) {
	b.add(about, unix.RTM_GETLINK, 0, linkInfo(index, false))
}

// addAddr adds an address. IPv6's is not looked for on the network first (RFC
// 4862 section 5.4): nobody else has it.
func (b *batch) addAddr(about string, index int, p netip.Prefix) {
	m := nl.NewIfAddrmsg(family(p.Addr()))
	m.Index, m.Prefixlen = uint32(index), uint8(p.Bits())
	addr := p.Addr().AsSlice()
	parts := []nl.NetlinkRequestData{m, nl.NewRtAttr(unix.IFA_LOCAL, addr), nl.NewRtAttr(unix.IFA_ADDRESS, addr)}
	if p.Addr().Is6() {
		m.Flags = unix.IFA_F_NODAD
	} else if p.Bits() < 31 { // RFC 3021: two hosts need no broadcast
		last := binary.BigEndian.Uint32(addr) | (1<<(32-p.Bits()) - 1)
		parts = append(parts, nl.NewRtAttr(unix.IFA_BROADCAST, binary.BigEndian.AppendUint32(nil, last)))
	}
	b.add(about+": address "+p.String(), unix.RTM_NEWADDR, create, parts...)
}

// addRoute adds a route, or puts it in the place of the one to the same
// prefix.
func (b *batch) addRoute(about string, r Route) {
	m := nl.NewRtMsg()
	m.Family, m.Protocol = uint8(family(r.Via)), unix.RTPROT_BOOT // as ip-route(8) would
	m.Dst_len = uint8(r.To.Bits())
	parts := []nl.NetlinkRequestData{m, nl.NewRtAttr(unix.RTA_GATEWAY, r.Via.AsSlice())}
	if r.To.Bits() > 0 {
		parts = append(parts, nl.NewRtAttr(unix.RTA_DST, r.To.Addr().AsSlice()))
	}
	b.add(fmt.Sprintf("%s: route %s via %s", about, r.To, r.Via), unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, parts...)
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// An ndMsg is linux/neighbour.h's struct ndmsg.
type ndMsg struct {
	family           uint8
	_                [3]byte
	index            int32
	state            uint16
	flags, routeType uint8
}

func (m *ndMsg) Len() int { return int(unsafe.Sizeof(*m)) }
func (m *ndMsg) Serialize() []byte {
	return (*(*[12]byte)(unsafe.Pointer(m)))[:]
}

// knowNeighbour tells an interface the Ethernet address of an address for
// ever: such entries do not count against the kernel's one table of
// neighbours, which holds 1024 for the whole computer (arp(7), gc_thresh3).
func (b *batch) knowNeighbour(about string, index int, a netip.Addr, mac [6]byte) {
	m := &ndMsg{family: uint8(family(a)), index: int32(index), state: unix.NUD_PERMANENT}
	b.add(about, unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, m,
		nl.NewRtAttr(unix.NDA_DST, a.AsSlice()), nl.NewRtAttr(unix.NDA_LLADDR, mac[:]))
}

func (b *batch) forgetNeighbour(about string, index int, a netip.Addr) {
	m := &ndMsg{family: uint8(family(a)), index: int32(index)}
	b.add(about, unix.RTM_DELNEIGH, 0, m, nl.NewRtAttr(unix.NDA_DST, a.AsSlice()))
}

// knowPort tells a bridge behind which port an Ethernet address is: where
// nobody asks by ARP, it does not learn that before the host speaks, and would
// hand what comes earlier to everybody.
func (b *batch) knowPort(about string, port int, mac [6]byte) {
	m := &ndMsg{family: unix.AF_BRIDGE, index: int32(port), state: unix.NUD_NOARP, flags: unix.NTF_MASTER}
	b.add(about, unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, m, nl.NewRtAttr(unix.NDA_LLADDR, mac[:]))
}

// settleTimeout is how long interfaces may take to carry packets. It takes
// milliseconds at the most.
const settleTimeout = 5 * time.Second

// operUp is RFC 2863's "up" as linux/if.h numbers it.
const operUp = 6

// awaitUp returns when interfaces carry packets. That an interface is on is
// not enough: the kernel makes its queue a moment later, and drops what comes
// earlier. (A kernel since 6.8 does it when asked for the state.)
func (s *rtnl) awaitUp(about string, indexes ...int) error {
	for deadline := time.Now().Add(settleTimeout); ; time.Sleep(100 * time.Microsecond) {
		up := map[int]bool{}
		b := batch{replies: func(kind uint16, body []byte) {
			if kind == unix.RTM_NEWLINK {
				index, state := linkState(body)
				up[index] = state == operUp
			}
		}}
		for _, index := range indexes {
			b.ask(about, index)
		}
		if err := s.do(&b); err != nil {
			return err
		}
		ready := true
		for _, index := range indexes {
			ready = ready && up[index]
		}
		if ready {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the interface carries nothing %v after it was switched on", about, settleTimeout)
		}
	}
}

// linkState reads the index and RFC 2863's state of an interface.
func linkState(body []byte) (index int, state byte) {
	if len(body) < unix.SizeofIfInfomsg {
		return 0, 0
	}
	index = int(int32(binary.NativeEndian.Uint32(body[4:])))
	attrs, err := nl.ParseRouteAttrAsMap(body[unix.SizeofIfInfomsg:])
	if a, ok := attrs[unix.IFLA_OPERSTATE]; err == nil && ok && len(a.Value) > 0 {
		state = a.Value[0]
	}
	return index, state
}

// An ifreqData is the struct ifreq of netdevice(7) with a pointer in it.
type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// plainFrames has an interface send what a cable would carry: checksums filled
// in and segments cut, for the kernel leaves both to the card otherwise. To
// switch the checksums' offload off takes all the others along. Fd is a socket
// of the interface's namespace.
func plainFrames(fd int, name string) error {
	value := struct{ cmd, data uint32 }{cmd: unix.ETHTOOL_STXCSUM}
	req := ifreqData{data: unsafe.Pointer(&value)}
	copy(req.name[:len(req.name)-1], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	if errno != 0 && !errors.Is(errno, unix.EOPNOTSUPP) {
		return failed(errno, "%s: offloads off", name)
	}
	return nil
}
