package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// suffix ends the name of a door that is open; one that is being made has
// another.
const (
	suffix     = ".sock"
	unfinished = ".new"
)

// maxPath is the longest path of a socket in bytes: unix(7) has 108, with the
// byte at the end; the BSDs have 104.
const maxPath = 103

// serial tells several labs of one process apart.
var serial atomic.Int64

// candidates are the directories in which doors may be, the best first:
// $XDG_RUNTIME_DIR/hostlab (XDG Base Directory Specification), which the
// system removes, or one of the user's own among temporary files.
func candidates() []string {
	var all []string
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(runtime) && own(runtime) == nil {
		all = append(all, filepath.Join(runtime, "hostlab"))
	}
	return append(all, filepath.Join(os.TempDir(), fmt.Sprintf("hostlab-%d", os.Getuid())))
}

// makeDir makes the directory of doors, if it is not there.
func makeDir() (string, error) {
	dir := candidates()[0]
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("control: %w", err)
	}
	return dir, private(dir)
}

// private is an error unless path is a directory of this user's that nobody
// else can use. A link does not do: who made it could turn it elsewhere.
func private(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("control: %s is no directory", path)
	}
	if err := own(path); err != nil {
		return err
	}
	return closed(path, info)
}

// doors returns the paths of all sockets. A directory that is not this user's
// alone is passed over: a lab of this user would have refused it.
func doors() []string {
	var all []string
	for _, dir := range candidates() {
		if private(dir) != nil {
			continue
		}
		entries, _ := os.ReadDir(dir) // one that can't be read has none for us
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), suffix) {
				all = append(all, filepath.Join(dir, e.Name()))
			}
		}
	}
	return all
}

// listen opens a socket. It appears under its name when it takes connections,
// so that nobody finds it dead and sweeps it.
func listen(path string) (*net.UnixListener, error) {
	early := strings.TrimSuffix(path, suffix) + unfinished
	if len(path) > maxPath {
		return nil, fmt.Errorf("control: socket %s: %d bytes; want at most %d: set XDG_RUNTIME_DIR to a shorter directory of your own", path, len(path), maxPath)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: early, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	l.SetUnlinkOnClose(false) // it would unlink the early name
	if err := errors.Join(os.Chmod(early, 0o600), os.Rename(early, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("control: %w", err), l.Close(), os.Remove(early))
	}
	return l, nil
}

// sweep removes the sockets at which nobody listens, those that were never
// finished when they are old.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // the listener will say so
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || info.Mode().Type() != fs.ModeSocket {
			continue
		}
		if strings.HasSuffix(e.Name(), unfinished) && time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
			c.Close()
		} else if refused(err) {
			os.Remove(path) // what stays is swept the next time
		}
	}
}
