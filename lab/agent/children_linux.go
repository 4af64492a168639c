package agent

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// children is the one place of this process where child processes are started
// and reaped. A process has one set of children, so this is a variable.
//
// One goroutine reaps, after each SIGCHLD, with wait4 and WNOHANG. It asks for
// its own children by pid, and for any child only in a process that adopts
// orphans (process 1 or a subreaper: see adopt), so that in a test, or in an
// orchestrator, os/exec beside it keeps its statuses. In a process that
// adopts, all children must be started here.
//
// A child may end before start has noted its pid. The lock is held over both,
// and the reaper takes it before it looks, so it finds the child then. The
// lock also makes kill safe: a pid is not free for another process before
// wait4 has returned it, which happens under the lock.
//
// Waiting by os.Process.Wait instead would take one thread for each process,
// out of the pids that a host may have, and wait4(-1) would steal from it.
var children = &childList{own: make(map[int]*child)}

type childList struct {
	mu     sync.Mutex
	once   sync.Once
	own    map[int]*child
	adopts bool
}

// A child is a process that start started, leader of its own session.
type child struct {
	pid    int
	done   chan struct{} // closed when it is reaped and status is set
	status unix.WaitStatus
}

// adopt makes this process the parent of every orphan below it, and reaps
// them from now on.
func (l *childList) adopt() error {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("agent: adopt orphans: %w", err)
		}
	}
	l.mu.Lock()
	l.adopts = true
	l.mu.Unlock()
	l.watch()
	l.reap()
	return nil
}

// watch starts the reaper, once.
func (l *childList) watch() {
	l.once.Do(func() {
		died := make(chan os.Signal, 1)
		signal.Notify(died, unix.SIGCHLD)
		go func() {
			for range died {
				l.reap()
			}
		}()
	})
}

// start starts a program as the leader of a new session.
func (l *childList) start(path string, argv []string, attr *os.ProcAttr) (*child, error) {
	l.watch()
	l.mu.Lock()
	defer l.mu.Unlock()
	p, err := os.StartProcess(path, argv, attr)
	if err != nil {
		return nil, err
	}
	c := &child{pid: p.Pid, done: make(chan struct{})}
	l.own[c.pid] = c
	p.Release() // only wait4 below ends it
	return c, nil
}

// reap takes every status that is to be had.
func (l *childList) reap() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.adopts {
		for {
			pid, status := wait(-1)
			if pid <= 0 {
				return
			}
			l.ended(pid, status)
		}
	}
	for pid := range l.own {
		if got, status := wait(pid); got == pid {
			l.ended(pid, status)
		}
	}
}

// wait is wait4 without waiting. It returns 0 when there is nothing.
func wait(pid int) (int, unix.WaitStatus) {
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		if !errors.Is(err, unix.EINTR) {
			return got, status
		}
	}
}

// ended notes the end of a child, or of an orphan. It is called with mu held.
func (l *childList) ended(pid int, status unix.WaitStatus) {
	if c := l.own[pid]; c != nil {
		delete(l.own, pid)
		c.status = status
		close(c.done)
	}
}

// leads reports whether a living child of this process leads the session.
func (l *childList) leads(session int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.own[session] != nil
}

// kill sends a signal to a child's process group. It reports false when the
// child has ended.
func (l *childList) kill(c *child, sig syscall.Signal) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.own[c.pid] == c && unix.Kill(-c.pid, sig) == nil
}
