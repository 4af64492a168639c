// Package file writes files whole or not at all.
package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Save writes a file. What stood there stays, with its permissions, until the
// new one is complete and on the disk; a symbolic link stays one. A new file
// may be read by everybody.
func Save(path string, write func(io.Writer) error) (err error) {
	real, mode := path, fs.FileMode(0o644)
	if to, err := filepath.EvalSymlinks(path); err == nil {
		real = to
	}
	if info, err := os.Stat(real); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(real), "."+filepath.Base(real)+".*")
	if err != nil {
		return fmt.Errorf("file: %s: %w", path, err)
	}
	err = errors.Join(write(f), f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), real)
	}
	if err != nil {
		return fmt.Errorf("file: %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// ErrChanged says that a file is not any more what it was when it was read.
var ErrChanged = errors.New("it was changed meanwhile; nothing is written")

// Replace gives a file other content, unless somebody else did so since it
// was read: then the error wraps ErrChanged.
func Replace(path string, was, is []byte) error {
	now, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	if !bytes.Equal(now, was) {
		return fmt.Errorf("file: %s: %w", path, ErrChanged)
	}
	return Save(path, func(w io.Writer) error {
		_, err := w.Write(is)
		return err
	})
}
