//go:build unix

package book

import (
	"errors"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// errno returns the number, the name and the C library's text of the system
// error in err's tree. Go's own texts are the C library's with a small first
// letter.
func errno(err error) (number int, name, text string, ok bool) {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return 0, "", "", false
	}
	text = e.Error()
	return int(e), unix.ErrnoName(e), strings.ToUpper(text[:1]) + text[1:], true
}
