//go:build unix

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// own is an error unless the path is this user's.
func own(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Getuid() {
		return fmt.Errorf("control: %s belongs to user %d; want %d", path, stat.Uid, os.Getuid())
	}
	return nil
}

// closed is an error when others than its owner may use a directory.
func closed(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("control: %s: mode %04o lets others in; want 0700", path, mode)
	}
	return nil
}

// refused reports whether an error of a dial says that nobody listens.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
