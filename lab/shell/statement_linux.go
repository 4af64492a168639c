package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// An outcome is how a statement in front ended.
type outcome struct {
	status  int
	signal  unix.Signal // that killed it; 0 when none did
	stopped bool        // it has not ended: it is a stopped job now
	exit    bool        // the shell is to end
}

// signalName is "SIGINT", or "".
func (o outcome) signalName() string {
	if o.signal == 0 {
		return ""
	}
	return unix.SignalName(o.signal)
}

// statement runs one statement: in the background when it says so, else in
// front until it ends or is stopped.
func (s *shell) statement(stmt *syntax.Stmt, text string) outcome {
	rewriteParams(stmt)
	if stmt.Background {
		return s.background(stmt, text)
	}
	before := s.runner.Subshell()
	j := s.newJob(text)
	j.wakes = firstWord(stmt) == "fg"
	s.toFront(j)
	s.goRun(j, s.runner, stmt)
	out := s.waitFront(j)
	if out.exit {
		return out
	}
	if out.stopped && !j.suspended {
		s.runner = before // the other one goes on with the job
	}
	if out.stopped || out.signal != 0 {
		s.setStatus(out.status)
	}
	return out
}

// goRun runs a job's statement on a goroutine of its own.
func (s *shell) goRun(j *job, runner *interp.Runner, stmt *syntax.Stmt) {
	go func() {
		err := runner.Run(j.ctx, stmt)
		s.mu.Lock()
		defer s.mu.Unlock()
		j.status = 1
		var status interp.ExitStatus
		switch {
		case err == nil || errors.As(err, &status):
			j.status = int(status)
			j.exits = runner.Exited()
		case j.ctx.Err() == nil:
			fmt.Fprintf(s.err, "%s: %s\n", s.opts.name, reason(err))
		}
		j.finished, j.begun = true, true
		s.changed.Broadcast()
	}()
}

// waitFront waits until the job in front has ended or is stopped, and takes
// the terminal back. An fg may have put another job in front meanwhile.
func (s *shell) waitFront(j *job) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !j.finished && j.state() != stopped && !s.hangup {
		s.changed.Wait()
	}
	s.front = nil
	if s.hangup {
		return outcome{status: hungUp, exit: true}
	}
	if !j.finished {
		s.shelve(j)
		s.terminal.take()
		return outcome{status: 128 + int(unix.SIGTSTP), stopped: true}
	}
	s.terminal.take()
	if len(j.procs) > 0 { // it left some in the background: { server & }
		s.list(j)
	}
	if j.suspended {
		return outcome{status: 128 + int(unix.SIGTSTP), stopped: true}
	}
	out := outcome{status: j.status, signal: j.killer(), exit: j.exits}
	if out.signal != 0 {
		out.status = 128 + int(out.signal)
	}
	return out
}

// shelve puts a job that was stopped into the table. It is called with mu
// held and before the terminal is taken back.
func (s *shell) shelve(j *job) {
	if s.terminal != nil {
		j.modes, _ = s.terminal.getModes()
	}
	s.list(j)
	j.told = stopped
	if !s.window {
		fmt.Fprintf(s.err, "\n%s\n", s.line(j))
	}
}

// background starts a job that does not have the terminal. It returns when the
// statement is under way, so that $! is known.
func (s *shell) background(stmt *syntax.Stmt, text string) outcome {
	runner := s.runner.Subshell()
	interp.StdIO(s.nothing, s.out, s.err)(runner) // fails for readers that are no file
	j := s.newJob(text)
	front := *stmt
	front.Background = false
	s.goRun(j, runner, &front)

	s.mu.Lock()
	for !j.begun && !s.hangup {
		s.changed.Wait()
	}
	s.list(j)
	pid := j.pid
	if s.terminal != nil && !s.window {
		fmt.Fprintf(s.err, "[%d] %d\n", j.id, pid)
	}
	s.mu.Unlock()
	s.setVariable(lastPID, strconv.Itoa(pid))
	return outcome{}
}

func (s *shell) newJob(text string) *job {
	j := &job{text: text}
	j.ctx, j.cancel = context.WithCancel(context.WithValue(s.ctx, jobKey{}, j))
	return j
}

// list puts a job into the table and makes it the current one. It is called
// with mu held.
func (s *shell) list(j *job) {
	if j.id == 0 {
		j.id = 1
		if n := len(s.jobs); n > 0 {
			j.id = s.jobs[n-1].id + 1
		}
		s.jobs = append(s.jobs, j)
	}
	s.latest = append(slices.DeleteFunc(s.latest, func(k *job) bool { return k == j }), j)
}

// unlist takes a job out of the table. It is called with mu held.
func (s *shell) unlist(j *job) {
	is := func(k *job) bool { return k == j }
	s.jobs = slices.DeleteFunc(s.jobs, is)
	s.latest = slices.DeleteFunc(s.latest, is)
	j.id = 0
}

// lastPID and ownName are the variables behind $! and $0, which the
// interpreter would fill with words of its own.
const (
	lastPID = "HOSTLAB_LAST_PID"
	ownName = "HOSTLAB_SHELL_NAME"
)

func rewriteParams(stmt *syntax.Stmt) {
	syntax.Walk(stmt, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			switch p.Param.Value {
			case "!":
				p.Param.Value = lastPID
			case "0":
				p.Param.Value = ownName
			}
		}
		return true
	})
}

// firstWord is the name of the program of a simple command, when it is plain.
func firstWord(stmt *syntax.Stmt) string {
	if call, ok := stmt.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 {
		return call.Args[0].Lit()
	}
	return ""
}

// setVariable and setStatus set a variable and $? by statements, since the
// interpreter has no other door.
func (s *shell) setVariable(name, value string) {
	if quoted, err := syntax.Quote(value, syntax.LangBash); err == nil {
		s.quietly(name + "=" + quoted)
	}
}

func (s *shell) setStatus(status int) { s.quietly(fmt.Sprintf("(exit %d)", status)) }

func (s *shell) quietly(text string) {
	file, err := newParser().Parse(strings.NewReader(text), "")
	if err == nil {
		s.runner.Run(s.ctx, file.Stmts[0])
	}
}
