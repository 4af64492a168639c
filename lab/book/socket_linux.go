package book

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// setRecvErr asks for ICMP errors also on an unconnected socket; ip(7),
// IP_RECVERR.
func setRecvErr(fd uintptr, v6 bool) error {
	if v6 {
		return setsockopt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	}
	return setsockopt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
}

// setDiscover forbids fragments, or allows them; ip(7), IP_MTU_DISCOVER.
func setDiscover(fd uintptr, v6, forbid bool) error {
	switch {
	case v6 && forbid:
		return setsockopt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO)
	case v6:
		return setsockopt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT)
	case forbid:
		return setsockopt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
	}
	return setsockopt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
}

// pathMTU returns what the kernel knows of the path of a connected socket, in
// octets, IP header included; ip(7), IP_MTU.
func pathMTU(c syscall.Conn, v6 bool) (mtu int, err error) {
	level, option := unix.IPPROTO_IP, unix.IP_MTU
	if v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_MTU
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), level, option) })
	if cerr != nil {
		return 0, cerr
	}
	return mtu, os.NewSyscallError("getsockopt", err)
}
