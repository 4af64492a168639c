package wire

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

const (
	laptop, guinness   = "192.168.5.10", "192.168.5.130"
	laptop6, guinness6 = "fd00:5::10", "fd00:5::130"
)

func TestDecodeSaysWhatDiagramsSay(t *testing.T) {
	request := udp(laptop+":35084", guinness+":1060", 23)
	request6 := udp("["+laptop6+"]:35084", "["+guinness6+"]:1060", 23)
	big := fragments(udp(laptop+":35084", guinness+":1060", 4000), 1480)
	solicitation := append([]byte{0, 0, 0, 0}, netip.MustParseAddr(guinness6).AsSlice()...)
	for _, test := range []struct {
		name  string
		frame []byte
		want  []string
	}{
		{"datagram", request, []string{"UDP to 1060, 23 bytes", "UDP from 35084 to 1060, 23 bytes"}},
		{"over IPv6", request6, []string{"UDP to 1060, 23 bytes", "UDP from 35084 to 1060, 23 bytes"}},
		{"empty datagram", udp(laptop+":9", guinness+":1060", 0), []string{"UDP to 1060, 0 bytes", "UDP from 9 to 1060, 0 bytes"}},
		{"connect", tcp(laptop+":4000", guinness+":1060", "S", 0), []string{"TCP SYN", "TCP SYN to 1060"}},
		{"accept", tcp(guinness+":1060", laptop+":4000", "SA", 0), []string{"TCP SYN ACK", "TCP SYN ACK to 4000"}},
		{"refusal has an ACK too", tcp(guinness+":1060", laptop+":4000", "RA", 0), []string{"TCP RST", "TCP RST to 4000"}},
		{"acknowledgement", tcp(laptop+":4000", guinness+":1060", "A", 0), []string{"TCP ACK", "TCP ACK to 1060"}},
		{"data", tcp(laptop+":4000", guinness+":1060", "PA", 16), []string{"TCP 16 bytes", "TCP to 1060, 16 bytes"}},
		{"data and end", tcp(laptop+":4000", guinness+":1060", "FA", 16), []string{"TCP 16 bytes FIN", "TCP to 1060, 16 bytes FIN"}},
		{"end", tcp(laptop+":4000", guinness+":1060", "FA", 0), []string{"TCP FIN", "TCP FIN to 1060"}},
		{"refused", icmp(guinness, laptop, 3, 3, 0, request), []string{"ICMP port unreachable",
			"ICMP port unreachable about UDP to 1060, 23 bytes", "ICMP port unreachable about UDP from 35084 to 1060, 23 bytes"}},
		{"only 8 bytes quoted", icmp(guinness, laptop, 3, 3, 0, tcp(laptop+":4000", guinness+":7", "S", 0)[:14+20+8]), []string{"ICMP port unreachable",
			"ICMP port unreachable about TCP"}},
		{"too big", icmp("192.168.5.1", laptop, 3, 4, 1280, request), []string{"ICMP fragmentation needed (mtu 1280)",
			"ICMP fragmentation needed (mtu 1280) about UDP to 1060, 23 bytes", "ICMP fragmentation needed (mtu 1280) about UDP from 35084 to 1060, 23 bytes"}},
		{"too big for IPv6", icmp(guinness6, laptop6, 2, 0, 1280, request6), []string{"ICMP packet too big (mtu 1280)",
			"ICMP packet too big (mtu 1280) about UDP to 1060, 23 bytes", "ICMP packet too big (mtu 1280) about UDP from 35084 to 1060, 23 bytes"}},
		{"refused by IPv6", icmp(guinness6, laptop6, 1, 4, 0, request6), []string{"ICMP port unreachable",
			"ICMP port unreachable about UDP to 1060, 23 bytes", "ICMP port unreachable about UDP from 35084 to 1060, 23 bytes"}},
		{"firewall", icmp(guinness, laptop, 3, 13, 0, request)[:14+20+8], []string{"ICMP admin prohibited"}},
		{"echo", icmp(laptop, guinness, 8, 0, 1, request), []string{"ICMP echo request"}},
		{"unknown ICMP", icmp(laptop, guinness, 3, 77, 1, request)[:14+20+8], []string{"ICMP type 3 code 77"}},
		{"question", arpRequest(laptop, "192.168.5.77"), []string{"ARP who has 192.168.5.77"}},
		{"neighbour", ipFrame(laptop6, "ff02::1:ff00:130", layers.IPProtocolICMPv6, nil,
			&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(135, 0)}, gopacket.Payload(solicitation)),
			[]string{"ICMP neighbour solicitation for fd00:5::130"}},
		{"first fragment", big[0], []string{"UDP to 1060, 4000 bytes", "UDP from 35084 to 1060, 4000 bytes"}},
		{"later fragment", big[1], []string{"UDP fragment"}},
		{"group membership", ipFrame(laptop, "224.0.0.22", layers.IPProtocolIGMP, nil, gopacket.Payload(make([]byte, 8))), []string{"IGMP"}},
		{"another protocol", ipFrame(laptop, guinness, 89, nil, gopacket.Payload(make([]byte, 8))), []string{"IP protocol 89"}},
		{"marker", append(make([]byte, 12), 0x88, 0xb5, 1, 2), []string{"marker"}},
		{"another Ethernet", append(make([]byte, 12), 0x88, 0xcc, 1, 2), []string{"Ethernet type 0x88cc"}},
		{"tagged", append(append(request[:12:12], 0x81, 0, 0, 5), request[12:]...), []string{"UDP to 1060, 23 bytes", "UDP from 35084 to 1060, 23 bytes"}},
		{"nothing", nil, []string{"unknown frame"}},
		{"cut in the UDP header", request[:14+20+5], []string{"UDP"}},
		{"padded to 60 bytes", append(udp(laptop+":9", guinness+":1060", 3), make([]byte, 15)...), []string{"UDP to 1060, 3 bytes", "UDP from 9 to 1060, 3 bytes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := Decode(test.frame)
			if diff := cmp.Diff(test.want, p.Words()); diff != "" {
				t.Errorf("words of % x, broken %q (-want +got):\n%s", test.frame, p.Broken, diff)
			}
		})
	}
}

