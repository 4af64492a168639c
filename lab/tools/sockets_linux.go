package tools

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A socket is one line of the kernel's tables of UDP and TCP sockets.
type socket struct {
	proto    string // "udp" or "tcp"
	state    uint8  // of TCP, also for UDP: 1 connected, 7 not, 10 listening
	local    netip.AddrPort
	peer     netip.AddrPort // port 0: none
	device   uint32         // index of the only interface that it hears; 0 for all
	v6only   bool           // an IPv6 wildcard that leaves IPv4 to others
	known    bool           // v6only is known
	received uint32         // bytes that wait to be read; listening: connections to be accepted
	unsent   uint32         // bytes on their way; listening: the backlog
	inode    uint32
}

// States of sockets, from the kernel's include/net/tcp_states.h.
const (
	stateConnected = 1
	stateUnbound   = 7
	stateListening = 10
)

var stateNames = map[uint8]string{
	1: "ESTAB", 2: "SYN-SENT", 3: "SYN-RECV", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2", 6: "TIME-WAIT",
	7: "UNCONN", 8: "CLOSE-WAIT", 9: "LAST-ACK", 10: "LISTEN", 11: "CLOSING", 12: "SYN-RECV",
}

// sockets returns the sockets of a protocol: from the kernel's sock_diag(7),
// which knows most, or where that is not built in from /proc/net.
func sockets(proto string) ([]socket, error) {
	var all []socket
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		list, err := diagSockets(proto, family)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) {
			return procSockets(proto)
		}
		if err != nil {
			return nil, fmt.Errorf("%s sockets: %w", proto, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// A diagRequest is struct inet_diag_req_v2 of the kernel.
type diagRequest struct{ family, protocol uint8 }

func (diagRequest) Len() int { return 56 }

// Serialize asks for sockets in all states and with any address.
func (r diagRequest) Serialize() []byte {
	b := make([]byte, r.Len())
	b[0] = r.family                               // family
	b[1] = r.protocol                             // protocol
	b[2] = 0                                      // extensions
	binary.NativeEndian.PutUint32(b[4:], 1<<13-1) // states
	return b
}

func diagSockets(proto string, family uint8) ([]socket, error) {
	protocol := uint8(unix.IPPROTO_UDP)
	if proto == "tcp" {
		protocol = unix.IPPROTO_TCP
	}
	req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	req.AddData(diagRequest{family, protocol})
	var list []socket
	err := req.ExecuteIter(unix.NETLINK_INET_DIAG, nl.SOCK_DIAG_BY_FAMILY, func(msg []byte) bool {
		if s, ok := parseDiag(msg); ok {
			s.proto = proto
			list = append(list, s)
		}
		return true
	})
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		err = nil // the table changed meanwhile, as it always may
	}
	return list, err
}

// parseDiag reads struct inet_diag_msg and its attributes.
func parseDiag(b []byte) (socket, bool) {
	if len(b) < 72 {
		return socket{}, false
	}
	s := socket{
		state:    b[1],                                 // state
		local:    diagAddr(b[0], b[8:24], b[4:6]),      // source address and port
		peer:     diagAddr(b[0], b[24:40], b[6:8]),     // destination
		device:   binary.NativeEndian.Uint32(b[40:44]), // interface
		received: binary.NativeEndian.Uint32(b[56:60]), // receive queue
		unsent:   binary.NativeEndian.Uint32(b[60:64]), // send queue
		inode:    binary.NativeEndian.Uint32(b[68:72]), // inode
	}
	attrs, err := nl.ParseRouteAttr(b[72:])
	if err != nil {
		return s, true
	}
	for _, a := range attrs {
		if a.Attr.Type == netlink.INET_DIAG_SKV6ONLY && len(a.Value) > 0 {
			s.v6only, s.known = a.Value[0] != 0, true
		}
	}
	return s, true
}

func diagAddr(family uint8, addr, port []byte) netip.AddrPort {
	a := netip.AddrFrom16([16]byte(addr))
	if family == unix.AF_INET {
		a = netip.AddrFrom4([4]byte(addr[:4]))
	}
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port))
}

// An owner is a process that has a socket open.
type owner struct {
	name    string
	pid, fd int
}

func (o owner) String() string { return fmt.Sprintf("(%q,pid=%d,fd=%d)", o.name, o.pid, o.fd) }

// socketOwners returns the processes that have each socket open, by inode. It
// leaves out what it may not look at.
func socketOwners() map[uint32][]owner {
	owners := map[uint32][]owner{}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, file := range files {
		target, err := os.Readlink(file)
		if err != nil {
			continue
		}
		number, ok := strings.CutPrefix(target, "socket:[")
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
		if !ok || err != nil {
			continue
		}
		dir := filepath.Dir(filepath.Dir(file))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		fd, _ := strconv.Atoi(filepath.Base(file))
		comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
		owners[uint32(inode)] = append(owners[uint32(inode)], owner{strings.TrimSpace(string(comm)), pid, fd})
	}
	return owners
}
