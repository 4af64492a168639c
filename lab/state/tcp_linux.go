package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The states of TCP that matter here, as the kernel numbers them.
const (
	timeWaiting = 6
	listening   = 10
)

// tcpSockets returns the TCP sockets of the host.
//
// The kernel keeps the connections of all hosts in one large table, and to go
// through it for those of one takes it milliseconds. But it counts the sockets
// of each: where none but the listening ones are there, those alone are asked for.
func tcpSockets() ([]string, error) {
	all, err := askTCP(1 << listening)
	if err != nil {
		return tcpTables() // a kernel without tcp_diag
	}
	if inUse, known := tcpInUse(); known && inUse == len(all) {
		return all, nil
	}
	others, err := askTCP(1<<32 - 1 - 1<<listening)
	return append(all, others...), err
}

// tcpInUse returns how many TCP sockets a host has; sockstat of proc(5). Where
// connections have ended it is not known: they are counted apart.
func tcpInUse() (n int, known bool) {
	var v4, orphans, ended, v6 int
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, false
	}
	_, text, _ = bytes.Cut(text, []byte("TCP: "))
	if n, _ := fmt.Sscanf(string(text), "inuse %d orphan %d tw %d", &v4, &orphans, &ended); n != 3 || ended > 0 {
		return 0, false
	}
	text, err = os.ReadFile("/proc/net/sockstat6")
	if errors.Is(err, fs.ErrNotExist) {
		return v4, true // a kernel without IPv6
	}
	read, _ := fmt.Sscanf(string(text), "TCP6: inuse %d", &v6)
	return v4 + v6, err == nil && read == 1
}

// askTCP asks for the sockets in some states, a bit for each: sock_diag(7).
func askTCP(states uint32) ([]string, error) {
	var all []string
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		msgs, err := dumpTCP(family, states)
		if err != nil {
			return all, err
		}
		for _, m := range msgs {
			all = append(all, "socket tcp "+diagPort(m[0], m[8:], m[4:])+" "+diagPort(m[0], m[24:], m[6:])+" "+tcpState(m[1]))
		}
	}
	return all, nil
}

// diagMessage is the size of linux/inet_diag.h's inet_diag_msg: family and
// state, at diagID the socket's ports, addresses, interface and cookie, and
// last the number of its file.
const (
	diagMessage = 72
	diagID      = 4
	diagFile    = 68
)

// dumpTCP returns an inet_diag_msg for each socket.
func dumpTCP(family uint8, states uint32) ([][]byte, error) {
	req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	req.AddData(diagRequest{family: family, states: states})
	msgs, err := req.Execute(unix.NETLINK_INET_DIAG, nl.SOCK_DIAG_BY_FAMILY)
	if err != nil {
		return nil, fmt.Errorf("tcp sockets: %w", err)
	}
	for _, m := range msgs {
		if len(m) < diagMessage {
			return nil, fmt.Errorf("tcp sockets: a message of %d bytes; want an inet_diag_msg", len(m))
		}
	}
	return msgs, nil
}

// Forget has the kernel forget the TCP connections that no program has any
// more, as "ss -K" does: those in TIME-WAIT, which would keep their ports for a
// minute. It needs the capability NET_ADMIN and a kernel with
// CONFIG_INET_DIAG_DESTROY; for TIME-WAIT Linux 6.2.
func Forget() error {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		msgs, err := dumpTCP(family, 1<<32-1-1<<listening)
		if err != nil {
			return fmt.Errorf("state: forget: %w", err)
		}
		for _, m := range msgs {
			if binary.NativeEndian.Uint32(m[diagFile:]) != 0 {
				continue // some program has it open
			}
			req := nl.NewNetlinkRequest(nl.SOCK_DESTROY, unix.NLM_F_ACK)
			req.AddData(diagRequest{family: family, id: m[diagID:]})
			if _, err := req.Execute(unix.NETLINK_INET_DIAG, 0); err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("state: forget: %s: %w", diagPort(family, m[8:], m[4:]), err)
			}
		}
	}
	return nil
}

// tcpTables reads the sockets from the tables of proc(5).
func tcpTables() ([]string, error) {
	var all []string
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if errors.Is(err, fs.ErrNotExist) && table == "tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return all, err
		}
		for line := range bytes.Lines(text) {
			if f := strings.Fields(string(line)); len(f) > 3 && f[0] != "sl" {
				state, _ := strconv.ParseUint(f[3], 16, 8)
				all = append(all, "socket tcp "+f[1]+" "+f[2]+" "+tcpState(uint8(state)))
			}
		}
	}
	return all, nil
}

// A diagRequest is linux/inet_diag.h's inet_diag_req_v2, for TCP: for all
// sockets in some states, or for one.
type diagRequest struct {
	family uint8
	states uint32
	id     []byte // of the one, an inet_diag_sockid and what follows
}

func (r diagRequest) Len() int { return 56 }

func (r diagRequest) Serialize() []byte {
	b := make([]byte, r.Len())
	b[0], b[1] = r.family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], r.states)
	copy(b[8:], r.id)
	return b
}

// diagPort reads an address and a port of an inet_diag_sockid.
func diagPort(family uint8, addr, port []byte) string {
	a := netip.AddrFrom16([16]byte(addr[:16]))
	if family == unix.AF_INET {
		a = netip.AddrFrom4([4]byte(addr[:4]))
	}
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port)).String()
}

func tcpState(n uint8) string {
	switch n {
	case listening:
		return "LISTEN"
	case timeWaiting:
		return timeWait
	}
	return fmt.Sprintf("state %d", n)
}
