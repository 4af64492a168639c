package capture

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// offloads are what a network card does for the kernel, and what a capture
// would therefore see wrong: checksums not filled in yet, segments not cut
// yet or joined already. The numbers are those of linux/ethtool.h to set one.
var offloads = []struct {
	name string
	set  uint32
}{
	{"tso", 0x1f},                // ETHTOOL_STSO
	{"gso", 0x24},                // ETHTOOL_SGSO
	{"tx", unix.ETHTOOL_STXCSUM}, // checksums of what is sent; last, for the others need it
	{"gro", unix.ETHTOOL_SGRO},   // before rx, which it needs
	{"rx", 0x15 /* ETHTOOL_SRXCSUM */},
}

// An ethtoolValue is linux/ethtool.h's struct ethtool_value.
type ethtoolValue struct{ cmd, data uint32 }

// An ifreqData is the struct ifreq of netdevice(7) with a pointer in it.
type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// offloadsOff turns an interface's offloads off. The error names those that
// stay as they are. Fd is any socket of the network namespace.
func offloadsOff(fd int, iface string) error {
	stay := map[unix.Errno][]string{}
	var order []unix.Errno
	for _, o := range offloads {
		v := ethtoolValue{cmd: o.set}
		req := ifreqData{data: unsafe.Pointer(&v)}
		copy(req.name[:len(req.name)-1], iface)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
		switch errno {
		case 0, unix.EOPNOTSUPP: // there is none
		default:
			if stay[errno] == nil {
				order = append(order, errno)
			}
			stay[errno] = append(stay[errno], o.name)
		}
	}
	var errs []error
	for _, errno := range order {
		errs = append(errs, fmt.Errorf("%s: offloads %s stay as they are: %w", iface, strings.Join(stay[errno], " "), errno))
	}
	return errors.Join(errs...)
}
