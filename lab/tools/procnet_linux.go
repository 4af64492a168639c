package tools

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// procSockets reads /proc/net/udp and its like, proc_pid_net(5): what a kernel
// without sock_diag still says. A file that is not there is a kernel without
// IPv6.
func procSockets(proto string) ([]socket, error) {
	var all []socket
	for _, file := range []string{"/proc/net/" + proto, "/proc/net/" + proto + "6"} {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list, err := parseProcNet(proto, string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// parseProcNet reads the lines after the heading.
func parseProcNet(proto, text string) ([]socket, error) {
	var all []socket
	_, text, _ = strings.Cut(text, "\n")
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 {
			return nil, fmt.Errorf("line %q: got %d fields; want 10 or more", line, len(f))
		}
		s := socket{proto: proto}
		tx, rx, _ := strings.Cut(f[4], ":")
		var errs [4]error
		s.local, errs[0] = procAddr(f[1])
		s.peer, errs[1] = procAddr(f[2])
		s.state = uint8(procHex(f[3]))
		s.unsent, s.received = uint32(procHex(tx)), uint32(procHex(rx))
		inode, err := strconv.ParseUint(f[9], 10, 32)
		s.inode, errs[2] = uint32(inode), err
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func procHex(s string) uint64 {
	v, _ := strconv.ParseUint(s, 16, 64) // the kernel's own number
	return v
}

// procAddr reads "0100007F:0424": the address as 32-bit words in the
// computer's own order of bytes, the port as a number.
func procAddr(s string) (netip.AddrPort, error) {
	words, port, found := strings.Cut(s, ":")
	b, err := hex.DecodeString(words)
	if err != nil || !found || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, fmt.Errorf("address %q: want hex words and a port", s)
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr, uint16(procHex(port))), nil
}
