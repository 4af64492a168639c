package netns_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"hostlab/lab/agent"
	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

// install lets a filter of system calls act on all threads of this process.
func install(filter []unix.SockFilter) error {
	const setModeFilter, flagTSync = 1, 1
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, flagTSync, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// inNamespaces has a command run as root of a user namespace of its own, with
// more namespaces.
func inNamespaces(flags uintptr) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | flags,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
}

// refusedBy spoils something for this process, and wants the engine to say so.
func refusedBy(spoil func() (cause string, err error)) error {
	cause, err := spoil()
	if err != nil {
		return err
	}
	_, err = newEngine().Up(context.Background(), lan("192.168.5.0/24", 2), engine.Options{})
	findings := newEngine().Check(context.Background())
	spoken := slices.ContainsFunc(findings, func(f engine.Finding) bool {
		return !f.OK && strings.Contains(f.Detail, cause) && f.Mend != ""
	})
	if !errors.Is(err, engine.ErrUnavailable) || !strings.Contains(err.Error(), cause) || hint.Of(err) == "" || !spoken {
		return errors.New("got " + err.Error() + " with the hint " + hint.Of(err) + "; want the cause: " + cause)
	}
	return nil
}

// limitNamespaces is called in a user namespace, whose limits are its own.
func limitNamespaces() (string, error) {
	return "user.max_net_namespaces is 0", os.WriteFile("/proc/sys/user/max_net_namespaces", []byte("0"), 0)
}

// forbidNamespaces lets the system call clone fail for new namespaces, as the
// Docker engine does for containers (seccomp(2)).
func forbidNamespaces() (string, error) {
	const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE, Jt: 0, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // its first argument
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: newNamespaces, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	return "a seccomp filter", install(filter)
}

// withoutUserNamespaces: root may go without one, and its hosts may still do no
// more than three capabilities let them.
func withoutUserNamespaces() error {
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return err
	}
	ctx := context.Background()
	l, err := newEngine().Up(ctx, lan("192.168.5.0/24", 2), engine.Options{})
	if err != nil {
		return err
	}
	defer l.Down(ctx)
	c, err := connect(ctx, l, "h0")
	if err != nil {
		return err
	}
	defer c.Close()
	var out strings.Builder
	p, err := c.Start(ctx, agent.Command{Args: []string{"sh", "-c", "ping -c 1 h1 && cat /proc/self/status"}, Stdout: &out})
	if err != nil {
		return err
	}
	if status, err := p.Wait(); err != nil || status.Code != 0 || !strings.Contains(out.String(), "CapEff:\t0000000000003400") {
		return fmt.Errorf("%+v, %v: %s", status, err, out.String())
	}
	return nil
}

// Refusals that a computer may have in store, and what is said of them.
func TestRefusalsAreExplained(t *testing.T) {
	for _, role := range []string{"no-namespaces", "seccomp"} {
		t.Run(role, func(t *testing.T) { play(t, role, 0) })
	}
}

func TestRootWithoutUserNamespaces(t *testing.T) { play(t, "no-users", 0) }

// play runs this binary in a role, as root of a user namespace.
func play(t *testing.T, role string, flags uintptr) {
	t.Helper()
	cmd := self(t, role)
	cmd.SysProcAttr = inNamespaces(flags)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
