package tools

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/spf13/pflag"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"hostlab/lab/hint"
	"hostlab/lab/program"
)

func forge() *command {
	return &command{
		name:  "forge",
		forms: []string{"--from ADDRESS:PORT --to ADDRESS:PORT TEXT"},
		about: `Sends one UDP datagram that claims to come from somewhere else: it writes the
IPv4 header itself (raw(7)). A client that did not connect its socket believes
it; one that did hears only its server (chapter 2, promiscuous clients).`,
		examples: []string{`--from 192.168.5.130:1060 --to 192.168.5.10:40000 "Believe me"`},
		define: func(flags *pflag.FlagSet) action {
			from := flags.String("from", "", "the `ADDRESS:PORT` that it claims to come from, IPv4")
			to := flags.String("to", "", "the `ADDRESS:PORT` that it goes to, IPv4")
			return func(_ context.Context, s program.Stdio, words []string) error {
				src, err := forgeAddr("--from", *from)
				if err != nil {
					return err
				}
				dst, err := forgeAddr("--to", *to)
				if err != nil {
					return err
				}
				if len(words) != 1 {
					return misusef("one text was expected; quote it")
				}
				if err := sendForged(src, dst, []byte(words[0])); err != nil {
					return err
				}
				fmt.Fprintf(s.Out, "Sent %d bytes to ('%s', %d) that claim to be from ('%s', %d)\n",
					len(words[0]), dst.Addr(), dst.Port(), src.Addr(), src.Port())
				return nil
			}
		},
	}
}

// forgeAddr reads an address and port; the address may be a name.
func forgeAddr(flag, text string) (netip.AddrPort, error) {
	if text == "" {
		return netip.AddrPort{}, misusef("%s ADDRESS:PORT was expected", flag)
	}
	addr, err := net.ResolveUDPAddr("udp4", text)
	if err != nil {
		return netip.AddrPort{}, misusef("%s %q: an IPv4 ADDRESS:PORT was expected", flag, text)
	}
	at := addr.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if !at.Addr().Is4() || at.Port() == 0 {
		return netip.AddrPort{}, misusef("%s %q: an IPv4 ADDRESS:PORT was expected", flag, text)
	}
	return at, nil
}

func sendForged(from, to netip.AddrPort, text []byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW) // implies IP_HDRINCL
	if errors.Is(err, unix.EPERM) {
		return hint.Add(fmt.Errorf("raw socket: %w: it needs CAP_NET_RAW", err), "cap_add: [NET_RAW] for this host in compose.yaml")
	}
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	defer unix.Close(fd)
	packet, err := forgedPacket(from, to, text)
	if err != nil {
		return err
	}
	if err := unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: to.Addr().As4()}); err != nil {
		return fmt.Errorf("to %s: %w", to, err)
	}
	return nil
}

const (
	ipHeaderLen  = 20
	udpHeaderLen = 8
)

// forgedPacket is an IPv4 packet (RFC 791) with a UDP datagram in it (RFC 768).
// The kernel fills in the identification and the header's checksum.
func forgedPacket(from, to netip.AddrPort, text []byte) ([]byte, error) {
	length := udpHeaderLen + len(text)
	if ipHeaderLen+length > 65535 {
		return nil, misusef("text of %d bytes: at most %d fit", len(text), 65535-ipHeaderLen-udpHeaderLen)
	}
	h := ipv4.Header{
		Version: 4, Len: ipHeaderLen, TotalLen: ipHeaderLen + length, TTL: 64, Protocol: unix.IPPROTO_UDP,
		Src: from.Addr().AsSlice(), Dst: to.Addr().AsSlice(),
	}
	packet, err := h.Marshal()
	if err != nil {
		return nil, err
	}
	udp := make([]byte, udpHeaderLen, length)
	binary.BigEndian.PutUint16(udp[0:], from.Port())    // source port
	binary.BigEndian.PutUint16(udp[2:], to.Port())      // destination port
	binary.BigEndian.PutUint16(udp[4:], uint16(length)) // length, header included
	udp = append(udp, text...)
	binary.BigEndian.PutUint16(udp[6:], udpChecksum(from.Addr(), to.Addr(), udp))
	return append(packet, udp...), nil
}

// udpChecksum covers a pseudo header of addresses, protocol and length, too. A
// sum of 0 is sent as all ones, since 0 means that there is none.
func udpChecksum(from, to netip.Addr, udp []byte) uint16 {
	var pseudo [12]byte
	copy(pseudo[0:], from.AsSlice())                          // source address
	copy(pseudo[4:], to.AsSlice())                            // destination address
	pseudo[9] = unix.IPPROTO_UDP                              // protocol
	binary.BigEndian.PutUint16(pseudo[10:], uint16(len(udp))) // length
	sum := uint32(0)
	for _, b := range [][]byte{pseudo[:], udp} {
		for i, octet := range b {
			sum += uint32(octet) << (8 * (1 - i%2))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if sum == 0xffff {
		return 0xffff
	}
	return ^uint16(sum)
}
