package netns

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

func TestExplain(t *testing.T) {
	open := map[string]int{"user": 96000, "net": 96000}
	const clone = "netns: start the holder: fork/exec: operation not permitted"
	for _, tt := range []struct {
		name  string
		c     computer
		errno unix.Errno
		step  string
		why   string // "" that nothing is known of it
		mend  string
	}{
		{"limit 0", computer{limits: map[string]int{"user": 0}}, unix.ENOSPC, clone, "user.max_user_namespaces is 0", "sudo sysctl -w user.max_user_namespaces="},
		{"another limit", computer{limits: map[string]int{"user": 99, "net": 1}}, unix.ENOSPC, clone, "user.max_net_namespaces is 1", "sudo sysctl -w user.max_net_namespaces="},
		{"limit around", computer{limits: open}, unix.ENOSPC, clone, "of a container around", "sysctl user.max_user_namespaces"},
		{"Debian's switch", computer{userns: "0"}, unix.EPERM, clone, "only root may make namespaces", "kernel.unprivileged_userns_clone=1"},
		{"which is not root's", computer{userns: "0", root: true}, unix.EPERM, clone, "a security module", "dmesg"},
		{"Ubuntu's, late", computer{apparmor: "1"}, unix.EACCES, "netns: make mounts private: permission denied", "AppArmor lets users", "apparmor_restrict_unprivileged_userns=0"},
		{"container", computer{seccomp: true}, unix.EPERM, clone, "a seccomp filter", "seccomp=unconfined"},
		{"its /proc", computer{}, unix.EPERM, "netns: mount proc: operation not permitted", "parts of /proc are masked", "systempaths=unconfined"},
		{"no such namespaces", computer{}, unix.EINVAL, clone, "CONFIG_USER_NS", "--engine docker"},
		{"no bridge", computer{}, unix.EOPNOTSUPP, "netns: bridge of network lan: operation not supported", "CONFIG_BRIDGE", "modprobe"},
		{"processes", computer{}, unix.EAGAIN, clone, "limit of processes", "ulimit -u"},
		{"files", computer{}, unix.EMFILE, "netns: host h9: open a network namespace", "limit of open files", "ulimit -n"},
		{"a setting's value", computer{}, unix.EINVAL, "netns: setting net.ipv4.ip_forward = many: invalid argument", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			why, mend := tt.c.explain(tt.errno, tt.step)
			if why == "" != (tt.why == "") || !strings.Contains(why, tt.why) || !strings.Contains(mend, tt.mend) {
				t.Errorf("%q, %q; want %q, %q", why, mend, tt.why, tt.mend)
			}
		})
	}
}

func TestExplainKeepsTheError(t *testing.T) {
	err := explain(fmt.Errorf("netns: start the holder: %w", unix.ENOSPC))
	if !errors.Is(err, engine.ErrUnavailable) || !errors.Is(err, unix.ENOSPC) || hint.Of(err) == "" {
		t.Errorf("%v; hint %q", err, hint.Of(err))
	}
	mine := errors.New("not the kernel's")
	if got := explain(mine); got != mine {
		t.Errorf("%v became %v", mine, got)
	}
	if explain(nil) != nil {
		t.Error("nothing became an error")
	}
}
