package agent

import (
	"os"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// A sweeper kills what is left of sessions whose leader has ended. It looks
// through /proc, off the path of the session's own end, once for all the
// sessions that ended meanwhile.
type sweeper struct {
	mu      sync.Mutex
	ended   map[int]bool // sessions to look for
	running bool
	idle    sync.WaitGroup
}

// sweep kills the processes of a session soon.
func (s *sweeper) sweep(session int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = make(map[int]bool)
	}
	s.ended[session] = true
	if !s.running {
		s.running = true
		s.idle.Go(s.run)
	}
}

// wait waits until all is swept. No sweep may begin meanwhile.
func (s *sweeper) wait() { s.idle.Wait() }

func (s *sweeper) run() {
	for {
		s.mu.Lock()
		ended := s.ended
		s.ended = nil
		s.running = len(ended) > 0
		s.mu.Unlock()
		if len(ended) == 0 {
			return
		}
		killAll(func(p procfs.Proc) bool {
			// A session's number is taken as long as it has a process. Without
			// one, it may already be that of a new session of ours. (getsid is
			// a hundred times quicker than to read /proc/PID/stat.)
			session, err := unix.Getsid(p.PID)
			return err == nil && ended[session] && !children.leads(session)
		})
	}
}

// killAll kills every process that chosen picks, and what they started
// meanwhile, until there is none.
func killAll(chosen func(procfs.Proc) bool) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return // no /proc: what is left ends with process 1
	}
	// A process that does not die of SIGKILL, in the middle of a disk's answer
	// say, must not keep us.
	for deadline := time.Now().Add(killGrace); time.Now().Before(deadline); {
		alive := 0
		all, _ := proc.AllProcs()
		for _, p := range all {
			if chosen(p) && living(p) {
				alive++
				unix.Kill(p.PID, unix.SIGKILL)
			}
		}
		if alive == 0 {
			return
		}
		time.Sleep(time.Millisecond) // the time to die
	}
}

// living reports whether a process is there and no zombie.
func living(p procfs.Proc) bool {
	stat, err := p.Stat()
	return err == nil && stat.State != "Z" && stat.State != "X"
}

// killOthers ends every process that this one is answerable for: all of the
// host in process 1, else all descendants.
func killOthers() {
	if os.Getpid() == 1 {
		unix.Kill(-1, unix.SIGKILL)
		return
	}
	killAll(func(p procfs.Proc) bool { return descends(p, os.Getpid()) })
}

// descends reports whether a process has this ancestor.
func descends(p procfs.Proc, ancestor int) bool {
	for {
		stat, err := p.Stat()
		if err != nil || stat.PPID <= 1 {
			return false
		}
		if stat.PPID == ancestor {
			return true
		}
		if p, err = procfs.NewProc(stat.PPID); err != nil {
			return false
		}
	}
}
