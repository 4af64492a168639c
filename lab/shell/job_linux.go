package shell

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A job is one statement that runs: the interpreter's goroutine and the
// processes that it started. Its fields are guarded by shell.mu.
type job struct {
	id     int    // number in the table, from 1; 0 before it is there
	text   string // the statement as it was typed
	ctx    context.Context
	cancel context.CancelFunc
	wakes  bool // the statement is an fg: signals that come early are its job's

	procs []*process      // those that live
	pid   int             // the last process started
	begun bool            // a process was started, or a builtin called
	early []unix.Signal   // signals that came before there was a process
	modes *unix.Termios   // of the terminal, while the job is stopped
	cause unix.WaitStatus // how the last process ended that a signal ended

	told        state // what the user was last told of it
	finished    bool  // the statement has ended
	interrupted bool  // ... because of Ctrl-C
	suspended   bool  // ... because the job that its fg woke was stopped again
	status      int   // exit status of the statement
	exits       bool  // it was an exit
}

// A process is one child of the shell, alive until its end has been waited for.
type process struct {
	pid, group int // group is 0 in a shell without job control
	stopped    bool
	status     unix.WaitStatus
	done       chan struct{} // closed after status is set
}

type state int

const (
	running state = iota
	stopped
	done
)

// state tells what a job does. A stopped job may have processes that ignore
// the stop only for a moment: it counts as stopped when all have.
func (j *job) state() state {
	if len(j.procs) > 0 && !slices.ContainsFunc(j.procs, func(p *process) bool { return !p.stopped }) {
		return stopped
	}
	if j.finished && len(j.procs) == 0 {
		return done
	}
	return running
}

// signal sends sig to every process group that the job has processes in.
func (j *job) signal(sig unix.Signal) {
	var sent []int
	for _, p := range j.procs {
		if to := p.address(); !slices.Contains(sent, to) {
			sent = append(sent, to)
			unix.Kill(to, sig)
		}
	}
}

// address is what kill(2) reaches the process's group by; in a shell without
// job control, the process alone.
func (p *process) address() int {
	if p.group == 0 {
		return p.pid
	}
	return -p.group
}

// wake lets a stopped job go on.
func (j *job) wake() {
	for _, p := range j.procs {
		p.stopped = false
	}
	j.told = running
	j.signal(unix.SIGCONT)
}

// interrupt ends the statement as Ctrl-C does, once its processes are dead or
// were never there.
func (j *job) interrupt() {
	j.interrupted = true
	j.cancel()
}

// killer is the signal that ended the job's statement, or 0.
func (j *job) killer() unix.Signal {
	switch {
	case j.interrupted:
		return unix.SIGINT
	case j.cause.Signaled() && j.status == 128+int(j.cause.Signal()):
		return j.cause.Signal()
	}
	return 0
}

// hasTerminal tells whether the terminal is the job's.
func (j *job) hasTerminal(t *terminal) bool {
	front := t.front()
	return slices.ContainsFunc(j.procs, func(p *process) bool { return p.group == front })
}

// deliver takes a signal of the keyboard that reached the shell itself: at the
// prompt, or while a statement in front has no process that has the terminal.
func (s *shell) deliver(sig unix.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.front != nil:
		s.front.deliver(sig)
	case s.busy:
		s.early = append(s.early, sig)
	}
}

// settle returns when the shell has taken notice of every signal sent to it so
// far. A key pressed while a child is forked reaches both; without this the
// shell's part could be late and hit the next command.
func (s *shell) settle() {
	if s.terminal == nil {
		return
	}
	// The kernel hands over the lowest signal first, and this is the highest
	// that the shell takes.
	for unix.Kill(unix.Getpid(), settled) == nil {
		select {
		case <-s.settledc:
			return
		case <-time.After(100 * time.Millisecond): // lost among too many others
		}
	}
}

const settled = unix.SIGIO

// deliver gives a job a signal that the shell got in its place.
func (j *job) deliver(sig unix.Signal) {
	switch {
	case len(j.procs) > 0:
		j.signal(sig)
	case sig == unix.SIGINT && !j.wakes:
		j.early = append(j.early, sig) // for a process that is just being started
		j.interrupt()
	default:
		j.early = append(j.early, sig)
	}
}

