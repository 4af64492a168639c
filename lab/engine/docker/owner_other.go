//go:build !linux

package docker

import (
	"os"
	"strconv"

	"github.com/shirou/gopsutil/v4/process"
)

func currentOwner() (owner, error) {
	machine, err := os.Hostname()
	if err != nil {
		return owner{}, err
	}
	start, err := startTime(os.Getpid())
	return owner{machine, "-", strconv.Itoa(os.Getpid()), start}, err
}

// running says whether the process is there and is the same one.
func (o owner) running() bool {
	pid, err := strconv.Atoi(o.pid)
	if err != nil {
		return false
	}
	start, err := startTime(pid)
	return err == nil && start == o.start
}

// startTime returns when a process started, in milliseconds since 1970, so it
// also differs from boot to boot.
func startTime(pid int) (string, error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return "", err
	}
	ms, err := p.CreateTime()
	return strconv.FormatInt(ms, 10), err
}
