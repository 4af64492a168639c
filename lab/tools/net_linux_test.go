package tools

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestSS(t *testing.T) {
	if !inHost(t) {
		return
	}
	cable(t)
	openSocket(t, "udp4", "192.168.5.130:1060")
	openSocket(t, "udp4", "127.0.0.1:1060")
	openSocket(t, "udp4", "0.0.0.0:1061")
	openSocket(t, "udp", "[::]:1062")
	openSocket(t, "udp6", "[::]:1063")
	openSocket(t, "udp", "[::1]:1064")
	openSocket(t, "udp", "[fe80::42:c0ff:fea8:582%eth0]:1065")
	openSocket(t, "tcp4", "192.168.5.130:1060")
	openSocket(t, "tcp", "[::]:1062")
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.BindToDevice(int(fd), "eth0") })
	}}
	bound, err := lc.ListenPacket(t.Context(), "udp4", "0.0.0.0:1066")
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	client, err := net.DialUDP("udp4", &net.UDPAddr{Port: 2000}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1060})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		args string
		want []string // lines with single blanks, sorted
	}{
		{"-uln4", []string{
			"State Recv-Q Send-Q Local Address:Port Peer Address:Port Process",
			"UNCONN 0 0 0.0.0.0%eth0:1066 0.0.0.0:*",
			"UNCONN 0 0 0.0.0.0:1061 0.0.0.0:*",
			"UNCONN 0 0 192.168.5.130:1060 0.0.0.0:*",
			"UNCONN N 0 127.0.0.1:1060 0.0.0.0:*",
		}},
		{"-u -l -6 -H", []string{
			"UNCONN 0 0 *:1062 *:*",
			"UNCONN 0 0 [::1]:1064 [::]:*",
			"UNCONN 0 0 [::]:1063 [::]:*",
			"UNCONN 0 0 [fe80::42:c0ff:fea8:582]%eth0:1065 [::]:*",
		}},
		{"-un", []string{
			"0 0 127.0.0.1:2000 127.0.0.1:1060",
			"Recv-Q Send-Q Local Address:Port Peer Address:Port Process",
		}},
		{"-tlnH", []string{
			"LISTEN 0 N *:1062 *:*",
			"LISTEN 0 N 192.168.5.130:1060 0.0.0.0:*",
		}},
		{"-Hna4", []string{
			"tcp LISTEN 0 N 192.168.5.130:1060 0.0.0.0:*",
			"udp ESTAB 0 0 127.0.0.1:2000 127.0.0.1:1060",
			"udp UNCONN 0 0 0.0.0.0%eth0:1066 0.0.0.0:*",
			"udp UNCONN 0 0 0.0.0.0:1061 0.0.0.0:*",
			"udp UNCONN 0 0 192.168.5.130:1060 0.0.0.0:*",
			"udp UNCONN N 0 127.0.0.1:1060 0.0.0.0:*",
		}},
		{"-Htlnp4", []string{
			fmt.Sprintf("LISTEN 0 N 192.168.5.130:1060 0.0.0.0:* users:((\"tools.test\",pid=%d,fd=N))", os.Getpid()),
		}},
	} {
		args := strings.Fields(test.args)
		got := socketLines(must(t, "ss", args...))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("ss %s differs (-want +got):\n%s", test.args, diff)
		}
		if reference, err := exec.LookPath("ss"); err == nil {
			out, err := exec.Command(reference, slices.Concat(args, []string{"-n"})...).Output()
			if err != nil {
				t.Errorf("iproute2's ss %s: %v", test.args, err)
			}
			if diff := cmp.Diff(socketLines(string(out)), got); diff != "" {
				t.Errorf("ss %s differs (-iproute2 +ours):\n%s", test.args, diff)
			}
		}
	}
}

// socketLines makes the output of ss comparable: single blanks, sorted, and
// for what depends on the kernel N.
func socketLines(out string) []string {
	out = regexp.MustCompile(`fd=\d+`).ReplaceAllString(out, "fd=N")
	out = regexp.MustCompile(`(LISTEN +0 +)\d+`).ReplaceAllString(out, "${1}N")
	out = regexp.MustCompile(`(UNCONN +)[1-9]\d*`).ReplaceAllString(out, "${1}N")
	out = strings.ReplaceAll(out, "PortProcess", "Port Process")
	var lines []string
	for line := range strings.Lines(out) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(lines)
	return lines
}

