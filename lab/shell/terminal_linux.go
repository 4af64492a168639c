package shell

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A terminal is the controlling terminal of a shell with job control; nil is a
// shell without, whose processes stay in its own process group.
type terminal struct {
	// input is the shell's own open file on the terminal. It does not block,
	// so that reads end when the shell must end; programs get the terminal as
	// the shell got it, since O_NONBLOCK would be theirs too.
	input *os.File

	fd    int           // for ioctl; another open file, which may block
	group int           // the shell's own process group
	modes *unix.Termios // what the shell wants at its prompt
}

// openTerminal returns the controlling terminal, or nil when there is none:
// then there is no job control.
func openTerminal() *terminal {
	t := &terminal{fd: -1}
	for _, path := range []string{"/dev/tty", "/proc/self/fd/0"} {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		t.fd = fd
		if t.input, err = os.OpenFile(path, os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err != nil {
			break
		}
		if t.claim() != nil {
			break
		}
		return t
	}
	t.close()
	return nil
}

// claim makes the shell the leader of a process group in front.
func (t *terminal) claim() error {
	t.group = unix.Getpgrp()
	for tries := 0; t.front() != t.group; tries++ {
		if tries == 16 {
			return errors.New("shell: terminal: in the background, and nobody brings us to the front")
		}
		// Stop until somebody brings us to the front; who started us may be
		// just about to. A group without such a parent is not stopped.
		if err := unix.Kill(0, unix.SIGTTIN); err != nil {
			return err
		}
	}
	if pid := unix.Getpid(); t.group != pid {
		if err := unix.Setpgid(0, 0); err != nil {
			return err
		}
		t.group = pid
		if err := t.give(t.group); err != nil {
			return err
		}
	}
	var err error
	t.modes, err = t.getModes()
	return err
}

// give puts a process group in front; nil does nothing. SIGTTOU is blocked meanwhile, as
// tcsetpgrp(3) demands of a caller that is not in front itself; it is not
// ignored, because programs would inherit that.
func (t *terminal) give(group int) error {
	if t == nil {
		return nil
	}
	return without([]unix.Signal{unix.SIGTTOU}, func() error { return unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) })
}

// take puts the shell in front and gives the terminal its modes back, which a
// program may have changed before it died.
func (t *terminal) take() {
	if t == nil {
		return
	}
	t.give(t.group)
	t.setModes(t.modes)
}

// front returns the process group in front, or 0.
func (t *terminal) front() int {
	if t == nil {
		return 0
	}
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

func (t *terminal) getModes() (*unix.Termios, error) {
	return unix.IoctlGetTermios(t.fd, unix.TCGETS)
}

// setModes changes the modes at once and keeps what was typed ahead.
func (t *terminal) setModes(m *unix.Termios) error {
	if m == nil {
		return nil
	}
	return without([]unix.Signal{unix.SIGTTOU}, func() error { return unix.IoctlSetTermios(t.fd, unix.TCSETS, m) })
}

// quiet sets the modes of a window: lines, no echo, and keys like Ctrl-C that
// do not throw away output which nobody has read yet (NOFLSH, termios(3)).
func (t *terminal) quiet() {
	t.modes.Lflag &^= unix.ECHO | unix.ECHONL
	t.modes.Lflag |= unix.ICANON | unix.ISIG | unix.NOFLSH
	t.modes.Iflag |= unix.ICRNL
	t.setModes(t.modes)
}

// Keys that are bytes of a line while one is read without an editor.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keyQuit      = 0x1c // Ctrl-\
	keyStop      = 0x1a // Ctrl-Z
)

// reading sets the modes in which lines are read, or the usual ones. While a
// line is read keys are bytes and no signals, so that each stays in its place
// between what was typed before and after it; Ctrl-C ends the line.
func (t *terminal) reading(on bool) {
	m := *t.modes
	if on {
		m.Lflag &^= unix.ISIG
		m.Cc[unix.VEOL] = keyInterrupt
	}
	t.setModes(&m)
}

func (t *terminal) close() {
	if t.input != nil {
		t.input.Close()
	}
	if t.fd >= 0 {
		unix.Close(t.fd)
	}
}

// isTerminal tells whether v is a file open on a terminal.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// raw lets each key through at once, for the editor. Output stays as it is.
func (t *terminal) raw() error {
	m := *t.modes
	m.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	m.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	m.Cc[unix.VMIN], m.Cc[unix.VTIME] = 1, 0
	return t.setModes(&m)
}
