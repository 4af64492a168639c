package fault

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// deadline makes a test fail that waits for what never comes.
const deadline = 10 * time.Second

// A netns is a network namespace with a thread of its own, on which every
// function given to it runs.
type netns struct {
	work chan func()
	fd   int
}

// newNetns makes a namespace. Where this process may not, the test is skipped,
// or fails when CI is set.
func newNetns(t *testing.T) *netns {
	t.Helper()
	n := &netns{work: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		ready <- err
		if err != nil {
			return
		}
		for f := range n.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("network namespace: %v; CI is set, so this test has to run", err)
		}
		t.Skipf("network namespace: %v: run this test as root", err)
	}
	t.Cleanup(func() { close(n.work); unix.Close(n.fd) })
	return n
}

// do runs f inside the namespace and waits for it.
func (n *netns) do(f func()) {
	var wg sync.WaitGroup
	wg.Add(1)
	n.work <- func() { defer wg.Done(); f() }
	wg.Wait()
}

func (n *netns) must(t *testing.T, f func() error) {
	t.Helper()
	var err error
	n.do(func() { err = f() })
	if err != nil {
		t.Fatal(err)
	}
}

// laptop 10.5.0.1 --- wire --- guinness 10.5.0.2, and fd00:5::1, fd00:5::2
var (
	laptop4   = netip.MustParseAddr("10.5.0.1")
	guinness4 = netip.MustParseAddr("10.5.0.2")
	laptop6   = netip.MustParseAddr("fd00:5::1")
	guinness6 = netip.MustParseAddr("fd00:5::2")
)

// newWire makes two namespaces with a wire between them.
func newWire(t *testing.T) (laptop, guinness *netns) {
	t.Helper()
	laptop, guinness = newNetns(t), newNetns(t)
	laptop.must(t, func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs:     netlink.LinkAttrs{Name: "eth0"},
			PeerName:      "eth0",
			PeerNamespace: netlink.NsFd(guinness.fd),
		})
	})
	laptop.must(t, func() error { return address(laptop4, laptop6) })
	guinness.must(t, func() error { return address(guinness4, guinness6) })
	laptop.must(t, carrier)
	guinness.must(t, carrier)
	return laptop, guinness
}

// carrier waits until eth0 sends: the kernel tells an interface of its peer a
// little later, and loses what was sent before.
func carrier() error {
	for end := time.Now().Add(deadline); time.Now().Before(end); runtime.Gosched() {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil || eth0.Attrs().OperState == netlink.OperUp {
			return err
		}
	}
	return errors.New("eth0 has no carrier")
}

func address(addrs ...netip.Addr) error {
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	for _, a := range addrs {
		bits := 24
		if a.Is6() {
			bits = 64
		}
		err := netlink.AddrAdd(eth0, &netlink.Addr{
			IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, a.BitLen())},
			Flags: unix.IFA_F_NODAD,
		})
		if err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
	}
	return errors.Join(netlink.LinkSetUp(lo), netlink.LinkSetUp(eth0))
}

// listen opens a UDP socket in a namespace.
func listen(t *testing.T, n *netns, at netip.AddrPort) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	n.must(t, func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		return err
	})
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	return c
}

// connect opens a connected UDP socket in a namespace.
func connect(t *testing.T, n *netns, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	n.must(t, func() (err error) {
		c, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		return err
	})
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	return c
}

// fault runs the program in a namespace and returns its standard output.
func (n *netns) fault(t *testing.T, command string) string {
	t.Helper()
	var out, errs string
	var status int
	n.do(func() { out, errs, status = call(strings.Fields(command)...) })
	if status != 0 || errs != "" {
		t.Fatalf("fault %s: status %d: %s", command, status, errs)
	}
	return out
}

// send numbers datagrams 1 to n.
func send(t *testing.T, c *net.UDPConn, n int) {
	t.Helper()
	for i := range n {
		if _, err := c.Write([]byte{byte(i + 1)}); err != nil {
			t.Fatalf("send datagram %d: %v", i+1, err)
		}
	}
}

// receive returns the numbers of n datagrams.
func receive(t *testing.T, c *net.UDPConn, n int) []byte {
	t.Helper()
	var got []byte
	buf := make([]byte, 16)
	for range n {
		k, err := c.Read(buf)
		if err != nil {
			t.Fatalf("after the datagrams %v: %v", got, err)
		}
		got = append(got, buf[:k]...)
	}
	return got
}

