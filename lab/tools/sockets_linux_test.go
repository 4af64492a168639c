package tools

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

// Both ways to ask the kernel tell of the same sockets.
func TestSocketTablesAgree(t *testing.T) {
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	peer, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()

	for _, tt := range []struct {
		proto       string
		local, peer netip.AddrPort
		state       uint8
	}{
		{"udp", udp.LocalAddr().(*net.UDPAddr).AddrPort(), netip.MustParseAddrPort("0.0.0.0:0"), stateUnbound},
		{"tcp", tcp.Addr().(*net.TCPAddr).AddrPort(), netip.MustParseAddrPort("0.0.0.0:0"), stateListening},
		{"tcp", peer.LocalAddr().(*net.TCPAddr).AddrPort(), peer.RemoteAddr().(*net.TCPAddr).AddrPort(), stateConnected},
	} {
		for name, ask := range map[string]func(string) ([]socket, error){"sock_diag": sockets, "/proc/net": procSockets} {
			all, err := ask(tt.proto)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(all, func(s socket) bool { return s.local == tt.local && s.state == tt.state })
			if i < 0 {
				t.Errorf("%s: no %s socket %s in state %d", name, tt.proto, tt.local, tt.state)
				continue
			}
			if s := all[i]; s.peer != tt.peer || s.inode == 0 || s.proto != tt.proto {
				t.Errorf("%s: got %+v; want peer %s and an inode", name, s, tt.peer)
			}
		}
	}
}

func TestParseProcNetRefuses(t *testing.T) {
	for _, line := range []string{
		"",
		"0: 0100007F:0424 00000000:0000 07",
		"0: 0100007F 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 42",
		"0: XX00007F:0424 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 42",
		"0: 0100007F:0424 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 none",
	} {
		if all, err := parseProcNet("udp", "heading\n"+line+"\n"); err == nil {
			t.Errorf("%q: got %+v; want an error", line, all)
		}
	}
}
