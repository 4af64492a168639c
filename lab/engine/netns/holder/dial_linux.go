package holder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A setup is what a host's process 1 is told before it becomes the agent.
type setup struct {
	Name  string
	Files map[string]string // of /etc
}

// dial starts a host's agent, with the stream as its standard input and output,
// and returns when it runs.
func (l *lab) dial(h *host, files map[string]string, stream *os.File) error {
	<-l.laid
	if l.layErr != nil {
		return l.layErr
	}
	near, far, err := socketPair()
	if err != nil {
		return failed(err, "host %s: socket pair", h.spec.Name)
	}
	defer near.Close()
	err = l.thread.do(h.net, func() error { return l.startAgent(h, stream, far) })
	far.Close()
	if err != nil {
		return fmt.Errorf("host %s: %w", h.spec.Name, err)
	}
	if err := tell(near, setup{Name: h.spec.Name, Files: files}); err != nil {
		return fmt.Errorf("host %s: %w", h.spec.Name, err)
	}
	if !l.hasPaused(h) {
		return nil
	}
	return l.thread.do(l.thread.home, func() error { return h.freeze() })
}

func socketPair() (near, far *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "near end"), os.NewFile(uintptr(fds[1]), "far end"), nil
}

// startAgent starts process 1 of a host. It is called on the thread, in the
// host's network namespace.
func (l *lab) startAgent(h *host, stream, conn *os.File) error {
	if err := h.living(); err != nil {
		return err
	}
	if h.dialed {
		return errors.New("its stream is in use already")
	}
	if err := l.introduce(h); err != nil {
		return err
	}
	pid, ended, err := l.children.start(hostBinary, []string{"host", Name, Enter}, &syscall.ProcAttr{
		Dir: "/", Env: []string{"GOMAXPROCS=1"}, // for that one step: to find out the number takes longer
		Files: []uintptr{stream.Fd(), stream.Fd(), 2, conn.Fd()},
		Sys: &syscall.SysProcAttr{
			Setsid:     true,
			Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		},
	})
	if err != nil {
		return fmt.Errorf("start process 1: %w", err)
	}
	h.dialed, h.agent = true, pid
	go func() {
		<-ended
		l.thread.do(l.thread.home, func() error { return l.bury(h) })
		close(h.gone)
	}()
	return nil
}

// tell hands the setup to a host's process 1 and reads what went wrong: nothing,
// when the connection closes as the agent takes the process over.
func tell(conn *os.File, s setup) error {
	if err := json.NewEncoder(conn).Encode(s); err != nil {
		return fmt.Errorf("process 1: %w", err)
	}
	complaint, err := io.ReadAll(conn)
	if err != nil {
		return fmt.Errorf("process 1: %w", err)
	}
	if len(complaint) == 0 {
		return nil
	}
	e := new(Error)
	if err := json.Unmarshal(complaint, e); err != nil {
		return fmt.Errorf("process 1: %s", complaint)
	}
	return e
}

// kill ends a host, and returns when it is gone.
func (l *lab) kill(h *host) error {
	var running bool
	err := l.thread.do(l.thread.home, func() error {
		if err := h.living(); err != nil {
			return err
		}
		if running = h.agent != 0; running {
			unix.Kill(h.agent, unix.SIGKILL)
		}
		return l.bury(h)
	})
	if running {
		<-h.gone
	}
	return err
}

// bury takes the cables out of a host that has ended and lets its namespace go.
func (l *lab) bury(h *host) error {
	if h.dead {
		return nil
	}
	h.dead = true
	var errs []error
	for _, p := range h.plugs {
		if !p.cut {
			errs = append(errs, l.cut(p))
		}
	}
	h.closeRT()
	h.net.Close()
	return errors.Join(errs...)
}
