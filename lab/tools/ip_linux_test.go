package tools

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cable gives the namespace that we are in an interface like a host's:
//
//	eth0 (192.168.5.130/24, fd00:5::82/64) --- peer0 (up, no address)
//
// and lo.
func cable(t *testing.T) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.TxQLen, attrs.HardwareAddr = "eth0", 1000, net.HardwareAddr{2, 0x42, 0xc0, 0xa8, 5, 0x82}
	peer := net.HardwareAddr{2, 0x42, 0xc0, 0xa8, 5, 1}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer0", PeerHardwareAddr: peer}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"sysctl net.ipv6.conf.eth0.accept_dad=0", // else addresses are tentative for a second, not for a moment
		"ip link set lo up", "ip link set dev eth0 mtu 1400 up", "ip link set peer0 up",
		"ip addr add 192.168.5.130/24 brd + dev eth0", "ip addr add fd00:5::82/64 dev eth0",
		"ip route add default via 192.168.5.1", "ip route add 10.1.0.0/16 via 192.168.5.2 metric 7",
		"ip route add fd00:6::/64 via fd00:5::1",
	} {
		words := strings.Fields(line)
		must(t, words[0], words[1:]...)
	}
	settled := func() bool { return !strings.Contains(must(t, "ip", "-6", "addr"), "tentative") }
	for end := time.Now().Add(limit); !settled(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the addresses stay tentative")
		}
	}
}

func TestIPGolden(t *testing.T) {
	if !inHost(t) {
		return
	}
	cable(t)
	golden(t, must(t, "ip", "addr", "show", "dev", "eth0"), `
N: eth0@peer0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP group default qlen 1000
    link/ether 02:42:c0:a8:05:82 brd ff:ff:ff:ff:ff:ff
    inet 192.168.5.130/24 brd 192.168.5.255 scope global eth0
       valid_lft forever preferred_lft forever
    inet6 fd00:5::82/64 scope global 
       valid_lft forever preferred_lft forever
    inet6 fe80::42:c0ff:fea8:582/64 scope link 
       valid_lft forever preferred_lft forever
`)
	golden(t, must(t, "ip", "-4", "-br", "a"), `
lo               UNKNOWN        127.0.0.1/8 
eth0@peer0       UP             192.168.5.130/24 
`)
	golden(t, must(t, "ip", "route"), `
default via 192.168.5.1 dev eth0 
10.1.0.0/16 via 192.168.5.2 dev eth0 metric 7 
192.168.5.0/24 dev eth0 proto kernel scope link src 192.168.5.130 
`)
	golden(t, must(t, "ip", "-j", "route"), `
[{"dst":"default","gateway":"192.168.5.1","dev":"eth0","flags":[]},{"dst":"10.1.0.0/16","gateway":"192.168.5.2","dev":"eth0","metric":7,"flags":[]},{"dst":"192.168.5.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.168.5.130","flags":[]}]
`)
	// The packet that page 30 is about never leaves the host.
	golden(t, must(t, "ip", "route", "get", "192.168.5.130"), `
local 192.168.5.130 dev lo src 192.168.5.130 uid 0 
    cache <local> 
`)
	golden(t, must(t, "ifconfig", "eth0"), `
eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1400
        inet 192.168.5.130  netmask 255.255.255.0  broadcast 192.168.5.255
        inet6 fd00:5::82  prefixlen 64  scopeid 0x0<global>
        inet6 fe80::42:c0ff:fea8:582  prefixlen 64  scopeid 0x20<link>
        ether 02:42:c0:a8:05:82  txqueuelen 1000  (Ethernet)
        RX packets N  bytes N (N B)
        RX errors N  dropped N  overruns N  frame N
        TX packets N  bytes N (N B)
        TX errors N  dropped N overruns N  carrier N  collisions N

`)
	if got := must(t, "ifconfig"); !strings.Contains(got, "lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n") {
		t.Errorf("ifconfig has no lo:\n%s", got)
	}
	if got := must(t, "hostname", "-I"); got != "192.168.5.130 fd00:5::82 \n" {
		t.Errorf("hostname -I: %q", got)
	}
}

