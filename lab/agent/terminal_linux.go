package agent

import (
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal of the size and with the modes that a
// pty-req asks for. The caller closes both ends.
func openTerminal(req ptyRequest) (front, back *os.File, err error) {
	master, back, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	if err := setTerminal(back, req); err != nil {
		master.Close()
		back.Close()
		return nil, nil, err
	}
	front, err = unblocked(master)
	master.Close()
	if err != nil {
		back.Close()
		return nil, nil, err
	}
	return front, back, nil
}

// unblocked returns f again as a file that reads by the poller, with
// deadlines. (pty.Open asks the file for its descriptor, which makes it block.)
func unblocked(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func setTerminal(back *os.File, req ptyRequest) error {
	if err := resize(back, windowChange{Columns: req.Columns, Rows: req.Rows}); err != nil {
		return err
	}
	fd := int(back.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return os.NewSyscallError("tcgets", err)
	}
	decodeModes(req.Modes, func(op uint8, value uint32) { setMode(t, op, value) })
	return os.NewSyscallError("tcsets", unix.IoctlSetTermios(fd, unix.TCSETS, t))
}

// resize sets a terminal's size, which sends SIGWINCH to its foreground.
func resize(f *os.File, m windowChange) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	size := &unix.Winsize{Col: uint16(min(m.Columns, 1<<16-1)), Row: uint16(min(m.Rows, 1<<16-1))}
	var set error
	err = raw.Control(func(fd uintptr) { set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	if err != nil {
		return err
	}
	return os.NewSyscallError("tiocswinsz", set)
}

// setMode sets one of the modes of RFC 4254 section 8 that Linux has. Speeds
// and sizes of a character mean nothing on a pseudo-terminal.
func setMode(t *unix.Termios, op uint8, value uint32) {
	if i, ok := keyModes[op]; ok {
		t.Cc[i] = uint8(value)
		if value == 255 {
			t.Cc[i] = 0 // no key: _POSIX_VDISABLE
		}
		return
	}
	flags, mask := &t.Lflag, localModes[op]
	if m, ok := inputModes[op]; ok {
		flags, mask = &t.Iflag, m
	} else if m, ok := outputModes[op]; ok {
		flags, mask = &t.Oflag, m
	}
	if value == 0 {
		*flags &^= mask
	} else {
		*flags |= mask
	}
}

// The opcodes of RFC 4254 section 8 and RFC 8160 (IUTF8), and what termios(3)
// calls them.
var (
	keyModes = map[uint8]int{
		1: unix.VINTR, 2: unix.VQUIT, 3: unix.VERASE, 4: unix.VKILL, 5: unix.VEOF, 6: unix.VEOL, 7: unix.VEOL2,
		8: unix.VSTART, 9: unix.VSTOP, 10: unix.VSUSP, 12: unix.VREPRINT, 13: unix.VWERASE, 14: unix.VLNEXT,
		16: unix.VSWTC, 18: unix.VDISCARD,
	}
	inputModes = map[uint8]uint32{
		30: unix.IGNPAR, 31: unix.PARMRK, 32: unix.INPCK, 33: unix.ISTRIP, 34: unix.INLCR, 35: unix.IGNCR,
		36: unix.ICRNL, 37: unix.IUCLC, 38: unix.IXON, 39: unix.IXANY, 40: unix.IXOFF, 41: unix.IMAXBEL,
		42: unix.IUTF8,
	}
	localModes = map[uint8]uint32{
		50: unix.ISIG, 51: unix.ICANON, 52: unix.XCASE, 53: unix.ECHO, 54: unix.ECHOE, 55: unix.ECHOK,
		56: unix.ECHONL, 57: unix.NOFLSH, 58: unix.TOSTOP, 59: unix.IEXTEN, 60: unix.ECHOCTL,
		61: unix.ECHOKE, 62: unix.PENDIN,
	}
	outputModes = map[uint8]uint32{
		70: unix.OPOST, 71: unix.OLCUC, 72: unix.ONLCR, 73: unix.OCRNL, 74: unix.ONOCR, 75: unix.ONLRET,
	}
)
