package docker

import (
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

func currentOwner() (owner, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return owner{}, err
	}
	namespace, err := os.Readlink("/proc/self/ns/pid") // "pid:[4026531836]"
	if err != nil {
		return owner{}, err
	}
	start, _, err := startTime(os.Getpid())
	return owner{strings.TrimSpace(string(boot)), namespace, strconv.Itoa(os.Getpid()), start}, err
}

// running says whether the process is there and is the same one. A zombie has
// ended: nothing of it holds a stream any more.
func (o owner) running() bool {
	pid, err := strconv.Atoi(o.pid)
	if err != nil {
		return false
	}
	start, state, err := startTime(pid)
	return err == nil && start == o.start && state != "Z" && state != "X"
}

// startTime returns when a process started, in clock ticks since the boot, and
// its state (proc_pid_stat(5)).
func startTime(pid int) (start, state string, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return "", "", err
	}
	stat, err := p.Stat()
	return strconv.FormatUint(stat.Starttime, 10), stat.State, err
}
