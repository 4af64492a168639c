package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

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

// Install lays a host's file system below dir: this very binary as bin/host,
// a link for every name of Names, the users of etc/passwd, and the empty
// directories that a read-only root needs as mount points. What is there
// already is replaced.
func Install(dir string) error {
	for _, d := range []string{"bin", "etc", "root", "run", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
		"group":  "root:x:0:\nnogroup:x:65534:\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := copySelf(filepath.Join(dir, "bin", Name)); err != nil {
		return err
	}
	for _, name := range Names() {
		link := filepath.Join(dir, "bin", name)
		os.Remove(link)
		if err := os.Symlink(Name, link); err != nil {
			return err
		}
	}
	return nil
}

func copySelf(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	in, err := os.Open(self)
	if err != nil {
		return err
	}
	defer in.Close()
	os.Remove(to)
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
