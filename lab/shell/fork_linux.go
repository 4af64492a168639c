package shell

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// startProcess starts a program in the process group of its job. A job that is
// stopped starts nothing before it goes on.
func (s *shell) startProcess(ctx context.Context, j *job, path string, args []string, files []*os.File) (*process, error) {
	hc := interp.HandlerCtx(ctx)
	s.starts.Lock() // so that the processes of a pipeline find their group
	defer s.starts.Unlock()
	sys, err := s.place(ctx, j)
	if err != nil {
		return nil, err
	}
	attr := &os.ProcAttr{Dir: hc.Dir, Env: environ(hc.Env), Files: files, Sys: sys}
	child, err := s.fork(path, args, attr)
	if errors.Is(err, unix.EPERM) && sys.Pgid != 0 {
		sys.Pgid = 0 // the group ended just now
		child, err = s.fork(path, args, attr)
	}
	if errors.Is(err, unix.ENOEXEC) { // a script without "#!"
		if self, lookErr := s.look(hc, s.opts.name); lookErr == nil {
			child, err = s.fork(self, append([]string{s.opts.name, path}, args[1:]...), attr)
		}
	}
	if err != nil {
		return nil, err
	}
	defer child.Release()
	group := sys.Pgid
	if sys.Setpgid && group == 0 {
		group = child.Pid
	}
	return s.adopt(j, child.Pid, group), nil
}

// place says in which process group the next process of a job is: a new one,
// which takes the terminal when the job is in front, or that of the others. It
// waits while the job is stopped.
func (s *shell) place(ctx context.Context, j *job) (*syscall.SysProcAttr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j.state() == stopped {
		s.changed.Wait()
	}
	sys := &syscall.SysProcAttr{Setpgid: s.terminal != nil}
	if sys.Setpgid && len(j.procs) > 0 {
		sys.Pgid = j.procs[0].group
	} else if sys.Setpgid && j == s.front {
		sys.Foreground, sys.Ctty = true, s.terminal.fd
	}
	return sys, ctx.Err()
}

// fork starts a child. Ctrl-Z may stop it before it has become its program, and
// then the caller and the lock on forks would wait for it for ever: wakeStrays
// wakes it, and adopt stops it again. It is called with starts held.
func (s *shell) fork(path string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	s.mu.Lock()
	s.forking, s.stray = true, false
	s.mu.Unlock()
	child, err := os.StartProcess(path, args, attr)
	if err != nil {
		s.mu.Lock()
		s.forking = false
		s.mu.Unlock()
	}
	return child, err
}

// wakeStrays wakes stopped children that are on no job's books yet. It is
// called when a child changed, perhaps while another is started.
func (s *shell) wakeStrays() {
	for s.wakeStray() {
		time.Sleep(50 * time.Microsecond)
	}
}

// wakeStray returns whether it must be called again, because the stop of a
// child that is on the books hides others until watch has taken notice of it.
func (s *shell) wakeStray() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var info siginfo
	if !s.forking || unix.Waitid(unix.P_ALL, 0, info.raw(), unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil) != nil || info.pid == 0 {
		return false
	}
	if s.pids[int(info.pid)] {
		return true
	}
	if sig := unix.Signal(info.sig); sig != unix.SIGTTIN && sig != unix.SIGTTOU {
		s.stray = true
	}
	unix.Kill(int(info.pid), unix.SIGCONT)
	return true
}

// siginfo is the kernel's siginfo_t for SIGCHLD on 64-bit machines,
// sigaction(2).
type siginfo struct {
	_   [4]int32 // number, error, code, padding
	pid int32    // child
	_   int32    // its user
	sig int32    // what stopped it, its exit status
	_   [25]int32
}

func (i *siginfo) raw() *unix.Siginfo { return (*unix.Siginfo)(unsafe.Pointer(i)) }
