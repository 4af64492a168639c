package book

import (
	"errors"
	"syscall"

	"golang.org/x/sys/windows"
)

// winsock gives the socket errors of Windows the names and texts that they
// have everywhere else, so that a lesson reads the same.
var winsock = map[syscall.Errno][2]string{
	windows.WSAEACCES:       {"EACCES", "Permission denied"},
	windows.WSAEINVAL:       {"EINVAL", "Invalid argument"},
	windows.WSAEMSGSIZE:     {"EMSGSIZE", "Message too long"},
	windows.WSAEAFNOSUPPORT: {"EAFNOSUPPORT", "Address family not supported by protocol"},
	windows.WSAEADDRINUSE:   {"EADDRINUSE", "Address already in use"},
	windows.WSAEADDRNOTAVAIL: {"EADDRNOTAVAIL",
		"Cannot assign requested address"},
	windows.WSAENETUNREACH:  {"ENETUNREACH", "Network is unreachable"},
	windows.WSAECONNABORTED: {"ECONNABORTED", "Software caused connection abort"},
	windows.WSAECONNRESET:   {"ECONNRESET", "Connection reset by peer"},
	windows.WSAETIMEDOUT:    {"ETIMEDOUT", "Connection timed out"},
	windows.WSAECONNREFUSED: {"ECONNREFUSED", "Connection refused"},
	windows.WSAEHOSTUNREACH: {"EHOSTUNREACH", "No route to host"},
}

// errno returns the number, the name and the text of the system error in err's
// tree. The number is Windows' own.
func errno(err error) (number int, name, text string, ok bool) {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return 0, "", "", false
	}
	if known, ok := winsock[e]; ok {
		return int(e), known[0], known[1], true
	}
	return int(e), "", e.Error(), true
}
