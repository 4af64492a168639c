//go:build !unix

package control

import (
	"errors"
	"io/fs"
	"syscall"
)

// own knows nothing here: temporary files are the user's own on Windows.
func own(string) error { return nil }

func closed(string, fs.FileInfo) error { return nil }

// refused reports whether an error of a dial says that nobody listens:
// WSAECONNREFUSED.
func refused(err error) bool { return errors.Is(err, syscall.Errno(10061)) }