// The two sources of the socket table agree, but for what only one knows.
func TestSocketSources(t *testing.T) {
	openSocket(t, "udp4", "127.0.0.1:0")
	openSocket(t, "udp", "[::]:0")
	openSocket(t, "tcp4", "127.0.0.1:0")
	_, own := openSocket(t, "tcp", "[::1]:0")
	for _, proto := range []string{"udp", "tcp"} {
		pick := func(list []socket, err error) map[string]string {
			if err != nil {
				t.Fatal(err)
			}
			m := map[string]string{}
			for _, s := range list {
				if s.state == stateUnbound || s.state == stateListening {
					m[fmt.Sprint(s.local, " ", s.inode)] = fmt.Sprint(s.proto, s.state, s.peer, s.received)
				}
			}
			return m
		}
		diag, proc := pick(sockets(proto)), pick(procSockets(proto))
		seen := 0
		for key, value := range diag { // other tests may open and close sockets meanwhile
			if other, ok := proc[key]; ok {
				seen++
				if value != other {
					t.Errorf("%s socket %s: sock_diag says %s, /proc/net says %s", proto, key, value, other)
				}
			}
		}
		if seen < 2 {
			t.Errorf("%s: %d sockets in both tables; want our two at least (port %d)", proto, seen, own)
		}
	}
}

func TestAwait(t *testing.T) {
	_, udp := openSocket(t, "udp4", "127.0.0.1:0")
	_, tcp := openSocket(t, "tcp6", "[::1]:0")
	for _, word := range []string{fmt.Sprintf("udp/%d", udp), fmt.Sprintf("udp/127.0.0.1:%d", udp), fmt.Sprintf("tcp/%d", tcp), fmt.Sprintf("tcp/[::1]:%d", tcp)} {
		if out := must(t, "await", word); out != "" {
			t.Errorf("await %s printed %q", word, out)
		}
		out, errs, status := tool(t, "await", "--timeout", "20ms", "gone", word)
		want := fmt.Sprintf("await: %s: still bound after 20ms\nawait: hint: ss -a%cnp\n", word, word[0])
		if out != "" || errs != want || status != 1 {
			t.Errorf("await gone %s: %q, %q, status %d; want %q", word, out, errs, status, want)
		}
	}
	for word, want := range map[string]string{
		fmt.Sprintf("udp/127.0.0.2:%d", udp): fmt.Sprintf("not bound after 20ms; port %d is bound on 127.0.0.1", udp),
		fmt.Sprintf("tcp/127.0.0.1:%d", tcp): fmt.Sprintf("not bound after 20ms; port %d is bound on ::1", tcp),
		"udp/1":                              "not bound after 20ms",
	} {
		_, errs, status := tool(t, "await", "--timeout=20ms", word)
		if !strings.HasPrefix(errs, "await: "+word+": "+want+"\n") || status != 1 {
			t.Errorf("await %s: %q, status %d; want %q", word, errs, status, want)
		}
		must(t, "await", "--gone", word)
	}
}

// await returns when the socket comes, and when it goes.
func TestAwaitChange(t *testing.T) {
	s, port := openSocket(t, "udp4", "127.0.0.1:0")
	word := fmt.Sprintf("udp/127.0.0.1:%d", port)
	done := make(chan int, 1)
	go func() { _, _, status := tool(t, "await", "gone", word); done <- status }()
	s.Close()
	if status := <-done; status != 0 {
		t.Errorf("await gone: status %d", status)
	}
	go func() { _, _, status := tool(t, "await", word); done <- status }()
	openSocket(t, "udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if status := <-done; status != 0 {
		t.Errorf("await: status %d", status)
	}
}

