package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hostlab/lab/host/rootfs"
	"hostlab/lab/program"
)

// install lays the file system of a host below a directory. A Dockerfile that
// starts FROM scratch has no shell to make links with, so the binary does it.
func install() program.Program {
	return program.Program{
		Name:    "install",
		Summary: "lay a host's file system below a directory: host install DIR",
		Run: func(_ context.Context, s program.Stdio, args ...string) int {
			if len(args) != 1 || args[0] == "-h" || args[0] == "--help" {
				fmt.Fprintln(s.Err, "usage: host install DIR")
				return 2
			}
			if err := Install(args[0]); err != nil {
				fmt.Fprintln(s.Err, "host: install:", err)
				return 1
			}
			return 0
		},
	}
}

// Install lays a host's file system below dir, with this very binary in it.
// What is there already is replaced.
func Install(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	tree, err := rootfs.Host(binary, Names())
	if err != nil {
		return err
	}
	for _, f := range tree {
		if err := lay(filepath.Join(dir, f.Name), f); err != nil {
			return err
		}
	}
	return nil
}

func lay(path string, f rootfs.File) error {
	mode := fs.FileMode(f.Mode & 0o777)
	if f.Mode&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	if strings.HasSuffix(f.Name, "/") {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return os.Chmod(path, mode) // MkdirAll's mode is cut by the umask
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.Target != "" {
		return os.Symlink(f.Target, path)
	}
	if err := os.WriteFile(path, f.Data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
