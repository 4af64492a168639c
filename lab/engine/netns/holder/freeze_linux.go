package holder

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// freezeTimeout is how long the processes of a host may take to stop.
const freezeTimeout = 5 * time.Second

// hasPaused reports whether a host is paused.
func (l *lab) hasPaused(h *host) (paused bool) {
	l.thread.do(nil, func() error { paused = h.paused; return nil })
	return paused
}

func (l *lab) pause(h *host) error {
	if err := h.living(); err != nil {
		return err
	}
	if h.paused {
		return fmt.Errorf("host %s: it is paused already", h.spec.Name)
	}
	h.paused = true
	return h.freeze()
}

// freeze stops every process of a host, process 1 first, and remembers which
// were stopped before.
func (h *host) freeze() error {
	if h.agent == 0 {
		return nil // dial looks again
	}
	unix.Kill(h.agent, unix.SIGSTOP)
	h.asleep = nil
	for deadline := time.Now().Add(freezeTimeout); ; time.Sleep(200 * time.Microsecond) {
		all, err := h.processes()
		if err != nil {
			return err
		}
		first, awake := h.asleep == nil, 0
		if first {
			h.asleep = map[int]bool{}
		}
		for _, p := range all {
			stopped := p.state == "T" || p.state == "t"
			switch {
			case stopped && first && p.pid != h.agent:
				h.asleep[p.pid] = true
			case !stopped:
				awake++
				unix.Kill(p.pid, unix.SIGSTOP)
			}
		}
		if awake == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("host %s: %d processes do not stop", h.spec.Name, awake)
		}
	}
}

// resume lets a host's processes go on, process 1 last, but for those that
// were stopped when the host was paused.
func (l *lab) resume(h *host) error {
	if err := h.living(); err != nil {
		return err
	}
	if !h.paused {
		return fmt.Errorf("host %s: it is not paused", h.spec.Name)
	}
	h.paused = false
	if h.agent == 0 {
		return nil
	}
	all, err := h.processes()
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(all) { // as a rule, children have higher numbers
		if !h.asleep[p.pid] {
			unix.Kill(p.pid, unix.SIGCONT)
		}
	}
	return nil
}

// A process is one of a host, by the holder's numbers.
type process struct {
	pid   int
	state string // proc_pid_stat(5)
}

// processes returns what runs in a host, by number: what is in the same pid
// namespace as its process 1. Those that have ended are left out.
func (h *host) processes() ([]process, error) {
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", h.agent))
	if err != nil {
		return nil, fmt.Errorf("host %s: process 1: %w", h.spec.Name, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", h.spec.Name, err)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)); err != nil || ns != namespace {
			continue // of another host, or gone
		}
		p, err := procfs.NewProc(pid)
		if err != nil {
			continue
		}
		if stat, err := p.Stat(); err == nil && !strings.ContainsAny(stat.State, "ZX") {
			all = append(all, process{pid, stat.State})
		}
	}
	slices.SortFunc(all, func(a, b process) int { return a.pid - b.pid })
	return all, nil
}
