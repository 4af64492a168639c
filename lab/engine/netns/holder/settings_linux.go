package holder

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// settings write the kernel's settings of network namespaces.
//
// They use mounts of /proc that are in no directory and have no long life: the
// kernel keeps an entry for each file of each namespace that was looked up, all
// under the same name, and finds the thousandth only behind the others.
type settings struct {
	dir  int // a mount of proc; -1 for none
	uses int // of dir, so far

	// newborn are the values that settings have in a new namespace. All begin
	// alike, so what one has as it should be need not be written in any other.
	newborn map[string]string
}

// maxUses is how many namespaces are settled through one mount.
const maxUses = 32

func newSettings() *settings { return &settings{dir: -1, newborn: map[string]string{}} }

// next is called for each new namespace, on the thread that is in it.
func (s *settings) next() {
	if s.uses++; s.dir >= 0 && s.uses < maxUses {
		return
	}
	s.close()
	if dir, err := detachedProc(); err == nil { // else through /proc, more slowly
		s.dir, s.uses = dir, 0
	}
}

func (s *settings) close() {
	if s.dir >= 0 {
		unix.Close(s.dir)
		s.dir = -1
	}
}

// detachedProc mounts a proc that is in no directory (fsopen(2), since Linux 5.2).
func detachedProc() (int, error) {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

// writeNew writes settings of a namespace that nobody has written to yet.
func (s *settings) writeNew(all []Setting) error {
	for _, setting := range all {
		if s.newborn[setting.Name] == "" {
			s.newborn[setting.Name] = s.read(setting.Name)
		}
		if s.newborn[setting.Name] == setting.Value {
			continue
		}
		if err := s.write([]Setting{setting}); err != nil {
			return err
		}
	}
	return nil
}

// write writes settings below /proc/sys, those of the network being the calling
// thread's own.
func (s *settings) write(all []Setting) error {
	for _, setting := range all {
		fd, err := s.open(setting.Name, unix.O_WRONLY)
		if errors.Is(err, unix.ENOENT) && setting.Maybe {
			continue
		}
		if err == nil {
			_, err = unix.Write(fd, []byte(setting.Value))
			unix.Close(fd)
		}
		if err != nil {
			return failed(err, "setting %s = %s", strings.ReplaceAll(setting.Name, "/", "."), setting.Value)
		}
	}
	return nil
}

// read returns a setting's value, and a word that is none when there is none.
func (s *settings) read(name string) string {
	fd, err := s.open(name, unix.O_RDONLY)
	if err != nil {
		return err.Error()
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	value := make([]byte, 256)
	n, err := f.Read(value)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(value[:n]))
}

func (s *settings) open(name string, flags int) (int, error) {
	if s.dir >= 0 {
		return unix.Openat(s.dir, "sys/"+name, flags|unix.O_CLOEXEC, 0)
	}
	return unix.Open("/proc/sys/"+name, flags|unix.O_CLOEXEC, 0)
}

// switchSettings are those of the holder's own namespace: the switch has no
// address, sends nothing by itself, and no firewall sees what passes.
var switchSettings = []Setting{
	{"net/ipv6/conf/default/disable_ipv6", "1", true},
	{"net/bridge/bridge-nf-call-iptables", "0", true},
	{"net/bridge/bridge-nf-call-ip6tables", "0", true},
	{"net/bridge/bridge-nf-call-arptables", "0", true},
}
