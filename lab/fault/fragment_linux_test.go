package fault

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// both are the families in which a wire's tests run.
var both = []struct {
	name             string
	laptop, guinness netip.Addr
}{
	{"IPv4", laptop4, guinness4},
	{"IPv6", laptop6, guinness6},
}

// A datagram of 4000 bytes crosses an Ethernet in three fragments. A fault
// takes single ones of them before they are put together: the datagram is lost
// and the next one is not.
func TestDropFragment(t *testing.T) {
	for _, family := range both {
		for _, tt := range []struct {
			fault               string
			wantSeen, wantTaken uint64 // of the six fragments of two datagrams
		}{
			{"drop udp/1060 --fragment first --first 1", 2, 1},
			{"drop udp --fragment middle --first 1", 2, 1},
			{"drop ip --fragment last --first 1", 2, 1},
			{"drop udp --fragment any --first 1", 6, 1},
			{"drop udp --fragment any --first 3", 6, 3},
			{"drop udp --fragment last --every 2 --from 10.5.0.1,fd00:5::1", 2, 1},
		} {
			t.Run(family.name+"/"+tt.fault, func(t *testing.T) {
				laptop, guinness := newWire(t)
				server := listen(t, guinness, netip.AddrPortFrom(family.guinness, 1060))
				client := connect(t, laptop, netip.AddrPortFrom(family.guinness, 1060))
				sendBig(t, client, 1) // without the fault
				receiveBig(t, server, 1)

				guinness.fault(t, tt.fault)
				sendBig(t, client, 2)
				sendBig(t, client, 3)
				if taken := guinness.counts(t, tt.wantSeen); taken != tt.wantTaken {
					t.Errorf("took %d fragments; want %d", taken, tt.wantTaken)
				}
				send(t, client, 1) // what is no fragment passes
				receiveBig(t, server, 3)
				if got := receive(t, server, 1); got[0] != 1 {
					t.Errorf("the small datagram arrived as %v", got)
				}
			})
		}
	}
}

// What is in fragments is one packet to every other fault, in both families.
func TestFragmentsAreOnePacket(t *testing.T) {
	for _, family := range both {
		for _, fault := range []string{"drop udp/1060 --first 2", "drop udp --first 2", "drop ip --first 2"} {
			t.Run(family.name+"/"+fault, func(t *testing.T) {
				laptop, guinness := newWire(t)
				server := listen(t, guinness, netip.AddrPortFrom(family.guinness, 1060))
				client := connect(t, laptop, netip.AddrPortFrom(family.guinness, 1060))
				guinness.fault(t, fault)
				for n := range byte(3) {
					sendBig(t, client, n)
				}
				if taken := guinness.counts(t, 3); taken != 2 {
					t.Errorf("took %d packets; want 2", taken)
				}
				receiveBig(t, server, 2)
			})
		}
	}
}

func sendBig(t *testing.T, c *net.UDPConn, n byte) {
	t.Helper()
	if _, err := c.Write(bytes.Repeat([]byte{n}, 4000)); err != nil {
		t.Fatal(err)
	}
}

// receiveBig wants the next datagram to be the one of that number.
func receiveBig(t *testing.T, c *net.UDPConn, n byte) {
	t.Helper()
	buf := make([]byte, 8000)
	k, err := c.Read(buf)
	if err != nil || k != 4000 || buf[0] != n {
		t.Fatalf("received %d bytes of datagram %d, %v; want 4000 of %d", k, buf[0], err, n)
	}
}

// A source may have addresses of both families, and a host's name.
func TestDropFromSeveral(t *testing.T) {
	laptop, guinness := newWire(t)
	var out, errs string
	var status int
	words := []string{"drop", "udp/1060", "--from", "10.5.0.1,10.5.0.9,fd00:5::1", "--as", "drop what laptop says"}
	guinness.do(func() { out, errs, status = call(words...) })
	if status != 0 {
		t.Fatal(out, errs)
	}
	for i, family := range both {
		server := listen(t, guinness, netip.AddrPortFrom(family.guinness, 1060))
		send(t, connect(t, laptop, netip.AddrPortFrom(family.guinness, 1060)), 1)
		if taken := guinness.counts(t, uint64(i+1)); taken != uint64(i+1) {
			t.Errorf("%s: took %d packets; want %d", family.name, taken, i+1)
		}
		send(t, connect(t, guinness, netip.AddrPortFrom(family.guinness, 1060)), 1) // its own pass
		receive(t, server, 1)
	}
	var active []Active
	guinness.must(t, func() (err error) { active, err = List(); return err })
	if got := active[0].Fault; got.String() != "drop what laptop says" || !slices.Equal(got.Args(), words) {
		t.Errorf("the list has %q, %q", got, got.Args())
	}
	read, err := ParseList([]byte(guinness.fault(t, "list --json")))
	if err != nil || len(read) != 1 || !slices.Equal(read[0].Fault.Args(), words) || read[0].Taken != 2 {
		t.Errorf("the list came back as %+v, %v", read, err)
	}
}

// Neighbours are found behind "drop ip", as ARP finds them: the datagrams
// themselves are what the fault takes.
func TestDropIPLeavesDiscoveryAlone(t *testing.T) {
	laptop, guinness := newWire(t)
	server := listen(t, guinness, netip.AddrPortFrom(guinness6, 1060))
	guinness.fault(t, "drop ip --first 2")
	send(t, connect(t, laptop, netip.AddrPortFrom(guinness6, 1060)), 3)
	if got := receive(t, server, 1); got[0] != 3 {
		t.Errorf("arrived: %v; want 3", got)
	}
	if taken := guinness.counts(t, 3); taken != 2 {
		t.Errorf("took %d packets; want 2", taken)
	}
}

// Broadcasts and multicasts are taken like all else.
func TestDropGroups(t *testing.T) {
	all := netip.MustParseAddr("ff02::1")
	for _, tt := range []struct{ at, to netip.AddrPort }{
		{netip.MustParseAddrPort("0.0.0.0:1060"), netip.MustParseAddrPort("255.255.255.255:1060")},
		{netip.MustParseAddrPort("0.0.0.0:1060"), netip.MustParseAddrPort("10.5.0.255:1060")},
		{netip.MustParseAddrPort("[::]:1060"), netip.AddrPortFrom(all.WithZone("eth0"), 1060)},
	} {
		t.Run(tt.to.String(), func(t *testing.T) {
			laptop, guinness := newWire(t)
			server := listen(t, guinness, tt.at)
			client := broadcaster(t, laptop, tt.to)
			send(t, client, 1)
			receive(t, server, 1)
			guinness.fault(t, "drop udp/1060 --first 1")
			send(t, client, 2)
			if taken := guinness.counts(t, 2); taken != 1 {
				t.Errorf("took %d packets; want 1", taken)
			}
			if got := receive(t, server, 1); got[0] != 2 {
				t.Errorf("arrived: %v; want 2", got)
			}
		})
	}
}

// broadcaster opens a connected UDP socket that may broadcast.
func broadcaster(t *testing.T, n *netns, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	if !to.Addr().Is4() {
		return connect(t, n, to)
	}
	n.must(t, func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return addRoute(eth0.Index)
	})
	c := connect(t, n, netip.AddrPortFrom(laptop4, 1)) // for a socket; Go lets it broadcast
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		err = unix.Connect(int(fd), &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
