package holder

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// enter is the first step of a host's process 1. It is born in the host's
// namespaces, gives itself the host's own files, drops what a host may not do,
// and becomes the agent. What goes wrong it says on descriptor 3.
func enter() error {
	runtime.LockOSThread() // what is dropped, and executed, is one thread's
	unix.CloseOnExec(connFD)
	conn := os.NewFile(connFD, "connection")
	var s setup
	if err := json.NewDecoder(conn).Decode(&s); err != nil {
		return fmt.Errorf("enter: %w", err)
	}
	err := become(s)
	json.NewEncoder(conn).Encode(asError(err)) // when that fails, the holder is gone
	return err
}

func become(s setup) error {
	if err := unix.Sethostname([]byte(s.Name)); err != nil {
		return failed(err, "sethostname")
	}
	if err := mountOwn(); err != nil {
		return err
	}
	if err := writeEtc(s.Files); err != nil {
		return err
	}
	if err := sealRoot(); err != nil {
		return err
	}
	unix.Umask(0o022)
	if err := os.Chdir("/root"); err != nil {
		return failed(err, "chdir /root")
	}
	if err := confine(); err != nil {
		return err
	}
	env := []string{"PATH=/bin", "HOSTNAME=" + s.Name, "HOME=/root"} // as in a container of the lab image
	return failed(unix.Exec(hostBinary, []string{hostBinary, "agent"}, env), "exec %s", hostBinary)
}

// A mount is one of mount(2).
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
	maybe                bool // hosts run without it
}

// ownMounts are what each host has of its own, in the way of a container of
// the Docker engine: programs that a reader brings along may run from /tmp.
var ownMounts = []mount{
	{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "", false},
	{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY, "", true},
	{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620", false},
	{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=1777,size=64m", false},
	{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777,size=64m", false},
	{"tmpfs", "/root", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0700,size=64m", false},
	{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=0755,size=16m", false},
}

func mountOwn() error {
	for _, m := range ownMounts {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil && !m.maybe {
			return failed(err, "mount %s", m.target)
		}
	}
	return nil
}

// writeEtc gives the host an /etc with its own files beside those of all hosts.
func writeEtc(files map[string]string) error {
	all := map[string][]byte{}
	common, err := os.ReadDir("/etc")
	if err != nil {
		return failed(err, "/etc")
	}
	for _, f := range common {
		if all[f.Name()], err = os.ReadFile(filepath.Join("/etc", f.Name())); err != nil {
			return failed(err, "/etc/%s", f.Name())
		}
	}
	for name, text := range files {
		all[name] = []byte(text)
	}
	if err := unix.Mount("tmpfs", "/etc", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755"); err != nil {
		return failed(err, "mount /etc")
	}
	for name, data := range all {
		if err := os.WriteFile(filepath.Join("/etc", name), data, 0o644); err != nil {
			return failed(err, "/etc/%s", name)
		}
	}
	return nil
}

// rootsOwn are the files of /proc by which root governs the computer. To a
// host's root they matter only where no user namespace, or one without a
// nobody, makes it the computer's.
var rootsOwn = []string{"/proc/sysrq-trigger", "/proc/bus", "/proc/fs", "/proc/irq"}

// sealRoot makes read-only what a container has read-only: its root, its /etc
// and the kernel's settings.
func sealRoot() error {
	paths := []string{"/proc/sys"}
	if isComputersRoot() {
		paths = append(paths, rootsOwn...)
	}
	for _, path := range paths {
		err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
		if err == nil {
			err = readOnly(path, unix.MS_NOEXEC)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return errors.Join(readOnly("/etc", unix.MS_NOEXEC), readOnly("/", 0))
}

func readOnly(path string, more uintptr) error {
	const flags = unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
	return failed(unix.Mount("", path, "", flags|more, ""), "%s read-only", path)
}

// isComputersRoot reports whether root here is root of the whole computer: it
// owns the kernel's files then, and else an unknown user does.
func isComputersRoot() bool {
	var s unix.Stat_t
	return unix.Stat("/proc/sysrq-trigger", &s) == nil && s.Uid == 0
}

// kept are the capabilities of a host's programs: those that the Docker engine
// is told to leave to a container.
var kept = map[uintptr]bool{unix.CAP_NET_BIND_SERVICE: true, unix.CAP_NET_ADMIN: true, unix.CAP_NET_RAW: true}

// confine drops all other capabilities for what is executed next
// (capabilities(7), "Capability bounding set"), and forbids to gain any.
func confine() error {
	for c := uintptr(0); ; c++ {
		if kept[c] {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // the kernel has no more
		}
		if err != nil {
			return failed(err, "drop capability %d", c)
		}
	}
	return failed(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
}
