package state

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hostlab/lab/fault"
)

// TestMain runs the tests in a network namespace of their own.
func TestMain(m *testing.M) {
	runtime.LockOSThread()
	if os.Getenv("STATE_INSIDE") != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), "STATE_INSIDE=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil {
			fmt.Println("skipped: no namespaces here:", err)
			os.Exit(0)
		}
		os.Exit(1)
	}
}

// read returns the facts of some parts: those of the network are the test's
// own, the processes and files of this computer are not.
func read(t *testing.T, parts ...func() ([]string, error)) State {
	t.Helper()
	var s State
	for _, part := range parts {
		facts, err := part()
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, facts...)
	}
	slices.Sort(s)
	return s
}

// Each change of a host shows, and shows no more when it is undone.
func TestRead(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lo, err := netlink.LinkByName("lo")
	must(err)
	must(netlink.LinkSetUp(lo))
	dir := t.TempDir()
	file := filepath.Join(dir, "left")
	parts := []func() ([]string, error){sockets, network, rules, settings, func() ([]string, error) { return files(dir) }}
	const setting = "/proc/sys/net/ipv4/conf/lo/arp_ignore"
	var conn net.PacketConn
	for _, c := range []struct {
		name, want string
		do, undo   func()
	}{
		{"socket", "+ socket udp ",
			func() { conn, err = net.ListenPacket("udp4", "127.0.0.1:1060"); must(err) },
			func() { must(conn.Close()) }},
		{"address", "+ address lo 192.168.5.9/32",
			func() { must(netlink.AddrAdd(lo, addr(t, "192.168.5.9/32"))) },
			func() { must(netlink.AddrDel(lo, addr(t, "192.168.5.9/32"))) }},
		{"setting", `- setting ipv4/conf/lo/arp_ignore = "0"`,
			func() { must(os.WriteFile(setting, []byte("1"), 0)) },
			func() { must(os.WriteFile(setting, []byte("0"), 0)) }},
		{"fault", "+ rules 1 hostlab input: 1",
			func() { must(fault.Add(fault.Drop{Proto: fault.UDP, Port: 1060})) },
			func() { must(fault.Clear()) }},
		{"mtu", "+ interface lo  mtu 1400",
			func() { must(netlink.LinkSetMTU(lo, 1400)) },
			func() { must(netlink.LinkSetMTU(lo, lo.Attrs().MTU)) }},
		{"file", fmt.Sprintf("+ file %q -rw-r--r-- 5 bytes", file),
			func() { must(os.WriteFile(file, []byte("hello"), 0o644)) },
			func() { must(os.Remove(file)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := read(t, parts...)
			c.do()
			if diff := read(t, parts...).Since(before); !slices.ContainsFunc(diff, func(d string) bool { return strings.HasPrefix(d, c.want) }) {
				t.Errorf("differs by %q; want %q among it", diff, c.want)
			}
			c.undo()
			if diff := read(t, parts...).Since(before); len(diff) > 0 {
				t.Errorf("undone, it still differs by %q", diff)
			}
		})
	}
}

// Where the kernel's settings may not be written, those that can change all the
// same show, and the hundreds of others do not.
func TestSettingsReadOnly(t *testing.T) {
	root := t.TempDir()
	const lo = `setting ipv4/conf/lo/arp_ignore = "0"`
	const tcp = `setting ipv4/tcp_syncookies = "1"`
	for _, c := range []struct {
		flags uintptr
		tcp   bool
	}{
		{unix.MS_BIND | unix.MS_REC, true},
		{unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY, false},
	} {
		if err := unix.Mount("/proc/sys/net", root, "", c.flags, ""); err != nil {
			t.Fatal(err)
		}
		all, err := settingsBelow(root)
		if err != nil || !slices.Contains(all, lo) || slices.Contains(all, tcp) != c.tcp {
			t.Errorf("%d settings, %v: %s is among them: %v; want it, and %s: %v", len(all), err, lo, slices.Contains(all, lo), tcp, c.tcp)
		}
	}
	if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
	if _, err := settingsBelow(filepath.Join(root, "nowhere")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("settings of nowhere: %v; want ENOENT", err)
	}
}

func loopbackUp(t *testing.T) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
}

// A TCP socket shows while it listens, on either family, and for a minute after
// its connection has ended.
func TestTCP(t *testing.T) {
	loopbackUp(t)
	ways := map[string]func() ([]string, error){"sock_diag": tcpSockets, "/proc/net": tcpTables}
	before := map[string]State{}
	for way, sockets := range ways {
		before[way] = read(t, sockets)
	}
	shows := func(what string, want bool) {
		t.Helper()
		for way, sockets := range ways {
			diff := read(t, sockets).Since(before[way])
			if got := slices.ContainsFunc(diff, func(d string) bool { return strings.HasPrefix(d, "+ socket tcp") }); got != want {
				t.Errorf("%s: by %s a TCP socket shows: %v; want %v", what, way, got, want)
			}
			if what == "in TIME-WAIT" && !slices.ContainsFunc(diff, Lasting) {
				t.Errorf("%s: by %s nothing lasts in %q", what, way, diff)
			}
		}
	}
	for _, at := range []string{"127.0.0.1:1060", "[::1]:1060"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		shows("listening at "+at, true)
		l.Close()
		shows("closed", false)
	}
	l, err := net.Listen("tcp", "127.0.0.1:1060")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	forget := func() {
		t.Helper()
		if err := Forget(); errors.Is(err, unix.EOPNOTSUPP) {
			t.Skipf("the rest: this kernel forgets no connections: %v", err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	forget()
	shows("connected", true)
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Errorf("Forget has broken a connection that is in use: %v", err)
	}
	if _, err := other.Read(make([]byte, 1)); err != nil {
		t.Errorf("Forget has broken a connection that is in use: %v", err)
	}
	conn.Close()
	other.Close()
	shows("in TIME-WAIT", true)
	forget()
	shows("forgotten", false)
}

// A datagram that waits for a fragment shows, and lasts.
func TestFragments(t *testing.T) {
	loopbackUp(t)
	before := read(t, fragments)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	// An IPv4 header that says more fragments, and 8 bytes of UDP.
	packet := []byte{0x45, 0, 0, 28, 0, 7, 0x20, 0, 64, unix.IPPROTO_UDP, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 4, 36, 4, 36, 0, 100, 0, 0}
	if err := unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if diff := read(t, fragments).Since(before); !slices.Equal(diff, []string{"+ incomplete FRAG 1"}) || !Lasting(diff[0]) || Counted(diff[0]) {
		t.Errorf("differs by %q; want one incomplete datagram, which lasts", diff)
	}
}

func addr(t *testing.T, text string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestProcess(t *testing.T) {
	before := read(t, processes)
	cmd := exec.Command("sh", "-c", "echo here; read never")
	_, err := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(err, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // its words are there before
		t.Fatal(err)
	}
	want := fmt.Sprintf(`+ process %d "sh -c echo here; read never"`, cmd.Process.Pid)
	if diff := read(t, processes).Since(before); !slices.Contains(diff, want) {
		t.Errorf("differs by %q; want %q among it", diff, want)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if diff := read(t, processes).Since(before); slices.Contains(diff, want) {
		t.Errorf("ended, it still differs by %q", diff)
	}
}