// counts waits until a host's only fault has seen n packets, and returns how
// many of them it took.
func (n *netns) counts(t *testing.T, seen uint64) (taken uint64) {
	t.Helper()
	var active []Active
	for end := time.Now().Add(deadline); time.Now().Before(end); runtime.Gosched() {
		n.must(t, func() (err error) { active, err = List(); return err })
		if len(active) != 1 {
			t.Fatalf("%d faults are active; want 1", len(active))
		}
		if active[0].Seen >= seen {
			break
		}
	}
	if active[0].Seen != seen {
		t.Fatalf("%s has seen %d packets; want %d", active[0].Fault, active[0].Seen, seen)
	}
	return active[0].Taken
}

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
	capture := newCapture(t, laptop)
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
	if got, want := capture.until(t, 1061), []string{"out 1060", "out 1060", "out 1060", "out 1061", "icmp 1061"}; strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("the sender's capture has %v; want %v", got, want)
	}
}

func TestReject(t *testing.T) {
	for _, tt := range []struct {
		fault   string
		network string
		to      netip.Addr
		want    syscall.Errno
	}{
		{"reject udp/1060", "udp", guinness4, syscall.ECONNREFUSED},
		{"reject udp/1060", "udp", guinness6, syscall.ECONNREFUSED},
		{"reject udp/1060 --with admin-prohibited", "udp", guinness4, syscall.EHOSTUNREACH},
		{"reject udp/1060 --with admin-prohibited", "udp", guinness6, syscall.EACCES},
		{"reject tcp/1060", "tcp", guinness4, syscall.ECONNREFUSED},
		{"reject tcp/1060", "tcp", guinness6, syscall.ECONNREFUSED},
		{"reject tcp/1060 --with tcp-reset", "tcp", guinness4, syscall.ECONNREFUSED},
		{"reject tcp/1060 --with admin-prohibited", "tcp", guinness4, syscall.EHOSTUNREACH},
	} {
		t.Run(tt.fault+" "+tt.to.String(), func(t *testing.T) {
			laptop, guinness := newWire(t)
			at := netip.AddrPortFrom(tt.to, 1060)
			if tt.network == "udp" {
				go echo(listen(t, guinness, at))
			} else {
				var l net.Listener
				guinness.must(t, func() (err error) { l, err = net.Listen("tcp", at.String()); return err })
				t.Cleanup(func() { l.Close() })
			}
			if err := talk(laptop, tt.network, at); err != nil {
				t.Fatalf("without the fault: %v; want nobody to refuse", err)
			}
			guinness.fault(t, tt.fault)
			if err := talk(laptop, tt.network, at); !errors.Is(err, tt.want) {
				t.Errorf("got %v; want %v", err, tt.want)
			}
			if took := guinness.counts(t, 1); took != 1 {
				t.Errorf("took %d packets; want 1", took)
			}
		})
	}
}

// talk connects and gets an echo, or the refusal.
func talk(n *netns, network string, to netip.AddrPort) (err error) {
	n.do(func() {
		d := net.Dialer{Timeout: deadline}
		var c net.Conn
		if c, err = d.Dial(network, to.String()); err != nil || network == "tcp" {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(deadline))
		if _, err = c.Write([]byte("x")); err == nil {
			_, err = c.Read(make([]byte, 16))
		}
	})
	return err
}

// echo answers each datagram with itself until the socket is closed.
func echo(c *net.UDPConn) {
	buf := make([]byte, 16)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		c.WriteToUDPAddrPort(buf[:n], from)
	}
}

func TestListAndClear(t *testing.T) {
	_, guinness := newWire(t)
	guinness.fault(t, "clear") // with none there
	if got, want := guinness.fault(t, "list"), "no faults\n"; got != want {
		t.Errorf("list: %q; want %q", got, want)
	}
	if got, want := guinness.fault(t, "list --json"), "[]\n"; got != want {
		t.Errorf("list --json: %q; want %q", got, want)
	}

	guinness.fault(t, "drop --first=2 udp/1060")
	guinness.fault(t, "reject tcp/80 --with admin-prohibited")
	if got, want := guinness.fault(t, "list"), ""+
		"FAULT                                   TAKEN   SEEN\n"+
		"drop udp/1060 --first 2                 0       0\n"+
		"reject tcp/80 --with admin-prohibited   0       0\n"; got != want {
		t.Errorf("list:\n%swant\n%s", got, want)
	}
	if got, want := guinness.fault(t, "list --json"), `[{"fault":"drop udp/1060 --first 2","seen":0,"taken":0},`+
		`{"fault":"reject tcp/80 --with admin-prohibited","seen":0,"taken":0}]`+"\n"; got != want {
		t.Errorf("list --json: %s; want %s", got, want)
	}

	guinness.fault(t, "clear")
	if got, want := guinness.fault(t, "list"), "no faults\n"; got != want {
		t.Errorf("list after clear: %q; want %q", got, want)
	}
}

