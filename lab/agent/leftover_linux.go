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
		killAll(func(p procfs.ProcStat) bool {
			// A session's number is taken as long as it has a process. Without
			// one, it may already be that of a new session of ours.
			return ended[p.Session] && !children.leads(p.Session)
		})
	}
}

// killAll kills every process that chosen picks, and what they started
// meanwhile, until there is none.
func killAll(chosen func(procfs.ProcStat) bool) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return // no /proc: the process groups were killed already, the rest ends with process 1
	}
	// A process that does not die of SIGKILL, in the middle of a disk's answer
	// say, must not keep us.
	for deadline := time.Now().Add(killGrace); time.Now().Before(deadline); {
		alive := 0
		all, _ := proc.AllProcs()
		for _, p := range all {
			stat, err := p.Stat()
			if err != nil || stat.State == "Z" || stat.State == "X" || !chosen(stat) {
				continue
			}
			alive++
			unix.Kill(stat.PID, unix.SIGKILL)
		}
		if alive == 0 {
			return
		}
		time.Sleep(time.Millisecond) // the time to die
	}
}

// killOthers ends every process that this one is answerable for: all of the
// host in process 1, else all descendants.
func killOthers() {
	if os.Getpid() == 1 {
		unix.Kill(-1, unix.SIGKILL)
		return
	}
	killAll(func(p procfs.ProcStat) bool { return descends(p, os.Getpid()) })
}

// descends reports whether a process has this ancestor.
func descends(p procfs.ProcStat, ancestor int) bool {
	for p.PPID > 1 {
		if p.PPID == ancestor {
			return true
		}
		parent, err := procfs.NewProc(p.PPID)
		if err != nil {
			return false
		}
		if p, err = parent.Stat(); err != nil {
			return false
		}
	}
	return false
}
