package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// EtherTypes, as IANA's "IEEE 802 Numbers" has them.
const (
	etherIPv4   = 0x0800
	etherARP    = 0x0806
	etherVLAN   = 0x8100
	etherIPv6   = 0x86DD
	etherMarker = 0x88B5 // IEEE Std 802 local experimental EtherType 1
)

// IP protocol numbers, as IANA has them.
const (
	protoHopByHop    = 0
	protoICMP        = 1
	protoIGMP        = 2
	protoTCP         = 6
	protoUDP         = 17
	protoRouting     = 43
	protoFragment    = 44
	protoAH          = 51
	protoICMPv6      = 58
	protoDestination = 60
)

// Decode returns what the bytes of an Ethernet frame mean. Whatever they are,
// it returns a packet: Broken says where they stopped to make sense. The
// packet refers to frame's memory.
func Decode(frame []byte) *Packet {
	p := &Packet{}
	var eth layers.Ethernet
	if err := eth.DecodeFromBytes(frame, gopacket.NilDecodeFeedback); err != nil {
		p.Broken = err.Error()
		p.transport = frame
		return p
	}
	p.DstMAC, p.SrcMAC = MAC(eth.DstMAC), MAC(eth.SrcMAC)
	p.EtherType = binary.BigEndian.Uint16(frame[12:])
	data := eth.Payload
	for p.EtherType == etherVLAN && len(data) >= 4 { // IEEE 802.1Q: tag, then the type behind it
		p.EtherType, data = binary.BigEndian.Uint16(data[2:]), data[4:]
	}
	p.Fragments = 1
	p.network(data)
	return p
}

// network decodes what an Ethernet frame carries.
func (p *Packet) network(data []byte) {
	p.transport = data
	switch p.EtherType {
	case etherIPv4:
		p.Kind = "IPv4"
		p.ipv4(data, true)
	case etherIPv6:
		p.Kind = "IPv6"
		p.ipv6(data, true)
	case etherARP:
		p.Kind = ARP
		p.arp(data)
	case etherMarker:
		p.Kind, p.Marker = Marker, data
	default:
		p.Kind = Kind(fmt.Sprintf("Ethernet type %#04x", p.EtherType))
		if p.EtherType < 0x0600 {
			p.Kind = "LLC" // IEEE 802.3: a length, not a type
		}
	}
}

func (p *Packet) fail(err error) { p.Broken = err.Error() }

func (p *Packet) arp(data []byte) {
	var a layers.ARP
	if err := a.DecodeFromBytes(data, gopacket.NilDecodeFeedback); err != nil {
		p.fail(err)
		return
	}
	sender, ok := netip.AddrFromSlice(a.SourceProtAddress)
	asked, ok2 := netip.AddrFromSlice(a.DstProtAddress)
	if !ok || !ok2 || len(a.SourceHwAddress) != len(MAC{}) {
		p.fail(fmt.Errorf("an ARP message with addresses of %d and %d bytes", a.HwAddressSize, a.ProtAddressSize))
		return
	}
	p.Src, p.Dst = sender, asked
	p.ARP = &ARPMessage{
		Request: a.Operation == layers.ARPRequest,
		SrcMAC:  MAC(a.SourceHwAddress), Sender: sender, AskedFor: asked,
	}
}

// ipv4 decodes a header (RFC 791) and what is behind it. Quoted datagrams
// quote no further.
func (p *Packet) ipv4(data []byte, outer bool) {
	var ip layers.IPv4
	err := ip.DecodeFromBytes(data, gopacket.NilDecodeFeedback)
	if len(data) >= 20 {
		p.Src, p.Dst = netip.AddrFrom4([4]byte(data[12:])), netip.AddrFrom4([4]byte(data[16:]))
	}
	if err != nil {
		p.fail(err)
		return
	}
	p.ID, p.TTL, p.Protocol = uint32(ip.Id), ip.TTL, uint8(ip.Protocol)
	p.Offset, p.More = int(ip.FragOffset)*8, ip.Flags&layers.IPv4MoreFragments != 0
	p.transport = ip.Payload
	p.upper(int(ip.Length)-len(ip.Contents), outer)
}

// ipv6 decodes a header (RFC 8200) and what is behind it.
func (p *Packet) ipv6(data []byte, outer bool) {
	var ip layers.IPv6
	err := ip.DecodeFromBytes(data, gopacket.NilDecodeFeedback)
	if len(data) >= 40 {
		p.Src, p.Dst = netip.AddrFrom16([16]byte(data[8:])), netip.AddrFrom16([16]byte(data[24:]))
	}
	if err != nil {
		p.fail(err)
		return
	}
	p.TTL = ip.HopLimit
	// The library takes a hop-by-hop header off; begin again in front of it.
	p.Protocol = uint8(ip.NextHeader)
	behind := data[40:min(len(data), 40+int(ip.Length))]
	p.extensions(behind, int(ip.Length), outer)
}

