package record

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"hostlab/lab/capture"
	"hostlab/lab/wire"
)

// fence makes one, and fails when it can't be trusted.
func fence(t testing.TB, r *Recorder) *wire.Trace {
	t.Helper()
	tr, err := r.Fence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := tr.Doubt(); d != "" {
		t.Fatalf("doubt: %s", d)
	}
	return tr
}

// accounted compares what crossed the wire with lines of a diagram.
func accounted(t testing.TB, tr *wire.Trace, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, wire.Lines(tr.Accounted(nil))); diff != "" {
		t.Errorf("on the wire (-want +got):\n%s", diff)
	}
}

func exchange(t testing.TB, client, server *net.UDPConn) {
	t.Helper()
	buf := make([]byte, 64<<10)
	if _, err := client.Write(make([]byte, 23)); err != nil {
		t.Fatal(err)
	}
	_, from, err := server.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.WriteToUDPAddrPort(make([]byte, 22), from); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(buf); err != nil {
		t.Fatal(err)
	}
}

// laptop 10.5.0.1 --- switch --- guinness 10.5.0.2
func TestExchangeSeenAtBothEnds(t *testing.T) {
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	for _, to := range []netip.AddrPort{netip.AddrPortFrom(addr(1), 1060), netip.AddrPortFrom(addr6(1), 1060)} {
		accounted(t, fence(t, r))
		server := l.listen(t, "guinness", to)
		client := l.connect(t, "laptop", to)
		exchange(t, client, server)
		accounted(t, fence(t, r),
			"laptop->>guinness: UDP to 1060, 23 bytes",
			fmt.Sprintf("guinness->>laptop: UDP to %d, 22 bytes", port(client)))
	}
}

func TestRefusalSeenAtBothEnds(t *testing.T) {
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	fence(t, r)
	client := l.connect(t, "laptop", netip.AddrPortFrom(addr(1), 1060))
	if _, err := client.Write(make([]byte, 23)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("read: %v; want a refusal", err)
	}
	accounted(t, fence(t, r),
		"laptop->>guinness: UDP to 1060, 23 bytes",
		"guinness->>laptop: ICMP port unreachable")
}

// What a host says to itself is in the capture and on no wire.
func TestLoopbackIsNoWire(t *testing.T) {
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	fence(t, r)
	server := l.listen(t, "guinness", netip.AddrPortFrom(addr(1), 1060))
	exchange(t, l.connect(t, "guinness", netip.AddrPortFrom(addr(1), 1060)), server)
	tr := fence(t, r)
	accounted(t, tr)
	within := slices.DeleteFunc(tr.Passages(), func(p *wire.Passage) bool { return !p.Loopback() })
	if len(within) != 2 || !within[0].Arrived("guinness") || within[0].Length != 23 {
		t.Errorf("packets on lo %v; want the two of the exchange", within)
	}
}

