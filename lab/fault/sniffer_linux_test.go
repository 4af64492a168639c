package fault

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// A sniffer is what a host's eth0 sends and receives.
type sniffer struct{ fd int }

func newSniffer(t *testing.T, n *netns) *sniffer {
	t.Helper()
	c := &sniffer{}
	n.must(t, func() (err error) {
		all := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all)
		return err
	})
	t.Cleanup(func() { unix.Close(c.fd) })
	limit := unix.NsecToTimeval(deadline.Nanoseconds())
	if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		t.Fatal(err)
	}
	return c
}

// until reads the IPv4 packets up to the ICMP message about a port. Each UDP
// datagram sent is "out PORT", each ICMP message received "icmp PORT" with the
// port of the datagram that it quotes.
func (c *sniffer) until(t *testing.T, port uint16) []string {
	t.Helper()
	var seen []string
	buf := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(c.fd, buf, 0)
		if err != nil {
			t.Fatalf("capture: after %v: %v", seen, err)
		}
		out := from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING
		p := buf[:n]
		switch {
		case n < 28 || p[0] != 0x45:
		case p[9] == unix.IPPROTO_UDP && out:
			seen = append(seen, fmt.Sprint("out ", binary.BigEndian.Uint16(p[22:])))
		case p[9] == unix.IPPROTO_ICMP && !out && n >= 20+8+20+4:
			quoted := binary.BigEndian.Uint16(p[20+8+20+2:]) // RFC 792: the IP header and 8 bytes of the datagram
			seen = append(seen, fmt.Sprint("icmp ", quoted))
			if quoted == port {
				return seen
			}
		}
	}
}
