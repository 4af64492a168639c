package shell

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"hostlab/lab/mark"
)

// A lineReader reads commands, line by line. It takes no byte that is behind
// the line's end: what was typed ahead is for the program that runs next.
type lineReader interface {
	// line returns the next line without its end; io.EOF at the end of input;
	// errInterrupted when Ctrl-C was pressed instead.
	line(prompt string) (string, error)

	// close makes a waiting line, and each later one, return io.EOF. Any
	// goroutine may call it, more than once.
	close()
}

var errInterrupted = errors.New("interrupted")

func (s *shell) newLineReader(interactive bool, in *os.File) lineReader {
	switch term := os.Getenv("TERM"); {
	case interactive && s.terminal != nil && !s.window && term != "" && term != "dumb":
		return newEditor(s)
	case interactive && !s.window:
		return &plainLines{in: in, terminal: s.terminal, prompts: s.out}
	}
	return &plainLines{in: in, terminal: s.terminal, prompts: io.Discard}
}

// plainLines reads lines byte by byte from a file, without an editor.
type plainLines struct {
	in       *os.File
	terminal *terminal // nil when the file is none
	prompts  io.Writer
}

func (l *plainLines) line(prompt string) (string, error) {
	io.WriteString(l.prompts, prompt)
	var text []byte
	for {
		var b [1]byte
		n, err := l.in.Read(b[:])
		switch {
		case n == 1 && b[0] == '\n':
			return string(text), nil
		case n == 1 && l.terminal != nil && b[0] == keyInterrupt:
			io.WriteString(l.prompts, "\n")
			return "", errInterrupted
		case n == 1 && l.terminal != nil && (b[0] == keyStop || b[0] == keyQuit):
		case n == 1:
			text = append(text, b[0])
		case err != nil && len(text) > 0 && err == io.EOF:
			return string(text), nil
		case err != nil:
			return "", io.EOF // also EIO: the terminal is gone
		}
	}
}

func (l *plainLines) close() { l.in.SetReadDeadline(time.Unix(1, 0)) }

// A command is one or more statements that were typed together.
type command struct {
	text  string
	stmts []*syntax.Stmt
	err   error // of the syntax
}

// read returns the next command: a line, or several when it goes on (quotes,
// "here" documents, a pipe or a backslash at the end of the line). io.EOF ends
// the input.
func (s *shell) read() (command, error) {
	prompt := s.prompt()
	var text strings.Builder
	for {
		line, err := s.lines.line(prompt)
		switch {
		case err == io.EOF && text.Len() > 0:
			return parse(text.String()), nil
		case err != nil:
			return command{text: text.String()}, err
		}
		text.WriteString(line + "\n")
		if c := parse(text.String()); !goesOn(line) && !syntax.IsIncomplete(c.err) {
			return c, nil
		}
		prompt = "> "
	}
}

func parse(text string) command {
	file, err := newParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return command{text: text, err: err}
	}
	return command{text: text, stmts: file.Stmts}
}

// goesOn tells whether a line ends with a backslash that escapes its end.
func goesOn(line string) bool {
	trimmed := strings.TrimRight(line, `\`)
	return (len(line)-len(trimmed))%2 == 1 && !strings.HasPrefix(strings.TrimSpace(line), "#")
}

// hungUp is the exit status of a shell that was ended from outside.
const hungUp = 128 + int(unix.SIGHUP)

// loop reads and runs commands to the end of input.
func (s *shell) loop() int {
	status := 0
	for {
		s.notify()
		if s.terminal != nil {
			s.terminal.reading(true)
		}
		if s.window {
			mark.WritePrompt(s.out)
		}
		c, err := s.readAgain()
		if s.ended() {
			return hungUp
		}
		if err != nil {
			s.runner.Run(s.ctx, &syntax.File{}) // the trap for EXIT
			return status
		}
		if len(c.stmts) == 0 && c.err == nil {
			continue
		}
		s.past = append(s.past, strings.TrimSpace(c.text))
		out := s.command(c)
		status = out.status
		if out.exit {
			return status
		}
	}
}

// readAgain is read, until Ctrl-C does not throw the input away.
func (s *shell) readAgain() (command, error) {
	for {
		c, err := s.read()
		if err != errInterrupted || s.ended() {
			return c, err
		}
		s.setStatus(130)
		if s.window && c.text != "" {
			mark.WritePrompt(s.out) // the half command is thrown away
		}
	}
}

// ended tells whether the shell is to end without being asked.
func (s *shell) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hangup || s.ctx.Err() != nil
}

// command runs what was typed, statement by statement. After one that was
// stopped or that Ctrl-C ended, those behind it on the line are left out.
func (s *shell) command(c command) outcome {
	s.setBusy(true)
	defer s.setBusy(false)
	if s.terminal != nil {
		s.terminal.reading(false)
	}
	if s.window {
		mark.WriteStart(s.out)
	}
	out := s.statements(c)
	s.settle()
	if s.window {
		s.markEnd(out)
	}
	return out
}

// statements is command without what stands around it.
func (s *shell) statements(c command) (out outcome) {
	if c.err != nil {
		fmt.Fprintf(s.err, "%s: %v\n", s.opts.name, c.err)
		s.setStatus(2)
		return outcome{status: 2}
	}
	for _, stmt := range c.stmts {
		out = s.statement(stmt, source(c.text, stmt))
		if s.terminal != nil && !s.window {
			s.tell(out)
		}
		if out.exit || out.stopped || s.terminal != nil && out.signal == unix.SIGINT {
			return out
		}
	}
	return out
}

func (s *shell) markEnd(out outcome) {
	if out.stopped {
		mark.WriteStopped(s.out)
		return
	}
	mark.WriteEnd(s.out, out.status, out.signalName())
}

// tell says at a prompt what ended a statement, when it was a signal.
func (s *shell) tell(out outcome) {
	switch {
	case out.signal == 0 || out.stopped || out.signal == unix.SIGPIPE:
	case out.signal == unix.SIGINT:
		fmt.Fprintln(s.err) // the terminal has shown ^C
	default:
		fmt.Fprintln(s.err, signalText(out.signal))
	}
}
