package shell

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ergochat/readline"
)

// An editor reads lines with editing, history and completion.
type editor struct {
	*readline.Instance
	keys *keys
}

func newEditor(s *shell) lineReader {
	k := &keys{in: s.terminal.input, out: s.out}
	edit, err := readline.NewFromConfig(&readline.Config{
		Stdin: k, Stdout: k, Stderr: k,
		AutoComplete:   &completer{s},
		HistoryFile:    historyFile(),
		EOFPrompt:      "exit",
		Undo:           true,
		FuncMakeRaw:    s.terminal.raw,
		FuncExitRaw:    func() error { return s.terminal.setModes(s.terminal.modes) },
		FuncIsTerminal: func() bool { return true },
		FuncFilterInputRune: func(r rune) (rune, bool) {
			// Nothing is stopped here; NUL is what the kernel makes of a Ctrl-D
			// that was typed ahead.
			return r, r != readline.CharCtrlZ && r != 0
		},
	})
	if err != nil {
		return &plainLines{in: s.terminal.input, prompts: s.out}
	}
	return &editor{edit, k}
}

// historyFile is in the home directory when that can be written, else "":
// then the history is in memory alone.
func historyFile() string {
	home := os.Getenv("HOME")
	if home == "" {
		return ""
	}
	name := filepath.Join(home, ".sh_history")
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return ""
	}
	f.Close()
	return name
}

func (e *editor) line(prompt string) (string, error) {
	e.SetPrompt(prompt)
	line, err := e.ReadLine()
	if errors.Is(err, readline.ErrInterrupt) {
		err = errInterrupted
	}
	return line, err
}

func (e *editor) close() {
	e.keys.close()
	e.Close()
}

// patience is how long the editor waits for a terminal that was asked where
// its cursor is.
const patience = 500 * time.Millisecond

// keys is the editor's side of the terminal. It hands on one byte per read, so
// that the editor leaves alone what it does not need, and answers the editor's
// question for the cursor (DSR, ECMA-48 8.3.35) in the place of a terminal
// that does not: else the editor would wait for ever.
type keys struct {
	in  *os.File
	out io.Writer

	mu      sync.Mutex
	asked   bool   // the terminal's answer is due
	mute    bool   // it does not answer
	escape  bool   // inside an escape sequence
	answers []byte // given in the terminal's place
	closed  bool
}

var (
	cursorQuery  = []byte("\x1b[6n")
	cursorAnswer = []byte("\x1b[1;1R")
)

// Write hands output to the terminal.
func (k *keys) Write(b []byte) (int, error) {
	if bytes.Contains(b, cursorQuery) {
		k.mu.Lock()
		if k.mute {
			k.answers = append(k.answers, cursorAnswer...)
			k.in.SetReadDeadline(time.Unix(1, 0))
			k.mu.Unlock()
			return len(b), nil
		}
		k.asked = true
		k.in.SetReadDeadline(time.Now().Add(patience))
		k.mu.Unlock()
	}
	return k.out.Write(b)
}

// Read returns one byte.
func (k *keys) Read(p []byte) (int, error) {
	for {
		if b, ok := k.answer(); ok {
			p[0] = b
			return 1, nil
		}
		n, err := k.in.Read(p[:1])
		switch {
		case n == 1:
			k.saw(p[0])
			return 1, nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case !k.late():
			return 0, io.EOF
		}
	}
}

// answer returns the next byte given in the terminal's place.
func (k *keys) answer() (byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.answers) == 0 {
		return 0, false
	}
	b := k.answers[0]
	k.answers = k.answers[1:]
	return b, true
}

// saw looks for the terminal's own answer among the keys.
func (k *keys) saw(b byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case b == '\x1b':
		k.escape = true
	case k.escape && b == 'R':
		k.asked, k.escape = false, false
		if !k.closed {
			k.in.SetReadDeadline(time.Time{})
		}
	case k.escape && !strings.ContainsRune("[;0123456789", rune(b)):
		k.escape = false
	}
}

// late is called when the deadline of a read has passed. It returns false when
// the reader is closed.
func (k *keys) late() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	if k.asked {
		k.asked, k.mute = false, true
		k.answers = append(k.answers, cursorAnswer...)
	}
	k.in.SetReadDeadline(time.Time{})
	return true
}

func (k *keys) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.in.SetReadDeadline(time.Unix(1, 0))
}
