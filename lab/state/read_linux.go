package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Read returns the state of the host that the calling process runs on, in the
// network namespace of the calling thread. What could be read is returned
// beside an error.
func Read() (State, error) {
	var s State
	var errs []error
	for _, read := range parts {
		facts, err := read()
		if err != nil {
			errs = append(errs, fmt.Errorf("state: %w", err))
		}
		s = append(s, facts...)
	}
	slices.Sort(s)
	return s, errors.Join(errs...)
}

// parts are what a state is made of.
var parts = []func() ([]string, error){
	processes, sockets, network, rules, settings, losses, fragments,
	func() ([]string, error) { return files("/", "/tmp", "/dev/shm", "/run", "/root") },
}

// processes returns every process but process 1 and the caller: proc(5).
func processes() ([]string, error) {
	entries, err := os.ReadDir("/proc")
	var all []string
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == 1 || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil {
			continue // it has ended
		}
		words := strings.TrimRight(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})), " ")
		all = append(all, fmt.Sprintf("process %d %q", pid, words))
	}
	return all, err
}

// sockets returns what is bound or connected: proc(5), /proc/net.
func sockets() ([]string, error) {
	all, err := tcpSockets()
	errs := []error{err}
	for _, table := range []string{"udp", "udp6", "udplite", "raw", "raw6", "icmp", "icmp6", "packet"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if errors.Is(err, fs.ErrNotExist) {
			continue // this kernel is without
		}
		errs = append(errs, err)
		for i, line := range strings.Split(string(text), "\n") {
			if f := strings.Fields(line); i > 0 && len(f) > 3 {
				all = append(all, fmt.Sprintf("socket %s %s", table, strings.Join(f[1:4], " ")))
			}
		}
	}
	return all, errors.Join(errs...)
}

// volatile are settings that the kernel changes by itself, or that only show
// a count.
var volatile = []string{
	"netfilter/nf_conntrack_count",
	"ipv4/route/flush", "ipv6/route/flush",
	"ipv4/tcp_fastopen_key", "stable_secret",
}

// settings returns the kernel's settings below net.: sysctl(8).
func settings() ([]string, error) { return settingsBelow("/proc/sys/net") }

// byNetlink are the settings that rtnetlink(7) can set, too. Of ipv6/conf it
// could set how a card makes its addresses, and addresses are facts.
var byNetlink = []string{"ipv4/conf", "ipv4/neigh", "ipv6/neigh"}

// settingsBelow returns the settings in a folder; where nobody may write to its
// files, as on a lab's hosts, those alone that may change all the same.
func settingsBelow(root string) ([]string, error) {
	folders := []string{"."}
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		folders = byNetlink
	}
	var all []string
	for _, folder := range folders {
		err := settingsIn(root, folder, func(fact string) { all = append(all, fact) })
		if err != nil {
			return all, fmt.Errorf("settings: %w", err)
		}
	}
	return all, nil
}

// settingsIn reads the settings in a folder below root.
func settingsIn(root, folder string, add func(fact string)) error {
	const maxSetting = 1 << 10
	buf := make([]byte, maxSetting)
	return filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a setting of another namespace, or an interface that went
		}
		for _, name := range volatile {
			if strings.HasSuffix(path, name) {
				return nil
			}
		}
		if value, err := readSome(path, buf); err == nil {
			add(fmt.Sprintf("setting %s = %q", path[len(root)+1:], bytes.TrimSpace(value)))
		}
		return nil
	})
}

// readSome reads the beginning of a small file of /proc into buf in one system
// call. There are hundreds, and os.ReadFile has five for each.
func readSome(path string, buf []byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buf)
	return buf[:max(n, 0)], err
}

// counted are the counts of datagrams that were lost for a reason that a reader
// may look at: RFC 4113 and the kernel's own, of UDP and of fragments.
var counted = []string{
	"Udp:InErrors", "Udp:RcvbufErrors", "Udp:SndbufErrors", "Udp:InCsumErrors", "Udp:MemErrors",
	"Ip:ReasmFails", "Ip:FragFails",
}

// losses returns those counts that are not 0.
func losses() ([]string, error) {
	text, err := os.ReadFile("/proc/net/snmp")
	var all []string
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for k, name := range names {
			if k > 0 && k < len(values) && values[k] != "0" && slices.Contains(counted, names[0]+name) {
				all = append(all, fmt.Sprintf("count %s%s %s", names[0], name, values[k]))
			}
		}
	}
	return all, err
}

// fragments returns how many datagrams wait for a fragment; sockstat of proc(5).
// The kernel gives one up after 30 seconds, and tells its sender then (RFC 792,
// time exceeded): in the middle of the next lesson.
func fragments() ([]string, error) {
	var all []string
	for file, label := range map[string]string{"sockstat": "FRAG:", "sockstat6": "FRAG6:"} {
		text, err := os.ReadFile("/proc/net/" + file)
		if errors.Is(err, fs.ErrNotExist) && file == "sockstat6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return all, err
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 2 && f[0] == label && f[2] != "0" {
				all = append(all, fmt.Sprintf("incomplete %s %s", strings.TrimSuffix(label, ":"), f[2]))
			}
		}
	}
	return all, nil
}

// files returns every file below some folders, with what changes when it is
// written to; of a folder that is on the first one's file system it has the
// files already. The time of a folder is left out: it tells of files that came
// and went.
func files(tops ...string) ([]string, error) {
	root, err := deviceOf(tops[0])
	if err != nil {
		return nil, err
	}
	var all []string
	for i, top := range tops {
		device, err := deviceOf(top)
		if err != nil || i > 0 && device == root {
			continue
		}
		if err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // it went away meanwhile
			}
			fact, other := file(path, d, device)
			if other && d.IsDir() {
				return fs.SkipDir
			}
			if fact != "" {
				all = append(all, fact)
			}
			return nil
		}); err != nil {
			return all, err
		}
	}
	return all, nil
}

// file returns a file's fact, "" when it went away meanwhile, and whether it
// is on another file system than the one of a device.
func file(path string, d fs.DirEntry, device uint64) (fact string, other bool) {
	info, err := d.Info()
	if err != nil {
		return "", false
	}
	st := info.Sys().(*syscall.Stat_t)
	switch {
	case uint64(st.Dev) != device:
		return "", true
	case d.IsDir():
		return fmt.Sprintf("folder %q %v", path, info.Mode()), false
	}
	return fmt.Sprintf("file %q %v %d bytes %d.%09d", path, info.Mode(), info.Size(), st.Mtim.Sec, st.Mtim.Nsec), false
}

func deviceOf(path string) (uint64, error) {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	return uint64(st.Dev), err
}
