package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

// A computer is what a refusal of namespaces depends on.
type computer struct {
	root     bool
	limits   map[string]int // /proc/sys/user/max_*_namespaces, by the word in the middle
	userns   string         // /proc/sys/kernel/unprivileged_userns_clone, which some kernels have (Debian's)
	apparmor string         // /proc/sys/kernel/apparmor_restrict_unprivileged_userns (Ubuntu's)
	seccomp  bool           // a filter of system calls is on, as in a container
}

// lookAround reads what this computer says of itself. What it does not say is
// left out.
func lookAround() computer {
	c := computer{root: os.Geteuid() == 0, limits: map[string]int{}}
	for _, kind := range []string{"user", "net", "mnt", "pid", "uts", "ipc"} {
		if n, err := strconv.Atoi(proc("sys/user/max_" + kind + "_namespaces")); err == nil {
			c.limits[kind] = n
		}
	}
	c.userns = proc("sys/kernel/unprivileged_userns_clone")
	c.apparmor = proc("sys/kernel/apparmor_restrict_unprivileged_userns")
	for line := range strings.Lines(proc("self/status")) {
		if value, ok := strings.CutPrefix(line, "Seccomp:"); ok {
			c.seccomp = strings.TrimSpace(value) != "0"
		}
	}
	return c
}

// proc returns a file of /proc without the spaces around it, or "".
func proc(name string) string {
	b, err := os.ReadFile("/proc/" + name)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}

// inContainer are the options with which a container of the Docker engine may
// make namespaces (docker-run(1)).
const inContainer = "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined ..."

// explain says what a refusal of the kernel means on this computer, and what
// to do. What is not the kernel's is returned as it is.
func explain(err error) error {
	var errno unix.Errno
	if err == nil || !errors.As(err, &errno) {
		return err
	}
	why, mend := lookAround().explain(errno, err.Error())
	if why == "" {
		return err
	}
	return hint.Add(fmt.Errorf("%w: %w: %s", err, engine.ErrUnavailable, why), "%s", mend)
}

// explain names the cause of a refusal and the way out; "" when it is none of
// those that are known.
func (c computer) explain(errno unix.Errno, step string) (why, mend string) {
	switch errno {
	case unix.ENOSPC: // namespaces(7): the limit of a user, here or in a namespace around this one
		return c.limit()
	case unix.EPERM, unix.EACCES:
		return c.forbidden(step)
	case unix.EINVAL, unix.ENOSYS:
		if strings.Contains(step, "start the holder") {
			return "this kernel has no user namespaces (CONFIG_USER_NS)", "hostlab ... --engine docker"
		}
	case unix.EOPNOTSUPP:
		return "this kernel has no bridge or no veth (CONFIG_BRIDGE, CONFIG_VETH)", "sudo modprobe -a bridge veth"
	case unix.EAGAIN:
		return "the limit of processes is reached", "ulimit -u unlimited"
	case unix.EMFILE, unix.ENFILE:
		return "the limit of open files is reached; each host is one or two", "ulimit -n 65536"
	}
	return "", ""
}

func (c computer) limit() (why, mend string) {
	for _, kind := range []string{"user", "net", "mnt", "pid", "uts", "ipc"} {
		if n, ok := c.limits[kind]; ok && n < 32 {
			return fmt.Sprintf("user.max_%s_namespaces is %d", kind, n), fmt.Sprintf("sudo sysctl -w user.max_%s_namespaces=15000", kind)
		}
	}
	return "the limit of namespaces is reached, of this user or of a container around",
		"sysctl user.max_user_namespaces user.max_net_namespaces   # then raise them, on the computer itself if this is a container"
}

func (c computer) forbidden(step string) (why, mend string) {
	switch {
	case c.userns == "0" && !c.root:
		return "kernel.unprivileged_userns_clone is 0: only root may make namespaces", "sudo sysctl -w kernel.unprivileged_userns_clone=1"
	case c.apparmor == "1" && !c.root:
		return "AppArmor lets users make a namespace and forbids them to use it (kernel.apparmor_restrict_unprivileged_userns is 1)",
			"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
	case strings.Contains(step, "mount proc"):
		return "parts of /proc are masked here, as in a container", inContainer
	case c.seccomp:
		return "a seccomp filter forbids to make namespaces, as in a container", inContainer
	}
	return "a security module forbids to make or to use namespaces", "sudo dmesg | tail   # says which, as a rule"
}
