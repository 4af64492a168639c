package fault

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"hostlab/lab/capture"
)

const register = 1 // nf_tables' first, for one comparison at a time

func equal(data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

func unequal(data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: data}
}

// A family is IPv4 or IPv6, as rules name it.
type family byte

const (
	anyFamily family = unix.NFPROTO_UNSPEC
	ipv4      family = unix.NFPROTO_IPV4
	ipv6      family = unix.NFPROTO_IPV6
)

func (v family) of(a netip.Addr) bool { return v == anyFamily || a.Is4() == (v == ipv4) }

func (v family) is() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register}, equal(byte(v))}
}

func (v family) addrType() nftables.SetDatatype {
	if v == ipv6 {
		return nftables.TypeIP6Addr
	}
	return nftables.TypeIPAddr
}

// families returns for which families a fault needs a rule of its own:
// addresses and fragments look different in each.
func (m match) families() []family {
	if len(m.from) == 0 && m.fragment == "" {
		return []family{anyFamily}
	}
	var all []family
	for _, v := range []family{ipv4, ipv6} {
		wrong := map[Proto]family{ICMP: ipv6, ICMP6: ipv4}
		if wrong[m.proto] != v && (len(m.from) == 0 || slices.ContainsFunc(m.from, v.of)) {
			all = append(all, v)
		}
	}
	return all
}

// matchExprs compares a packet's family, protocol, port, source and place
// among fragments. A packet from the host itself, by lo, never matches. The set
// has the source addresses of the family; nil means any.
func matchExprs(m match, v family, from *nftables.Set) []expr.Any {
	exprs := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: register},
		unequal(binaryutil.NativeEndian.PutUint16(unix.ARPHRD_LOOPBACK)...),
	}
	if v != anyFamily {
		exprs = append(exprs, v.is()...)
	}
	if number, ok := map[Proto]byte{UDP: unix.IPPROTO_UDP, TCP: unix.IPPROTO_TCP, ICMP: unix.IPPROTO_ICMP, ICMP6: unix.IPPROTO_ICMPV6}[m.proto]; ok {
		exprs = append(exprs, &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, equal(number))
	}
	if m.port != 0 {
		exprs = append(exprs,
			&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}, // RFC 768, RFC 9293: destination port
			equal(binary.BigEndian.AppendUint16(nil, m.port)...))
	}
	if from != nil {
		source := &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4} // RFC 791 section 3.1: source address
		if v == ipv6 {
			source.Offset, source.Len = 8, 16 // RFC 8200 section 3
		}
		exprs = append(exprs, source, &expr.Lookup{SourceRegister: register, SetName: from.Name, SetID: from.ID})
	}
	return append(exprs, fragmentExprs(m.fragment, v)...)
}

// The 16 bits that make a packet a fragment.
var (
	more   = map[family]uint16{ipv4: 0x2000, ipv6: 0x0001} // RFC 791 section 3.1, RFC 8200 section 4.5: more fragments
	offset = map[family]uint16{ipv4: 0x1fff, ipv6: 0xfff8} // the fragment offset
)

// fragmentExprs compares a packet's place among the fragments of its datagram.
func fragmentExprs(f Fragment, v family) []expr.Any {
	masked := func(mask uint16, compare func(...byte) expr.Any, want uint16) []expr.Any {
		return []expr.Any{loadFragment(v),
			&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 2,
				Mask: binary.BigEndian.AppendUint16(nil, mask), Xor: []byte{0, 0}},
			compare(binary.BigEndian.AppendUint16(nil, want)...)}
	}
	switch f {
	case FirstFragment:
		return masked(more[v]|offset[v], equal, more[v])
	case MiddleFragment:
		return slices.Concat(masked(more[v], equal, more[v]), masked(offset[v], unequal, 0))
	case LastFragment:
		return slices.Concat(masked(more[v], equal, 0), masked(offset[v], unequal, 0))
	case AnyFragment:
		return masked(more[v]|offset[v], unequal, 0)
	}
	return nil
}

// loadFragment loads the bits of more and offset. An IPv6 packet without a
// fragment header matches no comparison of them.
func loadFragment(v family) expr.Any {
	if v == ipv6 {
		return &expr.Exthdr{DestRegister: register, Type: unix.IPPROTO_FRAGMENT, Offset: 2, Len: 2, Op: expr.ExthdrOpIpv6}
	}
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: 6, Len: 2}
}

// exceptions returns rules, each without its verdict, for what matches a fault
// and is left alone.
func exceptions(m match) [][]expr.Any {
	var all [][]expr.Any
	if m.proto == IP {
		// RFC 4861 section 4: types 133 to 137.
		all = append(all, append(ipv6.is(),
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, equal(unix.IPPROTO_ICMPV6),
			&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
			&expr.Range{Op: expr.CmpOpEq, Register: register, FromData: []byte{133}, ToData: []byte{137}}))
	}
	if m.fragment == "" {
		// At the input hook IPv4's fragments are one packet, IPv6's are not yet:
		// the first stands for all.
		all = append(all, append(ipv6.is(), loadFragment(ipv6),
			&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 2,
				Mask: binary.BigEndian.AppendUint16(nil, offset[ipv6]), Xor: []byte{0, 0}},
			unequal(0, 0)))
	}
	return all
}

// effect returns the expressions of what a fault does to packets that match: a
// count of them, which of them to take, a count of those, and the verdict.
func effect(f Fault) []expr.Any {
	exprs := []expr.Any{&expr.Counter{}}
	if d, ok := f.(Drop); ok {
		exprs = append(exprs, schedule(d)...)
	}
	exprs = append(exprs, &expr.Counter{})
	if r, ok := f.(Reject); ok {
		return append(exprs, reject(r))
	}
	return append(append(exprs, tell(f)...), &expr.Verdict{Kind: expr.VerdictDrop})
}

// tell has the kernel report a packet that the fault takes, to whoever
// captures on this host: their packet sockets saw the packet come in. A
// rejected packet did arrive, and its answer says so.
func tell(f Fault) []expr.Any {
	var logs []expr.Any
	for i := range capture.LogGroups {
		logs = append(logs, &expr.Log{
			Key:   1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_PREFIX,
			Group: capture.LogGroup + uint16(i),
			Data:  []byte(label(f)),
		})
	}
	return logs
}

// maxLabel is what fits into the beginning of a log line, see MaxAs.
const maxLabel = 120

// label is what the kernel has of a fault's name.
func label(f Fault) string {
	return Shorten(f.String(), maxLabel)
}

// schedule lets pass what is to be dropped: the first N through a bucket of N
// tokens that gets a new one once a day, every Nth by a counter modulo N.
func schedule(d Drop) []expr.Any {
	switch {
	case d.First > 0:
		return []expr.Any{&expr.Limit{Type: expr.LimitTypePkts, Rate: 1, Unit: expr.LimitTimeDay, Burst: uint32(d.First)}}
	case d.Every > 1:
		return []expr.Any{
			&expr.Numgen{Register: register, Modulus: uint32(d.Every), Type: unix.NFT_NG_INCREMENTAL},
			equal(binaryutil.NativeEndian.PutUint32(0)...),
		}
	}
	return nil
}

func reject(r Reject) expr.Any {
	switch {
	case r.With == TCPReset, r.With == "" && r.Proto == TCP:
		return &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}
	case r.With == AdminProhibited:
		return &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}
	}
	return &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}
}
