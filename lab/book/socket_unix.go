//go:build unix

package book

import (
	"os"

	"golang.org/x/sys/unix"
)

func setsockopt(fd uintptr, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), level, option, value))
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func setReuse(fd uintptr, addr, port bool) error {
	if err := setsockopt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, flag(addr)); err != nil || !port {
		return err
	}
	return setsockopt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

func setV6Only(fd uintptr, on bool) error {
	return setsockopt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, flag(on))
}

func setRecvBuffer(fd uintptr, bytes int) error {
	return setsockopt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
}

// cutShort reports whether a read left out the rest of its datagram; recvmsg(2).
func cutShort(flags int, _ error) bool { return flags&unix.MSG_TRUNC != 0 }

func setBroadcast(fd uintptr, on bool) error {
	return setsockopt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, flag(on))
}