// golden compares output with what is wanted; N stands for any number at the
// begin of a line, and for any counter.
func golden(t *testing.T, got, want string) {
	t.Helper()
	got = regexp.MustCompile(`(?m)^\d+: `).ReplaceAllString(got, "N: ")
	got = regexp.MustCompile(`(packets|bytes|errors|dropped|overruns|frame|carrier|collisions) \d+`).ReplaceAllString(got, "$1 N")
	got = regexp.MustCompile(`\([0-9.]+ K?i?B\)`).ReplaceAllString(got, "(N B)")
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), got); diff != "" {
		t.Errorf("output differs (-want +got):\n%s", diff)
	}
}

// What we print is what iproute2 prints.
func TestIPLikeIproute2(t *testing.T) {
	reference, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("iproute2 is not installed here, so there is nothing to compare with")
	}
	if !inHost(t) {
		return
	}
	cable(t)
	must(t, "ip", "addr", "add", "192.168.5.131/24", "dev", "eth0")
	must(t, "ip", "addr", "add", "10.9.9.9", "dev", "lo")
	if err := netlink.NeighAdd(&netlink.Neigh{LinkIndex: linkIndex(t, "eth0"), State: netlink.NUD_PERMANENT, IP: net.IPv4(192, 168, 5, 1), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"addr", "address show", "a s dev eth0", "addr show eth0", "-4 addr", "-6 addr", "-br addr", "-br -4 a", "-4 addr show dev peer0",
		"link", "link show dev lo", "-br link", "route", "r", "route show dev eth0", "-6 route", "-4 route list",
		"route get 192.168.5.7", "route get 10.1.2.3", "route get 127.0.0.1", "route get 8.8.8.8", "route get fd00:6::1",
		"neigh", "neigh show dev eth0",
	} {
		words := strings.Fields(line)
		want, err := exec.Command(reference, words...).Output()
		if err != nil {
			t.Errorf("iproute2's ip %s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(string(want), must(t, "ip", words...)); diff != "" {
			t.Errorf("ip %s differs (-iproute2 +ours):\n%s", line, diff)
		}
	}
	for _, line := range []string{"-j addr", "-j -6 addr", "-j link", "-j route", "-6 -j route", "-j route get 127.0.0.1", "-j route get 10.1.2.3", "-j neigh"} {
		words := strings.Fields(line)
		out, err := exec.Command(reference, words...).Output()
		if err != nil {
			t.Errorf("iproute2's ip %s: %v", line, err)
			continue
		}
		var want, got any
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(must(t, "ip", words...)), &got); err != nil {
			t.Errorf("ip %s: %v", line, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ip %s differs (-iproute2 +ours):\n%s", line, diff)
		}
	}
}

func linkIndex(t *testing.T, name string) int {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return link.Attrs().Index
}

func TestIPChanges(t *testing.T) {
	if !inHost(t) {
		return
	}
	cable(t)
	step := func(line, show, want string) {
		t.Helper()
		if line != "" {
			must(t, "ip", strings.Fields(line)...)
		}
		if got := must(t, "ip", strings.Fields(show)...); strings.TrimSpace(got) != want {
			t.Errorf("after ip %s: ip %s prints %q; want %q", line, show, got, want)
		}
	}
	step("addr add 192.168.5.131/24 dev eth0", "-4 -br addr show dev eth0", "eth0@peer0       UP             192.168.5.130/24 192.168.5.131/24")
	must(t, "ip", strings.Fields("addr add fe80::83/64 dev eth0 nodad")...)
	if got, want := must(t, "ip", "-6", "addr"), "inet6 fe80::83/64 scope link nodad"; !strings.Contains(got, want) {
		t.Errorf("after addr add nodad: %s; want %q in it", got, want)
	}
	step("addr del 192.168.5.131/24 dev eth0", "-4 -br addr show dev eth0", "eth0@peer0       UP             192.168.5.130/24")
	step("route replace default via 192.168.5.9", "route get 8.8.8.8", "8.8.8.8 via 192.168.5.9 dev eth0 src 192.168.5.130 uid 0 \n    cache")
	step("route del default", "-j route show dev peer0", "[]")
	step("route add 10.2.3.4 dev peer0", "route show dev peer0", "10.2.3.4 scope link")
	step("-6 route add default via fd00:5::1", "route get fd00:7::1", "fd00:7::1 from :: via fd00:5::1 dev eth0 src fd00:5::82 metric 1024 pref medium")
	step("link set eth0 mtu 1280", "-j route", `[{"dst":"10.1.0.0/16","gateway":"192.168.5.2","dev":"eth0","metric":7,"flags":[]},{"dst":"10.2.3.4","dev":"peer0","scope":"link","flags":[]},{"dst":"192.168.5.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.168.5.130","flags":[]}]`)
	step("link set eth0 down", "-br link show eth0", "eth0@peer0       DOWN           02:42:c0:a8:05:82 <BROADCAST,MULTICAST>")
	step("neigh flush dev eth0", "neigh", "")
	if got := must(t, "sysctl", "net.ipv4.conf.eth0.arp_ignore=1"); got != "net.ipv4.conf.eth0.arp_ignore = 1\n" {
		t.Errorf("sysctl: %q", got)
	}
	if got := must(t, "sysctl", "-n", "net.ipv4.conf.eth0.arp_ignore"); got != "1\n" {
		t.Errorf("sysctl -n: %q", got)
	}
	names := map[string][]string{} // to what they are set
	for name := range ipv4Conf {
		names["net.ipv4.conf.eth0."+name] = []string{"1", "0"}
	}
	for name := range neighParms {
		names["net.ipv4.neigh.eth0."+name] = []string{"200", "3000"}
		names["net.ipv6.neigh.eth0."+name] = []string{"200", "3000"}
	}
	for name, values := range names {
		path, err := settingPath(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			err := setWithoutFile(path, value, unix.EROFS)
			if got := must(t, "sysctl", "-n", name); err != nil || got != value+"\n" {
				t.Errorf("%s set to %s without its file: %q, %v", name, value, got, err)
			}
		}
	}
	for path, value := range map[string]string{
		"/proc/sys/net/ipv4/ip_forward":               "1",
		"/proc/sys/net/ipv4/conf/all/forwarding":      "1",
		"/proc/sys/net/ipv4/conf/nosuch/forwarding":   "1",
		"/proc/sys/net/ipv4/conf/eth0/mc_forwarding":  "1",
		"/proc/sys/net/ipv6/conf/eth0/forwarding":     "1",
		"/proc/sys/net/ipv4/neigh/eth0/forwarding":    "1",
		"/proc/sys/net/ipv4/neigh/eth0/gc_stale_time": "1",
	} {
		if err := setWithoutFile(path, value, unix.EROFS); err != unix.EROFS {
			t.Errorf("%s=%s without its file: %v; want the error that there was", path, value, err)
		}
	}
	for _, value := range []string{"", "x", "-1", "99999999999"} {
		if err := setWithoutFile("/proc/sys/net/ipv4/conf/eth0/forwarding", value, unix.EROFS); !errors.Is(err, unix.EINVAL) {
			t.Errorf("forwarding=%s without its file: %v; want EINVAL", value, err)
		}
	}
	for _, line := range []string{"addr add 192.168.5.130/24 dev eth0", "route add 10.1.0.0/16 via 192.168.5.2 metric 7"} {
		if _, errs, status := tool(t, "ip", strings.Fields(line)...); status != 1 || !strings.Contains(errs, "File exists") && !strings.Contains(errs, "unreachable") {
			t.Errorf("ip %s, twice: status %d, %q", line, status, errs)
		}
	}
}