// Two faults on one port: what the first lets pass meets the second.
func TestTwoFaults(t *testing.T) {
	laptop, guinness := newWire(t)
	server := listen(t, guinness, netip.AddrPortFrom(guinness4, 1060))
	client := connect(t, laptop, netip.AddrPortFrom(guinness4, 1060))
	guinness.fault(t, "drop udp/1060 --first 1")
	guinness.fault(t, "drop udp/1060 --every 2")
	send(t, client, 5) // 1 to the first; of 2 3 4 5 the second takes 2 and 4
	if got := receive(t, server, 2); string(got) != "\x03\x05" {
		t.Errorf("arrived: %v; want 3 and 5", got)
	}
}

// Clear takes our table and no other.
func TestClearLeavesOthersAlone(t *testing.T) {
	guinness := newNetns(t)
	other := &nftables.Table{Family: nftables.TableFamilyINet, Name: "somebody"}
	guinness.must(t, func() error {
		c, err := nftables.New()
		if err != nil {
			return err
		}
		c.AddTable(other)
		return c.Flush()
	})
	guinness.fault(t, "drop udp/1060")
	guinness.fault(t, "clear")
	guinness.must(t, func() error {
		c, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := c.ListTables()
		if err == nil && (len(tables) != 1 || tables[0].Name != other.Name) {
			err = fmt.Errorf("tables after clear: %v; want only %s", tables, other.Name)
		}
		return err
	})
}

// A rule of somebody else in our table is not passed over in silence.
func TestListForeignRule(t *testing.T) {
	guinness := newNetns(t)
	guinness.must(t, func() error {
		c, err := nftables.New()
		if err != nil {
			return err
		}
		table, chain := table()
		c.AddTable(table)
		c.AddChain(chain)
		c.AddRule(&nftables.Rule{Table: table, Chain: chain})
		return c.Flush()
	})
	var err error
	guinness.do(func() { _, err = List() })
	if want := `fault: the table hostlab has a rule that is not ours: ""`; err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

// Without the capability the kernel's refusal is translated.
func TestWithoutNetAdmin(t *testing.T) {
	guinness := newNetns(t)
	var out, errs string
	var status int
	guinness.do(func() {
		var caps [2]unix.CapUserData
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err := unix.Capset(&header, &caps[0]); err != nil { // of this thread
			errs = err.Error()
			return
		}
		out, errs, status = call("drop", "udp/1060")
	})
	want := "fault: drop udp/1060: the capability NET_ADMIN is missing: "
	if status != 1 || out != "" || !strings.HasPrefix(errs, want) {
		t.Errorf("status %d, out %q, err %q; want 1, none, %q...", status, out, errs, want)
	}
}

// What the kernel says where it lacks something, which this one does not.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		fault Fault
		errno unix.Errno
		want  string
	}{
		{nil, unix.EPROTONOSUPPORT, "fault: this kernel lacks nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET): unsupported operation: protocol not supported"},
		{Drop{Proto: UDP}, unix.EINVAL, "fault: drop udp: this kernel lacks nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET): unsupported operation: invalid argument"},
		{Drop{Proto: UDP, First: 2}, unix.ENOENT, "fault: drop udp --first 2: this kernel lacks an expression of nf_tables (CONFIG_NFT_LIMIT): unsupported operation: no such file or directory"},
		{Drop{Proto: UDP, Every: 2}, unix.ENOENT, "fault: drop udp --every 2: this kernel lacks an expression of nf_tables (CONFIG_NFT_NUMGEN): unsupported operation: no such file or directory"},
		{Reject{Proto: UDP}, unix.ENOENT, "fault: reject udp: this kernel lacks an expression of nf_tables (CONFIG_NFT_REJECT_INET): unsupported operation: no such file or directory"},
	} {
		err := explain(tt.fault, tt.errno)
		if err.Error() != tt.want || !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, tt.errno) {
			t.Errorf("got %q; want %q, wrapping %v and %v", err, tt.want, errors.ErrUnsupported, tt.errno)
		}
	}
}
