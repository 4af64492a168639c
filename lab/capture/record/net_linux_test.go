package record

import (
	"context"
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

	"hostlab/lab/capture"
	"hostlab/lab/program"
	"hostlab/lab/topology"
)

// deadline makes a test fail that waits for what never comes.
const deadline = 20 * time.Second

// A netns is a network namespace with a thread of its own, on which every
// function given to it runs.
type netns struct {
	name string
	work chan func()
	fd   int
}

// newNetns makes a namespace. Where this process may not, the test is skipped,
// or fails when HOSTLAB_STRICT is set.
func newNetns(t testing.TB, name string) *netns {
	t.Helper()
	n := &netns{name: name, work: make(chan func())}
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

// must runs f inside the namespace and waits for it.
func (n *netns) must(t testing.TB, f func() error) {
	t.Helper()
	var err error
	var wait sync.WaitGroup
	wait.Add(1)
	n.work <- func() { defer wait.Done(); err = f() }
	wait.Wait()
	if err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
}

// A lan is hosts on one switch, 10.5.0.1 for the first, 10.5.0.2 for the second …
// and the same in fd00:5::/64.
type lan struct {
	*topology.Topology
	hosts map[string]*netns
	sw    *netns
}

func addr(i int) netip.Addr  { return netip.AddrFrom4([4]byte{10, 5, 0, byte(i + 1)}) }
func addr6(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprint("fd00:5::", i+1)) }

// newLAN makes hosts and the switch between them.
func newLAN(t testing.TB, names ...string) *lan {
	t.Helper()
	l := &lan{Topology: &topology.Topology{Networks: []topology.Network{{Name: "lan"}}}, hosts: map[string]*netns{}}
	l.sw = newNetns(t, "switch")
	l.sw.must(t, func() error {
		quiet("all", "default")
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br"}}
		if err := netlink.LinkAdd(bridge); err != nil {
			return err
		}
		return netlink.LinkSetUp(bridge)
	})
	for i, name := range names {
		h := newNetns(t, name)
		l.hosts[name] = h
		l.plug(t, name, i)
		h.must(t, func() error {
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return err
			}
			if err := os.WriteFile("/proc/sys/net/ipv4/icmp_ratelimit", []byte("0"), 0); err != nil {
				return err
			}
			return netlink.LinkSetUp(lo)
		})
		l.Hosts = append(l.Hosts, topology.Host{Name: name, Interfaces: []topology.Interface{{
			Network: "lan", Addrs: []netip.Addr{addr(i), addr6(i)},
		}}})
	}
	return l
}

// quiet keeps IPv6 from speaking by itself, in the calling thread's namespace.
func quiet(interfaces ...string) {
	for _, i := range interfaces {
		os.WriteFile("/proc/sys/net/ipv6/conf/"+i+"/accept_dad", []byte("0"), 0)
	}
}

// plug puts the i-th host's cable, eth0, into the switch.
func (l *lan) plug(t testing.TB, name string, i int) {
	t.Helper()
	h, port := l.hosts[name], fmt.Sprint("port", i)
	h.must(t, func() error {
		quiet("all", "default")
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: port, PeerNamespace: netlink.NsFd(l.sw.fd),
		})
	})
	l.sw.must(t, func() error {
		bridge, err := netlink.LinkByName("br")
		if err != nil {
			return err
		}
		p, err := netlink.LinkByName(port)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetMaster(p, bridge); err != nil {
			return err
		}
		return netlink.LinkSetUp(p)
	})
	h.must(t, func() error { return configure(i) })
}

// configure gives eth0 its addresses, and waits until it sends: the kernel
// tells an interface of its peer a little later, and loses what was sent before.
func configure(i int) error {
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(eth0); err != nil {
		return err
	}
	for _, a := range []netip.Addr{addr(i), addr6(i)} {
		bits := map[bool]int{true: 24, false: 64}[a.Is4()]
		err := netlink.AddrAdd(eth0, &netlink.Addr{
			IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, a.BitLen())}, Flags: unix.IFA_F_NODAD,
		})
		if err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
	}
	for end := time.Now().Add(deadline); time.Now().Before(end); runtime.Gosched() {
		if eth0, err = netlink.LinkByName("eth0"); err != nil || eth0.Attrs().OperState == netlink.OperUp {
			return err
		}
	}
	return fmt.Errorf("eth0 has no carrier")
}

// unplug takes a host's cable away.
func (l *lan) unplug(t testing.TB, name string) {
	t.Helper()
	l.hosts[name].must(t, func() error {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkDel(eth0)
	})
}

// capture starts the program capture on a host.
func (l *lan) capture(t testing.TB, name string, args ...string) Stream {
	t.Helper()
	in, toIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var errs strings.Builder
	var status int
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends in its namespace
		if err := unix.Setns(l.hosts[name].fd, unix.CLONE_NEWNET); err != nil {
			errs.WriteString(err.Error())
		}
		args := append(capture.Args("test", name)[1:], args...)
		status = capture.Run(context.Background(), program.Stdio{In: in, Out: toOut, Err: &errs}, args...)
		toOut.Close()
	}()
	t.Cleanup(func() {
		toIn.Close()
		out.Close()
		<-done
		in.Close()
		if errs.Len() > 0 || status != 0 {
			t.Errorf("capture on %s: status %d: %s", name, status, errs.String())
		}
	})
	return Stream{Host: name, Out: out, In: toIn}
}

// record starts captures on all hosts.
func (l *lan) record(t testing.TB) *Recorder {
	t.Helper()
	var streams []Stream
	for name := range l.hosts {
		streams = append(streams, l.capture(t, name))
	}
	r, err := Start(t.Context(), Options{Lab: "test", Topology: l.Topology}, streams...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for _, remark := range r.Remarks() {
			t.Errorf("a capture could not do everything: %s", remark)
		}
	})
	return r
}

// listen opens a UDP socket on a host.
func (l *lan) listen(t testing.TB, name string, at netip.AddrPort) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	l.hosts[name].must(t, func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		return err
	})
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	return c
}

// connect opens a connected UDP socket on a host.
func (l *lan) connect(t testing.TB, name string, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	l.hosts[name].must(t, func() (err error) {
		c, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		return err
	})
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	return c
}

func port(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }
