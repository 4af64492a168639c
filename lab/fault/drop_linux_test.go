package fault

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// What a drop takes and what it lets pass, counted at both ends: sent = taken
// by the fault + received by the socket, so nothing else was lost. The same
// datagrams all arrive without the fault, and beside it on another port.
func TestDrop(t *testing.T) {
	for _, family := range []struct {
		name         string
		laptop, addr netip.Addr
	}{
		{"IPv4", laptop4, guinness4},
		{"IPv6", laptop6, guinness6},
	} {
		for _, tt := range []struct {
			name     string
			fault    string
			from     bool // add --from, the sender's address
			sent     int
			wantTook uint64
			want     []byte // numbers of those that arrive
		}{
			{name: "all", fault: "drop udp/1060", sent: 5, wantTook: 5},
			{name: "of the sender", fault: "drop udp/1060", from: true, sent: 5, wantTook: 5},
			{name: "any port", fault: "drop ip", from: true, sent: 5, wantTook: 5},
			{name: "first 1", fault: "drop udp/1060 --first 1", sent: 5, wantTook: 1, want: []byte{2, 3, 4, 5}},
			{name: "first 2", fault: "drop udp/1060 --first 2", sent: 5, wantTook: 2, want: []byte{3, 4, 5}},
			{name: "first 9 of 5", fault: "drop udp/1060 --first 9", sent: 5, wantTook: 5},
			{name: "first 100000 of 5", fault: "drop udp/1060 --first 100000", sent: 5, wantTook: 5},
			{name: "every 1", fault: "drop udp/1060 --every 1", sent: 5, wantTook: 5},
			{name: "every 2", fault: "drop udp/1060 --every 2", sent: 6, wantTook: 3, want: []byte{2, 4, 6}},
			{name: "every 3", fault: "drop udp/1060 --every 3", sent: 7, wantTook: 3, want: []byte{2, 3, 5, 6}},
		} {
			t.Run(family.name+"/"+tt.name, func(t *testing.T) {
				laptop, guinness := newWire(t)
				server := listen(t, guinness, netip.AddrPortFrom(family.addr, 1060))
				client := connect(t, laptop, netip.AddrPortFrom(family.addr, 1060))

				send(t, client, tt.sent) // without the fault
				if got := receive(t, server, tt.sent); len(got) != tt.sent {
					t.Fatalf("without the fault: %v arrived of %d", got, tt.sent)
				}

				form := tt.fault
				if tt.from {
					form += " --from " + family.laptop.String()
				}
				guinness.fault(t, form)
				send(t, client, tt.sent)
				if took := guinness.counts(t, uint64(tt.sent)); took != tt.wantTook {
					t.Errorf("took %d packets; want %d", took, tt.wantTook)
				}
				if got := receive(t, server, len(tt.want)); string(got) != string(tt.want) {
					t.Errorf("arrived: %v; want %v", got, tt.want)
				}

				guinness.fault(t, "clear")
				send(t, client, 1) // the first that passes again
				if got := receive(t, server, 1); got[0] != 1 {
					t.Errorf("after clear: arrived %v; want 1", got)
				}
			})
		}
	}
}

// What a fault is not about passes it.
func TestDropOthersPass(t *testing.T) {
	for _, tt := range []struct{ name, fault string }{
		{"other port", "drop udp/1061"},
		{"other protocol", "drop tcp/1060"},
		{"other sender", "drop udp/1060 --from 10.5.0.77"},
		{"other family's sender", "drop udp/1060 --from fd00:5::1"},
		{"icmp", "drop icmp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			laptop, guinness := newWire(t)
			server := listen(t, guinness, netip.AddrPortFrom(guinness4, 1060))
			guinness.fault(t, tt.fault)
			send(t, connect(t, laptop, netip.AddrPortFrom(guinness4, 1060)), 3)
			receive(t, server, 3)
			if took := guinness.counts(t, 0); took != 0 {
				t.Errorf("took %d packets; want none", took)
			}
		})
	}
}

// A host reaches itself beside a fault, by lo and by its own address.
func TestDropLeavesLoopbackAlone(t *testing.T) {
	_, guinness := newWire(t)
	guinness.fault(t, "drop ip")
	for _, a := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), guinness4, guinness6} {
		server := listen(t, guinness, netip.AddrPortFrom(a, 1060))
		send(t, connect(t, guinness, netip.AddrPortFrom(a, 1060)), 2)
		receive(t, server, 2)
	}
	if took := guinness.counts(t, 0); took != 0 {
		t.Errorf("took %d packets; want none", took)
	}
}

// A drop is silent: the closed port that refuses without it says nothing with
// it, though the sender's own capture shows the datagram leaving.
func TestDropIsSilent(t *testing.T) {
	laptop, guinness := newWire(t)
	closed := netip.AddrPortFrom(guinness4, 1060)

	without := connect(t, laptop, closed)
	send(t, without, 1)
	if _, err := without.Read(make([]byte, 16)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("without the fault: %v; want connection refused", err)
	}

	guinness.fault(t, "drop udp/1060")
	sniff := newSniffer(t, laptop)
	client := connect(t, laptop, closed)
	send(t, client, 3) // an ICMP message for an earlier one would fail a later one
	if took := guinness.counts(t, 3); took != 3 {
		t.Errorf("took %d packets; want 3", took)
	}
	// The fence: the answer to this comes after any answer to those before.
	fence := connect(t, laptop, netip.AddrPortFrom(guinness4, 1061))
	send(t, fence, 1)
	if _, err := fence.Read(make([]byte, 16)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("the port beside: %v; want connection refused", err)
	}
	if got, want := sniff.until(t, 1061), []string{"out 1060", "out 1060", "out 1060", "out 1061", "icmp 1061"}; strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("the sender's capture has %v; want %v", got, want)
	}
}
