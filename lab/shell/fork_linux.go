package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// targetEnv names the program that a child of a shell with job control is to
// become: NAME:PATH, the name of the shell for messages and the file.
const targetEnv = "HOSTLAB_TARGET"

// init is the first half of a child's life. Go starts a child with vfork: from
// the fork to the exec the shell's thread stands still, and with it, sooner or
// later, the whole shell. A Ctrl-Z in between would stop the child and so the
// shell for ever. So a child starts with the signals of the keyboard blocked,
// becomes this binary, lets them through with their default actions (now they
// harm nobody else, and no handler of Go's can lose one), and then becomes its
// program.
func init() {
	name, path, ok := strings.Cut(os.Getenv(targetEnv), ":")
	if !ok {
		return
	}
	os.Unsetenv(targetEnv)
	for _, sig := range keySignals {
		defaultAction(sig)
	}
	set := signalSet(keySignals)
	err := unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil) // init has the main thread
	if err == nil {
		err = unix.Exec(path, os.Args, os.Environ())
	}
	if errors.Is(err, unix.ENOEXEC) { // a script without "#!"
		err = unix.Exec("/proc/self/exe", append([]string{name, path}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintf(os.Stderr, "%s: %s: %s\n", name, os.Args[0], reason(err))
	os.Exit(126)
}

// keySignals are the signals that a terminal sends, and what ends a program.
var keySignals = []unix.Signal{
	unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU,
}

func signalSet(list []unix.Signal) (set unix.Sigset_t) {
	for _, sig := range list {
		set.Val[0] |= 1 << (sig - 1)
	}
	return set
}

// without calls f on a thread on which signals are blocked.
func without(list []unix.Signal, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, old := signalSet(list), unix.Sigset_t{}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old); err != nil {
		return err
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	return f()
}

// defaultAction takes a signal away from Go's runtime, rt_sigaction(2).
func defaultAction(sig unix.Signal) {
	var action [4]uint64 // struct sigaction of the kernel; zero is SIG_DFL
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}

// QuitByDefault lets Ctrl-\ (SIGQUIT) end this process as it ends any other,
// without the stack traces of a Go program. A host's main function calls it
// first, but for a shell: what Go's runtime has lost, signal.Notify does not
// bring back.
func QuitByDefault() { defaultAction(unix.SIGQUIT) }

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
	if errors.Is(err, unix.ENOEXEC) { // a script without "#!"; init knows it too
		child, err = s.fork("/proc/self/exe", append([]string{s.opts.name, path}, args[1:]...), attr)
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

// fork starts a child, by way of init when there is job control.
func (s *shell) fork(path string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	if s.terminal == nil {
		return os.StartProcess(path, args, attr)
	}
	through := *attr
	through.Env = append(slices.Clone(attr.Env), targetEnv+"="+s.opts.name+":"+path)
	var child *os.Process
	err := without(keySignals, func() (err error) {
		child, err = os.StartProcess("/proc/self/exe", args, &through)
		return err
	})
	return child, err
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