// The bytes are of a real capture on Linux: ICMP port unreachable for a
// datagram of 23 bytes.
func TestDecodeRealFrame(t *testing.T) {
	frame, err := hex.DecodeString("02420a63000202420a6300030800" + "45c0004f1a2b00004001" + "0000" + "c0a80582" + "c0a8050a" +
		"0303" + "0000" + "00000000" + "4500003312344000401100" + "00" + "c0a8050a" + "c0a80582" + "890c0424001f0000" +
		hex.EncodeToString([]byte("This is another message")))
	if err != nil {
		t.Fatal(err)
	}
	p := Decode(frame)
	if p.ICMP == nil || p.ICMP.Quoted == nil {
		t.Fatalf("decoded %+v; want an ICMP message with a quoted datagram", p)
	}
	q := p.ICMP.Quoted
	got := []any{p.Src.String(), p.Dst.String(), p.TTL, q.Src.String(), q.SrcPort, q.DstPort, q.Length}
	want := []any{guinness, laptop, uint8(64), laptop, uint16(0x890c), uint16(1060), 23}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Extension headers stand between IPv6 and what it carries.
func TestDecodeExtensionHeaders(t *testing.T) {
	plain := udp("["+laptop6+"]:35084", "["+guinness6+"]:1060", 23)
	for _, test := range []struct {
		name    string
		first   byte   // IPv6's next header
		headers []byte // each begins with the type of the one behind it
		want    string
	}{
		{"hop by hop", 0, []byte{17, 0, 1, 4, 0, 0, 0, 0}, "UDP to 1060, 23 bytes"},
		{"destination, then routing", 60, []byte{43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0}, "UDP to 1060, 23 bytes"},
		{"authentication", 51, []byte{17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "UDP to 1060, 23 bytes"},
		{"a whole datagram as a fragment", 44, []byte{17, 0, 0, 0, 0, 0, 0, 9}, "UDP to 1060, 23 bytes"},
		{"longer than the packet", 60, []byte{17, 200, 0, 0, 0, 0, 0, 0}, "IPv6"},
	} {
		frame := append([]byte(nil), plain[:54]...)
		frame = append(append(frame, test.headers...), plain[54:]...)
		frame[14+5] += byte(len(test.headers)) // payload length
		frame[14+6] = test.first
		if got := Decode(frame).String(); got != test.want {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(udp(laptop+":35084", guinness+":1060", 23))
	f.Add(udp("["+laptop6+"]:35084", "["+guinness6+"]:1060", 23))
	f.Add(icmp(guinness, laptop, 3, 4, 1280, tcp(laptop+":4000", guinness+":1060", "S", 0)))
	f.Add(icmp(guinness6, laptop6, 2, 0, 1280, udp("["+laptop6+"]:35084", "["+guinness6+"]:1060", 23)))
	f.Add(arpRequest(laptop, guinness))
	for _, part := range fragments(udp(laptop+":35084", guinness+":1060", 4000), 1480) {
		f.Add(part)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := Decode(frame)
		words := p.Words()
		if len(words) == 0 || words[0] == "" {
			t.Errorf("no words for % x", frame)
		}
		if p.Length < 0 && p.Broken == "" {
			t.Errorf("a length of %d", p.Length)
		}
		if p.identity() != Decode(frame).identity() {
			t.Errorf("two identities of % x", frame)
		}
		decodeIP(frame)
	})
}