// forger gives the sockets of chapter 2's experiment: a client that did not
// connect, one that did, and their server's address.
func TestForge(t *testing.T) {
	if !inHost(t) {
		return
	}
	cable(t)
	server := netip.MustParseAddrPort("192.168.5.130:1060")
	plain, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(192, 168, 5, 130), Port: 4000})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	connected, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(192, 168, 5, 130), Port: 4001}, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	buf := make([]byte, 2000)
	for _, text := range []string{"odd", "even", "", strings.Repeat("x", 1300)} {
		got := must(t, "forge", "--from", "10.66.6.6:53", "--to", "192.168.5.130:4000", text)
		if want := fmt.Sprintf("Sent %d bytes to ('192.168.5.130', 4000) that claim to be from ('10.66.6.6', 53)\n", len(text)); got != want {
			t.Errorf("forge printed %q; want %q", got, want)
		}
		plain.SetReadDeadline(time.Now().Add(limit))
		n, from, err := plain.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("the unconnected client heard nothing: %v", err)
		}
		if string(buf[:n]) != text || from != netip.MustParseAddrPort("10.66.6.6:53") {
			t.Errorf("the unconnected client heard %q from %v", buf[:n], from)
		}
	}
	// The connected client hears only what claims both the right address and port.
	for _, from := range []string{"10.66.6.6:1060", "192.168.5.130:1061", "192.168.5.130:1060"} {
		must(t, "forge", "--from", from, "--to", "192.168.5.130:4001", from)
	}
	connected.SetReadDeadline(time.Now().Add(limit))
	if n, err := connected.Read(buf); err != nil || string(buf[:n]) != "192.168.5.130:1060" {
		t.Errorf("the connected client heard %q, %v; want only what claims to come from its server", buf[:n], err)
	}
	if _, errs, status := tool(t, "forge", "--from", "10.1.1.1:1", "--to", "192.168.5.7:1", strings.Repeat("x", 5000)); status != 1 || !strings.HasSuffix(errs, "Message too long\n") {
		t.Errorf("forge of 5000 bytes: status %d, %q; want message too long", status, errs)
	}
	if _, errs, status := tool(t, "forge", "--from", "10.1.1.1:1", "--to", "192.168.5.7:1", strings.Repeat("x", 65508)); status != 2 || !strings.Contains(errs, "at most 65507 fit") {
		t.Errorf("forge of 65508 bytes: status %d, %q", status, errs)
	}
}

// RFC 768: the ones' complement sum of it all is zero, and a checksum that
// would be zero is sent as all ones.
func TestUDPChecksum(t *testing.T) {
	here := netip.MustParseAddrPort("0.0.0.0:1")
	for _, test := range []struct {
		name string
		text string
		want uint16
	}{
		// What is summed: both ports, the protocol, the length twice, the text.
		{"no text", "", 0xffff - (1 + 1 + 17 + 8 + 8)},
		{"one octet", "\x01", 0xffff - (1 + 1 + 17 + 9 + 9 + 0x0100)},
		{"two octets", "\x01\x02", 0xffff - (1 + 1 + 17 + 10 + 10 + 0x0102)},
		{"a sum that wraps around", "\xff\xff\x00\x01", 0xffff - (1 + 1 + 17 + 12 + 12 + 0x0001)},
		{"zero", "\xff\xd8", 0xffff}, // 0xffd8 and 39 are 0xffff
	} {
		b, err := forgedPacket(here, here, []byte(test.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := binary.BigEndian.Uint16(b[ipHeaderLen+6:]); got != test.want {
			t.Errorf("%s: checksum %#04x; want %#04x", test.name, got, test.want)
		}
	}
}

// Without CAP_NET_RAW the tools that need it say so.
func TestWithoutNetRaw(t *testing.T) {
	h := newHost(t)
	for _, args := range [][]string{
		{"forge", "--from", "127.0.0.1:1", "--to", "127.0.0.1:2", "hello"},
		{"ping", "-c", "1", "127.0.0.1"},
	} {
		cmd := h.command(args[0], args[1:]...)
		cmd.SysProcAttr = nil
		var errs bytes.Buffer
		cmd.Stderr = &errs
		runtime.LockOSThread() // not unlocked: the thread ends with this goroutine, and what it lost with it
		err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_RAW, 0, 0, 0)
		if err != nil && os.Getuid() == 0 {
			t.Fatal(err)
		}
		err = cmd.Run()
		want := args[0] + ": raw socket: operation not permitted: it needs CAP_NET_RAW\n" + args[0] + ": hint: cap_add: [NET_RAW] for this host in compose.yaml\n"
		if errs.String() != want || err == nil {
			t.Errorf("%q without CAP_NET_RAW: %q, %v; want %q", args, errs.String(), err, want)
		}
	}
}
