package netns

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// executable returns a file with data that can be executed as
// /proc/self/fd/N and has no name in any directory. Best is one on a disk: what
// the kernel keeps of such a file it keeps in larger pieces than of one in
// memory, and every start of a program is a millisecond shorter.
func executable(data []byte) (*os.File, error) {
	var errs []error
	for _, dir := range directories() {
		f, err := unnamedFile(dir, data)
		if err == nil {
			return f, nil
		}
		errs = append(errs, err)
	}
	f, err := memoryFile(data)
	if err == nil {
		return f, nil
	}
	return nil, fmt.Errorf("netns: host binary: %w", errors.Join(append(errs, err)...))
}

// directories are those in which the user may make a file and execute it, as a
// rule.
func directories() []string {
	dirs := []string{os.TempDir()}
	if dir, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, dir)
	}
	return dirs
}

// unnamedFile returns a file in the file system of a directory (open(2),
// O_TMPFILE). It is gone when it is closed, at the latest when the process ends.
func unnamedFile(dir string, data []byte) (*os.File, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return nil, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if fs.Flags&unix.ST_NOEXEC != 0 || fs.Type == unix.TMPFS_MAGIC {
		return nil, fmt.Errorf("%s: nothing can be executed there, or it is memory", dir)
	}
	// What any process has open for writing cannot be executed, and a child
	// that is born now would have it open until it executes something.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, 0o755)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return nil, err
	}
	if err := f.Chmod(0o755); err != nil { // whatever the umask
		return nil, err
	}
	again, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return nil, err
	}
	return high(again)
}

// memoryFile returns a file in memory (memfd_create(2)).
func memoryFile(data []byte) (*os.File, error) {
	const exec = 0x10 // MFD_EXEC, since Linux 6.3
	fd, err := unix.MemfdCreate("host", unix.MFD_CLOEXEC|exec)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate("host", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "host")
	if _, err := f.Write(data); err != nil {
		f.Close()
		return nil, err
	}
	return high(f)
}

// highFD is a descriptor number that no file handed to a child is moved to.
const highFD = 64

// high returns the file under a high descriptor number, and closes it.
func high(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, highFD)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
