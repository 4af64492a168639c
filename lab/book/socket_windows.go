package book

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

func setsockopt(fd uintptr, level, option int, on bool) error {
	value := 0
	if on {
		value = 1
	}
	return os.NewSyscallError("setsockopt", windows.SetsockoptInt(windows.Handle(fd), level, option, value))
}

func setReuse(fd uintptr, addr, port bool) error {
	if port {
		return errors.New("--reuse-port: Windows has no SO_REUSEPORT; a Linux host of the lab has")
	}
	return setsockopt(fd, windows.SOL_SOCKET, windows.SO_REUSEADDR, addr)
}

func setV6Only(fd uintptr, on bool) error {
	return setsockopt(fd, windows.IPPROTO_IPV6, windows.IPV6_V6ONLY, on)
}

func setRecvBuffer(fd uintptr, bytes int) error {
	return os.NewSyscallError("setsockopt", windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_RCVBUF, bytes))
}

// cutShort reports whether a read left out the rest of its datagram, which
// Windows calls an error.
func cutShort(_ int, err error) bool { return errors.Is(err, windows.WSAEMSGSIZE) }

func setBroadcast(fd uintptr, on bool) error {
	return setsockopt(fd, windows.SOL_SOCKET, windows.SO_BROADCAST, on)
}
