package holder

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// children are the processes that the holder started: process 1 of each host.
// It has no others, and orphans of hosts stay with those.
//
// A child may end before start has noted it. The lock is held over both, and
// the reaper takes it before it looks.
type children struct {
	mu   sync.Mutex
	ends map[int]chan struct{}
}

func newChildren() *children {
	c := &children{ends: map[int]chan struct{}{}}
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	go func() {
		for range died {
			c.reap()
		}
	}()
	return c
}

// start starts a process, in the network namespace of the calling thread.
// Ended is closed when it has ended.
func (c *children) start(path string, argv []string, attr *syscall.ProcAttr) (pid int, ended <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err = syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	end := make(chan struct{})
	c.ends[pid] = end
	return pid, end, nil
}

func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if end := c.ends[pid]; end != nil {
			delete(c.ends, pid)
			close(end)
		}
	}
}