// dropFirst makes a host drop datagrams to port 1060, the first n of them,
// and tell the packet log. It returns a function that ends that.
func dropFirst(t testing.TB, h *netns, n uint32, fault string) (end func()) {
	t.Helper()
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: "test"}
	conn := func() *nftables.Conn {
		c, err := nftables.New(nftables.WithNetNSFd(h.fd))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := conn()
	c.AddTable(table)
	chain := c.AddChain(&nftables.Chain{Name: "input", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{1060 >> 8, 1060 & 0xff}},
		&expr.Limit{Type: expr.LimitTypePkts, Rate: 1, Unit: expr.LimitTimeDay, Burst: n},
		&expr.Log{Key: 1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_PREFIX, Group: capture.LogGroup, Data: []byte(fault)},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() {
		c := conn()
		c.DelTable(table)
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

// The receiving host's nf_tables drop a datagram when its capture has seen it
// already. The packet log tells which ones.
func TestDroppedNeverArrives(t *testing.T) {
	const fault = "drop udp/1060 --first 2"
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	for _, to := range []netip.AddrPort{netip.AddrPortFrom(addr(1), 1060), netip.AddrPortFrom(addr6(1), 1060)} {
		for _, size := range []int{23, 4000} { // the second in fragments
			t.Run(fmt.Sprint(to, " ", size), func(t *testing.T) {
				server := l.listen(t, "guinness", to)
				defer server.Close()
				client := l.connect(t, "laptop", to)
				fence(t, r)
				end := dropFirst(t, l.hosts["guinness"], 2, fault)
				for range 3 {
					if _, err := client.Write(make([]byte, size)); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := server.Read(make([]byte, size)); err != nil {
					t.Fatal(err)
				}
				tr := fence(t, r)
				line := fmt.Sprintf("UDP to 1060, %d bytes", size)
				accounted(t, tr, "laptop-xguinness: "+line, "laptop-xguinness: "+line, "laptop->>guinness: "+line)
				if got, host := tr.Accounted(nil)[0].Fault(); got != fault || host != "guinness" {
					t.Errorf("taken by %q at %q; want %q at guinness", got, host, fault)
				}
				end()
				if _, err := client.Write(make([]byte, size)); err != nil {
					t.Fatal(err)
				}
				accounted(t, fence(t, r), "laptop->>guinness: "+line)
			})
		}
	}
}

func TestBroadcastReachesAll(t *testing.T) {
	l := newLAN(t, "laptop", "guinness", "forger")
	r := l.record(t)
	fence(t, r)
	c := l.listen(t, "laptop", netip.AddrPortFrom(addr(0), 0))
	if _, err := c.WriteToUDPAddrPort(make([]byte, 19), netip.MustParseAddrPort("10.5.0.255:1060")); err != nil {
		t.Fatal(err)
	}
	d := &wire.Diagram{Statements: []*wire.Statement{
		{Kind: wire.Arrow, From: "laptop", To: "guinness", Text: "UDP to 1060, 19 bytes"},
		{Kind: wire.Arrow, From: "laptop", To: "forger", Text: "UDP to 1060, 19 bytes"},
	}}
	if res := fence(t, r).Match(d, wire.NoNames{}); res.Mismatch != nil || res.Doubt != "" {
		t.Errorf("mismatch %v, doubt %q", res.Mismatch, res.Doubt)
	}
}

// Whatever was sent before a fence is in its trace, and the answer of the
// receiver's kernel too; what is sent behind it is not.
func TestFenceOrder(t *testing.T) {
	const fences, each = 40, 5
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	fence(t, r)
	for i := range fences {
		c := l.connect(t, "laptop", netip.AddrPortFrom(addr(1), uint16(2000+i)))
		for range each {
			c.Write(make([]byte, i)) // refused, from the second on, when the first refusal is here already
		}
		got := fence(t, r).Accounted(nil)
		sent, refused := 0, 0
		for _, p := range got {
			switch {
			case p.Kind == wire.UDP && p.DstPort == uint16(2000+i) && p.Arrived("guinness"):
				sent++
			case p.Kind == wire.ICMP && p.ICMP.Quoted != nil && p.ICMP.Quoted.DstPort == uint16(2000+i) && p.Arrived("laptop"):
				refused++
			}
		}
		if sent == 0 || refused != sent || len(got) != 2*sent {
			t.Fatalf("fence %d: %d datagrams, %d refusals among %q; want as many of each and nothing else", i, sent, refused, wire.Lines(got))
		}
		c.Close()
	}
}

// The cable is taken out and put in again while the capture runs.
func TestInterfacesComeAndGo(t *testing.T) {
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	fence(t, r)
	r.Cut("guinness", "lan")
	l.unplug(t, "guinness")
	fence(t, r)
	l.plug(t, "guinness", 1)
	r.Join("guinness", "lan")
	fence(t, r)
	server := l.listen(t, "guinness", netip.AddrPortFrom(addr(1), 1060))
	client := l.connect(t, "laptop", netip.AddrPortFrom(addr(1), 1060))
	exchange(t, client, server)
	accounted(t, fence(t, r),
		"laptop->>guinness: UDP to 1060, 23 bytes",
		fmt.Sprintf("guinness->>laptop: UDP to %d, 22 bytes", port(client)))
}

// With the offloads off, every segment is one that the network can carry, and
// every checksum is the true one.
func TestLengthsAndChecksumsAreTrue(t *testing.T) {
	l := newLAN(t, "laptop", "guinness")
	r := l.record(t)
	fence(t, r)
	server := l.listen(t, "guinness", netip.AddrPortFrom(addr(1), 1060))
	exchange(t, l.connect(t, "laptop", netip.AddrPortFrom(addr(1), 1060)), server)
	transfer(t, l, 200_000)
	tr := fence(t, r)
	data := 0
	for i := range tr.Frames {
		f := &tr.Frames[i]
		p := wire.Decode(f.Data)
		if f.Interface == "lo" || p.Kind != wire.UDP && p.Kind != wire.TCP {
			continue
		}
		if len(f.Data) > 1514 {
			t.Errorf("a frame of %d bytes on %s %s", len(f.Data), f.Host, f.Direction)
		}
		if sum := transportSum(p, f.Data); sum != 0xffff {
			t.Errorf("%s %s: %s: sum %#04x", f.Host, f.Direction, p, sum)
		}
		if p.Kind == wire.TCP && f.Host == "laptop" && f.Direction == wire.Out {
			data += p.Length
		}
	}
	if data < 200_000 {
		t.Errorf("saw %d bytes of TCP; want 200000", data)
	}
}

// transfer sends bytes over TCP from laptop to guinness.
func transfer(t *testing.T, l *lan, n int) {
	t.Helper()
	var listener net.Listener
	l.hosts["guinness"].must(t, func() (err error) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(addr(1), 1060).String())
		return err
	})
	defer listener.Close()
	got := make(chan int64)
	go func() {
		c, err := listener.Accept()
		if err != nil {
			got <- -1
			return
		}
		defer c.Close()
		k, _ := io.Copy(io.Discard, c)
		got <- k
	}()
	var c net.Conn
	l.hosts["laptop"].must(t, func() (err error) {
		c, err = net.DialTimeout("tcp", listener.Addr().String(), deadline)
		return err
	})
	if _, err := c.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if k := <-got; k != int64(n) {
		t.Fatalf("guinness got %d bytes; want %d", k, n)
	}
}

// transportSum returns the ones' complement sum of an IPv4 packet's transport
// part and pseudo header (RFC 768, RFC 9293 section 3.1): all ones when the
// checksum is right.
func transportSum(p *wire.Packet, frame []byte) uint16 {
	length := int(frame[16])<<8 | int(frame[17])
	segment := frame[34 : 14+length]
	pseudo := slices.Concat(p.Src.AsSlice(), p.Dst.AsSlice(), []byte{0, p.Protocol, byte(len(segment) >> 8), byte(len(segment))})
	sum := uint32(0)
	for _, part := range [][]byte{pseudo, segment} {
		for i, b := range part {
			sum += uint32(b) << (8 * (1 - i%2))
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}