// extensions goes past the extension headers of IPv6 (RFC 8200 section 4). The
// length is that of data on the wire.
func (p *Packet) extensions(data []byte, length int, outer bool) {
	for {
		size := 0
		switch p.Protocol {
		case protoHopByHop, protoRouting, protoDestination:
			if len(data) >= 2 {
				size = 8 + 8*int(data[1])
			}
		case protoAH: // RFC 4302 section 2.2: in words, less two
			if len(data) >= 2 {
				size = 8 + 4*int(data[1])
			}
		case protoFragment:
			size = 8
		default:
			p.transport = data
			p.upper(length, outer)
			return
		}
		if size == 0 || size > len(data) {
			p.transport = nil
			p.fail(fmt.Errorf("the extension header %d is cut short", p.Protocol))
			return
		}
		fragment := p.Protocol == protoFragment
		if fragment {
			at := binary.BigEndian.Uint16(data[2:])
			p.Offset, p.More = int(at&^7), at&1 != 0
			p.ID = binary.BigEndian.Uint32(data[4:])
		}
		p.Protocol = data[0]
		data, length = data[size:], length-size
		if fragment && p.Offset > 0 {
			p.transport = data
			p.upper(length, outer)
			return
		}
	}
}

// upper decodes what IP carries in p.transport, of which length bytes were on
// the wire. Of a later fragment only the kind is known.
func (p *Packet) upper(length int, outer bool) {
	switch p.Protocol {
	case protoUDP:
		p.Kind = UDP
	case protoTCP:
		p.Kind = TCP
	case protoICMP, protoICMPv6:
		p.Kind = ICMP
	case protoIGMP:
		p.Kind = "IGMP"
	default:
		p.Kind = Kind(fmt.Sprintf("IP protocol %d", p.Protocol))
	}
	p.Length = length
	if p.Offset > 0 {
		return
	}
	switch p.Kind {
	case UDP:
		p.udp()
	case TCP:
		p.tcp(length)
	case ICMP:
		p.icmp(length, outer)
	}
}

func (p *Packet) udp() {
	var u layers.UDP
	if err := u.DecodeFromBytes(p.transport, gopacket.NilDecodeFeedback); err != nil {
		p.Fragments = 0
		p.fail(err)
		return
	}
	p.SrcPort, p.DstPort = uint16(u.SrcPort), uint16(u.DstPort)
	p.Length = int(u.Length) - 8
	if u.Length == 0 { // RFC 2675: the length is IP's
		p.Length = len(u.Payload)
	}
}

// tcp takes from a quoted segment, of which often only 8 bytes are there, at
// least the ports.
func (p *Packet) tcp(length int) {
	if len(p.transport) >= 4 {
		p.SrcPort, p.DstPort = binary.BigEndian.Uint16(p.transport), binary.BigEndian.Uint16(p.transport[2:])
	}
	var t layers.TCP
	if err := t.DecodeFromBytes(p.transport, gopacket.NilDecodeFeedback); err != nil {
		p.fail(err)
		if len(p.transport) < 20 {
			p.Length = 0
			return
		}
	}
	p.Flags = TCPFlags(p.transport[13]) & (FIN | SYN | RST | PSH | ACK)
	p.Length = max(0, length-4*int(p.transport[12]>>4))
}

// icmp decodes a message of RFC 792 or RFC 4443, and the datagram that it quotes.
func (p *Packet) icmp(length int, outer bool) {
	if len(p.transport) < 8 {
		p.fail(fmt.Errorf("an ICMP message of %d bytes", len(p.transport)))
		return
	}
	p.Length = max(0, length-8)
	m := &ICMPMessage{Version: 4, Type: p.transport[0], Code: p.transport[1]}
	if p.Protocol == protoICMPv6 {
		m.Version = 6
	}
	p.ICMP = m
	rest := p.transport[8:]
	switch {
	case m.isTooBig() && m.Version == 4:
		m.MTU = int(binary.BigEndian.Uint16(p.transport[6:])) // RFC 1191 section 4
	case m.isTooBig():
		m.MTU = int(binary.BigEndian.Uint32(p.transport[4:])) // RFC 4443 section 3.2
	case m.Version == 6 && (m.Type == 135 || m.Type == 136) && len(rest) >= 16:
		m.Target = netip.AddrFrom16([16]byte(rest)) // RFC 4861 section 4.3
	}
	if outer && m.isError() && len(rest) > 0 {
		m.Quoted = quoted(rest, m.Version)
	}
}

// quoted decodes the beginning of a datagram.
func quoted(data []byte, version int) *Packet {
	q := &Packet{EtherType: etherIPv4, Kind: "IPv4", Fragments: 1, transport: data}
	if version == 6 {
		q.EtherType, q.Kind = etherIPv6, "IPv6"
		q.ipv6(data, false)
		return q
	}
	q.ipv4(data, false)
	return q
}