// toFront makes a job the one that keys are for, also those pressed since the
// command began.
func (s *shell) toFront(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = j
	for _, sig := range s.early {
		j.deliver(sig)
	}
	s.early = nil
}

// setBusy begins and ends a command: in between, keys are for its statements.
func (s *shell) setBusy(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.early = on, nil
}

// adopt puts a new child of a job on the books and waits for it in the
// background. The signals that the job got while the child was started are the
// child's too.
func (s *shell) adopt(j *job, pid, group int) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	asleep := j.state() == stopped
	p := &process{pid: pid, group: group, done: make(chan struct{}), stopped: asleep}
	j.procs = append(j.procs, p)
	j.pid, j.begun = pid, true
	if j == s.front && s.terminal.front() != group {
		s.terminal.give(group)
	}
	if asleep {
		unix.Kill(pid, unix.SIGTSTP)
	}
	for _, sig := range j.early {
		unix.Kill(p.address(), sig)
	}
	j.early = nil
	if j.interrupted {
		unix.Kill(p.address(), unix.SIGINT) // the key came between the others and this one
	}
	if s.hangup {
		unix.Kill(p.address(), unix.SIGHUP)
		unix.Kill(p.address(), unix.SIGCONT)
	}
	s.changed.Broadcast()
	go s.watch(j, p)
	return p
}

// watch follows a child to its end.
func (s *shell) watch(j *job, p *process) {
	flags := unix.WUNTRACED | unix.WCONTINUED
	if s.terminal == nil {
		flags = 0
	}
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(p.pid, &ws, flags, nil)
		if err == unix.EINTR {
			continue
		}
		s.mu.Lock()
		switch {
		case err == nil && ws.Stopped():
			if !changedAgain(p.pid) {
				s.childStopped(j, p, ws.StopSignal())
			}
		case err == nil && ws.Continued():
			p.stopped = false
		default: // the end; or somebody else has waited for it (ECHILD)
			s.childEnded(j, p, ws)
			s.mu.Unlock()
			return
		}
		s.changed.Broadcast()
		s.mu.Unlock()
	}
}

// changedAgain tells whether a child that was stopped has gone on or ended
// since: fg may have come before the news of the stop.
func changedAgain(pid int) bool {
	var info siginfo
	err := unix.Waitid(unix.P_PID, pid, info.raw(), unix.WEXITED|unix.WCONTINUED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.pid != 0
}

// childStopped is called with mu held.
func (s *shell) childStopped(j *job, p *process, sig unix.Signal) {
	if j == s.front && (sig == unix.SIGTTIN || sig == unix.SIGTTOU) && s.terminal.front() == p.group {
		// It used the terminal in the moment before it was given to it.
		again := stopPending(p.pid)
		unix.Kill(-p.group, unix.SIGCONT)
		if again {
			unix.Kill(-p.group, unix.SIGTSTP)
		}
		return
	}
	p.stopped = true
	if j.state() != stopped {
		// The rest of a pipeline, also what was started just now and never saw
		// the key, stops with it.
		for _, other := range j.procs {
			if !other.stopped {
				unix.Kill(other.pid, unix.SIGTSTP)
			}
		}
	}
}

// stopPending tells whether Ctrl-Z waits for a stopped process, which SIGCONT
// would throw away: proc_pid_status(5), ShdPnd.
func stopPending(pid int) bool {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if word, ok := strings.CutPrefix(line, "ShdPnd:"); ok {
			set, _ := strconv.ParseUint(strings.TrimSpace(word), 16, 64)
			return set&(1<<(unix.SIGTSTP-1)) != 0
		}
	}
	return false
}

// childEnded is called with mu held.
func (s *shell) childEnded(j *job, p *process, ws unix.WaitStatus) {
	p.status = ws
	if ws.Signaled() {
		j.cause = ws
		if s.terminal != nil && j == s.front && ws.Signal() == unix.SIGINT {
			j.interrupt()
		}
	}
	j.procs = slices.DeleteFunc(j.procs, func(q *process) bool { return p == q })
	if s.terminal != nil && j == s.front && !j.hasTerminal(s.terminal) {
		// The next key is the shell's: it knows what to do with it.
		if len(j.procs) > 0 {
			s.terminal.give(j.procs[0].group)
		} else {
			s.terminal.give(s.terminal.group)
		}
	}
	close(p.done)
	s.changed.Broadcast()
}
