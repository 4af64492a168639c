package fault

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

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
			if err := talk(t, laptop, tt.network, at); err != nil {
				t.Fatalf("without the fault: %v; want nobody to refuse", err)
			}
			guinness.fault(t, tt.fault)
			if err := talk(t, laptop, tt.network, at); !errors.Is(err, tt.want) {
				t.Errorf("got %v; want %v", err, tt.want)
			}
			if took := guinness.counts(t, 1); took != 1 {
				t.Errorf("took %d packets; want 1", took)
			}
		})
	}
}

// talk connects and gets an echo, or the refusal. A TCP connection stays to the
// end of the test: a fault would also take the segment that ends it.
func talk(t *testing.T, n *netns, network string, to netip.AddrPort) (err error) {
	n.do(func() {
		d := net.Dialer{Timeout: deadline}
		var c net.Conn
		if c, err = d.Dial(network, to.String()); err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
		if network == "tcp" {
			return
		}
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
	if got, want := guinness.fault(t, "list --json"), `[{"fault":"drop udp/1060 --first 2","words":["drop","udp/1060","--first","2"],"seen":0,"taken":0},`+
		`{"fault":"reject tcp/80 --with admin-prohibited","words":["reject","tcp/80","--with","admin-prohibited"],"seen":0,"taken":0}]`+"\n"; got != want {
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
		ours := table()
		chain, _ := hooks(ours)
		c.AddTable(ours)
		c.AddChain(chain)
		c.AddRule(&nftables.Rule{Table: ours, Chain: chain})
		return c.Flush()
	})
	var err error
	guinness.do(func() { _, err = List() })
	if want := `fault: the table hostlab has a rule that is not ours`; err == nil || err.Error() != want {
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
		{Drop{Proto: UDP, First: 2}, unix.ENOENT, "fault: drop udp --first 2: this kernel lacks an expression of nf_tables (CONFIG_NFT_LIMIT, CONFIG_NFT_LOG, CONFIG_NETFILTER_NETLINK_LOG): unsupported operation: no such file or directory"},
		{Drop{Proto: UDP, Every: 2}, unix.ENOENT, "fault: drop udp --every 2: this kernel lacks an expression of nf_tables (CONFIG_NFT_NUMGEN, CONFIG_NFT_LOG, CONFIG_NETFILTER_NETLINK_LOG): unsupported operation: no such file or directory"},
		{Reject{Proto: UDP}, unix.ENOENT, "fault: reject udp: this kernel lacks an expression of nf_tables (CONFIG_NFT_REJECT_INET): unsupported operation: no such file or directory"},
	} {
		err := explain(tt.fault, tt.errno)
		if err.Error() != tt.want || !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, tt.errno) {
			t.Errorf("got %q; want %q, wrapping %v and %v", err, tt.want, errors.ErrUnsupported, tt.errno)
		}
	}
}
