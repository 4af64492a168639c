// Package mark is the language in which a window's shell says what it does, in
// band, on the same terminal as the output of its programs, so that "all its
// output, then its end" is an order and not a guess.
//
// The marks are the OSC 133 sequences of terminal shell integration
// (FinalTerm; also iTerm2, VS Code, kitty): ESC ] 133 ; A BEL before a prompt,
// C before a command's output, D with the exit status after it. A terminal
// that does not know them shows nothing.
//
// A program may print anything, also bytes that look like a mark: a recorded
// session shown with cat, or junk. So a window gives its shell a token that
// nobody can guess, in the environment variable HOSTLAB_MARK; the writers here
// put it into each mark (as OSC 133's own option "aid") and the Scanner takes
// marks with another token, or none, for the text that they are. The shell
// keeps both variables from the programs that it starts: see Environ.
package mark

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// WindowEnv is the environment variable which, set to "1", tells a shell
	// that it runs a window: no prompt text, no line editor, marks instead.
	WindowEnv = "HOSTLAB_WINDOW"

	// TokenEnv is the environment variable with the token of the window's
	// marks. It is read by the writers each time; empty or unset means marks
	// without a token. A token is made of letters and digits, at most 64.
	TokenEnv = "HOSTLAB_MARK"
)

// StoppedStatus is the exit status of a stopped command: 128 + SIGTSTP, as
// shells say it.
const StoppedStatus = 148

// A Kind says what an Event is.
type Kind int

// The kinds of events.
const (
	Line    Kind = iota + 1 // one line of output
	Prompt                  // the shell is ready for a command
	Start                   // the shell is about to run a command
	End                     // the command in front has ended
	Stopped                 // the command in front has been stopped; it may go on later
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	names := []string{"none", "line", "prompt", "start", "end", "stopped"}
	if k < 0 || int(k) >= len(names) {
		return "kind " + strconv.Itoa(int(k))
	}
	return names[k]
}

// An Event is one thing that a window's terminal showed.
type Event struct {
	Kind   Kind
	Line   string // Line: the text, without its line end
	Status int    // End: exit status, 0 to 255; Stopped: 148
	Signal string // End: "SIGINT" when a signal killed the command, else ""
}

// WritePrompt says that the shell is ready for a command.
func WritePrompt(w io.Writer) error { return write(w, "A") }

// WriteStart says that all which follows, up to the end, is a command's output.
func WriteStart(w io.Writer) error { return write(w, "C") }

// WriteEnd says that the command in front has ended with an exit status.
// Signal is the full name of the signal that killed it ("SIGINT"), or "".
func WriteEnd(w io.Writer, status int, signal string) error {
	s := "D;" + strconv.Itoa(status)
	if signal != "" {
		s += ";signal=" + signal
	}
	return write(w, s)
}

// WriteStopped says that the command in front has been stopped (SIGTSTP,
// SIGSTOP, SIGTTIN or SIGTTOU) and that the shell goes on without it.
func WriteStopped(w io.Writer) error {
	return write(w, "D;"+strconv.Itoa(StoppedStatus)+";stopped")
}

// Environ returns env without the variables that make a shell a window's
// shell: what the programs of a window are started with, so that a second
// shell in the same window writes no marks.
func Environ(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == WindowEnv || name == TokenEnv
	})
}

// write sends one mark in a single Write: the kernel keeps one short write to
// a terminal together also when a program in the background prints at the same
// time (tty_write holds the terminal's write lock).
func write(w io.Writer, s string) error {
	if token := os.Getenv(TokenEnv); token != "" {
		s += ";aid=" + token
	}
	_, err := io.WriteString(w, "\x1b]133;"+s+"\a")
	return err
}
