package wire

import (
	"fmt"
	"net/netip"
)

// A Kind says what a packet is, in the words of diagrams.
type Kind string

// The kinds of packets. Other kinds are named by their numbers.
const (
	UDP    Kind = "UDP"
	TCP    Kind = "TCP"
	ICMP   Kind = "ICMP" // of IPv4 and of IPv6
	ARP    Kind = "ARP"
	Marker Kind = "marker" // a fence's own frame
)

// A MAC is an Ethernet address.
type MAC [6]byte

// String returns the address as "02:42:c0:a8:05:0a".
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Group reports whether frames to m are for several stations: multicast or
// broadcast (IEEE 802).
func (m MAC) Group() bool { return m[0]&1 != 0 }

// TCPFlags are the flags of a segment (RFC 9293 section 3.1).
type TCPFlags uint8

// The flags that diagrams speak of.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// A Packet is what the bytes of a frame mean, or those of several frames when
// they are fragments of one datagram.
type Packet struct {
	Kind           Kind // "" when even the Ethernet header is cut short
	SrcMAC, DstMAC MAC
	EtherType      uint16

	// Src and Dst are the addresses of an IP packet. Of an ARP message, Src is
	// the sender's and Dst the one that is asked for.
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16 // UDP, TCP
	Length           int    // bytes of data behind the header of UDP, TCP or ICMP
	Flags            TCPFlags

	ICMP   *ICMPMessage
	ARP    *ARPMessage
	Marker []byte // what a marker carries

	Protocol  uint8  // IP's number of what it carries
	ID        uint32 // of IPv4, or of an IPv6 fragment
	TTL       uint8  // or hop limit
	Fragments int    // how many frames it came in; 1 when whole

	// Offset and More are those of a single fragment. In a datagram that was
	// put together they are 0 and false.
	Offset int
	More   bool

	// Broken says what is wrong with the bytes, "" when nothing is. What was
	// read before the fault is there all the same.
	Broken string

	transport []byte // what IP carries, as far as it was captured; of other frames, all behind the Ethernet header
	missing   bool   // fragments of the datagram are missing
}

// An ICMPMessage is the header of an ICMP message, and what it quotes.
type ICMPMessage struct {
	Version    int // of IP: 4 (RFC 792) or 6 (RFC 4443)
	Type, Code uint8
	MTU        int        // fragmentation needed, packet too big
	Target     netip.Addr // neighbour solicitation and advertisement
	Quoted     *Packet    // the datagram that an error is about; nil when there is none
}

// An ARPMessage is one of RFC 826.
type ARPMessage struct {
	Request  bool
	SrcMAC   MAC // of the sender, as the message has it
	Sender   netip.Addr
	AskedFor netip.Addr
}

// IsIP reports whether the packet is of IPv4 or IPv6.
func (p *Packet) IsIP() bool {
	return p.EtherType == etherIPv4 || p.EtherType == etherIPv6
}

// Fragment reports whether the packet is only a part of a datagram.
func (p *Packet) Fragment() bool { return p.Offset > 0 || p.More || p.missing }

// String returns the packet in the words of diagrams: "UDP to 1060, 23 bytes".
func (p *Packet) String() string { return p.Words()[0] }

// Words returns every way in which a diagram can say the packet. The first is
// the usual one, the others say more: "TCP SYN", "TCP SYN to 1060".
func (p *Packet) Words() []string {
	switch p.Kind {
	case UDP:
		return p.udpWords()
	case TCP:
		return p.tcpWords()
	case ICMP:
		return p.icmpWords()
	case ARP:
		return []string{p.ARP.String()}
	case "":
		return []string{"unknown frame"}
	}
	return []string{string(p.Kind)}
}

func (p *Packet) udpWords() []string {
	switch {
	case p.Offset > 0:
		return []string{"UDP fragment"}
	case p.Fragments == 0: // the header is cut short
		return []string{"UDP"}
	}
	words := []string{fmt.Sprintf("UDP to %d, %d bytes", p.DstPort, p.Length)}
	if p.missing {
		words[0] += ", fragments missing"
	}
	if p.Fragments > 1 {
		words = append(words, fmt.Sprintf("%s in %d fragments", words[0], p.Fragments))
	}
	return append(words, fmt.Sprintf("UDP from %d to %d, %d bytes", p.SrcPort, p.DstPort, p.Length))
}

func (p *Packet) tcpWords() []string {
	if p.Offset > 0 {
		return []string{"TCP fragment"}
	}
	if p.Length > 0 && p.Flags&(SYN|RST) == 0 {
		fin := ""
		if p.Flags&FIN != 0 {
			fin = " FIN"
		}
		return []string{
			fmt.Sprintf("TCP %d bytes%s", p.Length, fin),
			fmt.Sprintf("TCP to %d, %d bytes%s", p.DstPort, p.Length, fin),
		}
	}
	words := p.Flags.String()
	if words == "" {
		return []string{"TCP"}
	}
	return []string{"TCP " + words, fmt.Sprintf("TCP %s to %d", words, p.DstPort)}
}

// String returns the flag that makes the segment what it is: "SYN", "SYN
// ACK", "RST", "FIN", "ACK".
func (f TCPFlags) String() string {
	switch {
	case f&RST != 0:
		return "RST"
	case f&SYN != 0 && f&ACK != 0:
		return "SYN ACK"
	case f&SYN != 0:
		return "SYN"
	case f&FIN != 0:
		return "FIN"
	case f&ACK != 0:
		return "ACK"
	}
	return ""
}

// acknowledgement reports whether a segment only acknowledges. When one is sent
// depends on timers and on what else is under way.
func (p *Packet) acknowledgement() bool {
	return p.Kind == TCP && p.Flags.String() == "ACK" && p.Length == 0
}

func (p *Packet) icmpWords() []string {
	if p.ICMP == nil {
		return []string{"ICMP"}
	}
	words := []string{"ICMP " + p.ICMP.String()}
	if q := p.ICMP.Quoted; q != nil {
		for _, w := range q.Words() {
			words = append(words, words[0]+" about "+w)
		}
	}
	return words
}

// String returns "who has 192.168.5.77" or "192.168.5.10 is at
// 02:42:c0:a8:05:0a", behind the word ARP.
func (a *ARPMessage) String() string {
	switch {
	case a == nil:
		return "ARP"
	case a.Request:
		return "ARP who has " + a.AskedFor.String()
	}
	return fmt.Sprintf("ARP %s is at %s", a.Sender, a.SrcMAC)
}
