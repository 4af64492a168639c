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
	"testing"
	"time"

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
// or fails when HOSTLAB_STRICT is set.
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
		if os.Getenv("HOSTLAB_STRICT") != "" {
			t.Fatalf("network namespace: %v; HOSTLAB_STRICT is set, so this test has to run", err)
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

// addRoute makes an interface the default, for 255.255.255.255.
func addRoute(index int) error {
	return netlink.RouteAdd(&netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Dst: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}})
}
