package holder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"hostlab/lab/host/rootfs"
)

// devices are the files of /dev that every host has. No ordinary user may make
// one, so they are the computer's own, bound to new names.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// makeRoot puts the holder into a file system of its own, in memory, which is
// the root of every host too. The computer's file system is out of reach from
// then on.
func makeRoot() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return failed(err, "make mounts private")
	}
	dir, err := mountSomewhere()
	if err != nil {
		return err
	}
	for _, d := range []string{"bin", "etc", "proc", "sys", "dev", "dev/pts", "dev/shm", "root", "run", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return failed(err, "mkdir %s", d)
		}
	}
	if err := unix.Mount("proc", filepath.Join(dir, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return failed(err, "mount proc")
	}
	// Without it hosts run, and their /sys is empty.
	unix.Mount("sysfs", filepath.Join(dir, "sys"), "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "")
	if err := bindDevices(filepath.Join(dir, "dev")); err != nil {
		return err
	}
	return enterRoot(dir)
}

// mountSomewhere mounts an empty file system over any directory; what it hides
// is hidden from the holder only.
func mountSomewhere() (string, error) {
	var err error
	for _, dir := range []string{"/tmp", "/run", "/mnt", "/var", "/usr"} {
		err = unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755")
		if !errors.Is(err, unix.ENOENT) {
			return dir, failed(err, "mount tmpfs")
		}
	}
	return "", failed(err, "mount tmpfs")
}

func bindDevices(dev string) error {
	for _, name := range devices {
		path := filepath.Join(dev, name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return failed(err, "/dev/%s", name)
		}
		if err := unix.Mount("/dev/"+name, path, "", unix.MS_BIND, ""); err != nil {
			return failed(err, "bind /dev/%s", name)
		}
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", // pts(4), fd(4)
		"stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return failed(err, "/dev/%s", name)
		}
	}
	return nil
}

// enterRoot makes dir the root and drops the old one (pivot_root(2), "NOTES").
func enterRoot(dir string) error {
	if err := unix.Chdir(dir); err != nil {
		return failed(err, "chdir %s", dir)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return failed(err, "pivot_root")
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return failed(err, "unmount the old root")
	}
	return failed(unix.Chdir("/"), "chdir /")
}

// layFiles puts the links to the host binary into /bin, and the files that all
// hosts have into /etc. The binary itself is in no directory: it is what process
// 1 of a host runs.
func layFiles(programs []string) error {
	tree, err := rootfs.Host(nil, programs)
	if err != nil {
		return err
	}
	for _, f := range tree {
		path := "/" + f.Name
		switch {
		case strings.HasSuffix(f.Name, "/"):
			continue // makeRoot made them
		case path == hostBinary:
			err = os.Symlink("/proc/1/exe", path)
		case f.Target != "":
			err = os.Symlink(f.Target, path)
		default:
			err = os.WriteFile(path, f.Data, fs.FileMode(f.Mode))
		}
		if err != nil {
			return fmt.Errorf("the hosts' files: %w", err)
		}
	}
	return nil
}

// hostBinary is where every host has the program that all others are.
const hostBinary = "/bin/" + rootfs.Binary
