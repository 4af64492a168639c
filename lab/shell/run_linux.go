package shell

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"hostlab/lab/mark"
	"hostlab/lab/program"
)

// A shell is one run of sh.
type shell struct {
	opts     options
	ctx      context.Context // when it ends, so do all processes
	in       *os.File        // standard input as it was given
	nothing  *os.File        // stands for in where builtins must not read it
	out, err io.Writer
	terminal *terminal // nil: no job control
	window   bool      // marks, and no words of our own
	lines    lineReader
	runner   *interp.Runner
	past     []string // commands typed, for history

	starts   sync.Mutex    // held while a process is started; taken before mu
	settledc chan struct{} // see settle

	mu      sync.Mutex
	changed *sync.Cond    // a job changed
	jobs    []*job        // those in the background and the stopped, by id
	latest  []*job        // the same; the last one is %+, the one before it %-
	front   *job          // the job that keys are for; nil at the prompt
	busy    bool          // a command runs, though perhaps none of its statements yet
	early   []unix.Signal // keys for its next statement
	hangup  bool          // the terminal is gone, or SIGTERM came
}

// run runs a shell to its end and returns its exit status.
func run(ctx context.Context, opts options, std program.Stdio) int {
	s := &shell{opts: opts, ctx: ctx, out: std.Out, err: std.Err, settledc: make(chan struct{}, 1)}
	s.changed = sync.NewCond(&s.mu)
	if err := s.open(std); err != nil {
		fmt.Fprintf(std.Err, "%s: %v\n", opts.name, err)
		return 1
	}
	defer s.close()
	switch {
	case opts.isScript:
		return s.script(opts.name, []byte(opts.command))
	case opts.file != "":
		text, err := os.ReadFile(opts.file)
		if err != nil {
			fmt.Fprintf(std.Err, "%s: %s: %s\n", opts.name, opts.file, reason(err))
			return 127
		}
		return s.script(opts.file, text)
	}
	return s.loop()
}

// open finds out where the shell is: in a window, at a terminal, or neither.
func (s *shell) open(std program.Stdio) error {
	var err error
	if s.nothing, err = os.Open(os.DevNull); err != nil {
		return err
	}
	interactive := !s.opts.isScript && s.opts.file == "" && isTerminal(std.In) && isTerminal(std.Out)
	if s.in, err = fileOf(std.In); err != nil {
		return err
	}
	in := s.in
	if interactive {
		s.terminal = openTerminal()
		s.window = os.Getenv(mark.WindowEnv) == "1"
	}
	if s.terminal != nil {
		in = s.terminal.input
	}
	s.lines = s.newLineReader(interactive, in)
	if s.terminal != nil {
		s.catchSignals()
		if s.window {
			s.terminal.quiet()
		}
	}
	s.runner, err = interp.New(
		interp.Env(expand.ListEnviron(mark.Environ(os.Environ())...)),
		interp.StdIO(in, s.out, s.err),
		interp.Interactive(interactive),
		interp.Params(append([]string{"--"}, s.opts.params...)...),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
	)
	if err == nil {
		s.setVariable(ownName, s.opts.zero())
	}
	return err
}

// fileOf returns a file to read r's bytes from, for a shell and its children.
func fileOf(r io.Reader) (*os.File, error) {
	switch r := r.(type) {
	case *os.File:
		return r, nil
	case nil:
		return os.Open(os.DevNull)
	}
	pr, pw, err := os.Pipe()
	if err == nil {
		go func() {
			io.Copy(pw, r)
			pw.Close()
		}()
	}
	return pr, err
}

func (s *shell) close() {
	s.endJobs()
	s.lines.close()
	s.nothing.Close()
	if s.terminal != nil {
		s.terminal.take()
		s.terminal.close()
	}
}

// catchSignals takes the keys' signals, and those that end the shell. They are
// caught and not ignored, because programs would inherit that.
func (s *shell) catchSignals() {
	keys := make(chan os.Signal, 16)
	signal.Notify(keys, unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGHUP, unix.SIGTERM, settled)
	go func() {
		for sig := range keys {
			switch sig {
			case settled:
				select {
				case s.settledc <- struct{}{}:
				default: // somebody else's
				}
			case unix.SIGHUP, unix.SIGTERM:
				s.hangUp()
			default:
				s.deliver(sig.(unix.Signal))
			}
		}
	}()
}

// hangUp ends the shell: its terminal is gone.
func (s *shell) hangUp() {
	s.mu.Lock()
	s.hangup = true
	if s.front != nil {
		s.front.cancel()
	}
	s.lines.close()
	s.changed.Broadcast()
	s.mu.Unlock()
	s.endJobs()
}

// endJobs ends every job as the end of a terminal does: SIGHUP, and SIGCONT so
// that the stopped ones see it.
func (s *shell) endJobs() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal == nil {
		return // a script's jobs stay
	}
	list := s.jobs
	if s.front != nil {
		list = append(list[:len(list):len(list)], s.front)
	}
	for _, j := range list {
		j.signal(unix.SIGHUP)
		j.signal(unix.SIGCONT)
	}
}

// script runs a whole text.
func (s *shell) script(name string, text []byte) int {
	file, err := newParser().Parse(bytes.NewReader(text), name)
	if err != nil {
		fmt.Fprintf(s.err, "%s: %v\n", s.opts.name, err)
		return 2
	}
	var last outcome
	for _, stmt := range file.Stmts {
		if last = s.statement(stmt, source(string(text), stmt)); last.exit {
			return last.status
		}
	}
	s.runner.Run(s.ctx, &syntax.File{}) // the trap for EXIT
	return last.status
}

func newParser() *syntax.Parser {
	return syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(false))
}

// source is a statement as it was typed, in one line.
func source(text string, stmt *syntax.Stmt) string {
	from, to := int(stmt.Pos().Offset()), int(stmt.End().Offset())
	if from > to || to > len(text) {
		return ""
	}
	line := strings.TrimRight(text[from:to], "&; \t\n")
	return strings.Join(strings.Fields(line), " ")
}
