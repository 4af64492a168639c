package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"mvdan.cc/sh/v3/shell"
)

// Exit statuses of a command that could not be started, as shells give them.
const (
	statusMisuse   = 2   // the command line is not one
	statusPanic    = 2   // as Go gives it
	statusNotRun   = 126 // found, but not to be run
	statusNotFound = 127
)

// A session is one SSH channel on which one thing is run (RFC 4254 section 6).
type session struct {
	server *server
	ch     ssh.Channel

	env     []string
	term    *ptyRequest
	started bool               // something runs in it: a process, a subsystem, or a refusal
	process *process           // nil when that is no process
	cancel  context.CancelFunc // nil unless it is a program within the agent
}

// run serves the session's requests until the channel or the connection ends,
// and then ends its process. It waits for nothing else: the library's read loop
// waits for it.
func (s *session) run(reqs <-chan *ssh.Request) {
	defer func() {
		if s.process != nil {
			s.process.abort()
		}
		if s.cancel != nil {
			s.cancel()
		}
	}()
	for {
		select {
		case req, ok := <-reqs:
			if !ok {
				return
			}
			if then := s.answer(req); then != nil {
				then()
			}
		case <-s.server.ctx.Done():
			go ssh.DiscardRequests(reqs)
			return
		}
	}
}

// answer grants or refuses a request. Meanwhile the process, which the request
// may have killed, does not close the channel.
func (s *session) answer(req *ssh.Request) (then func()) {
	if s.process != nil {
		s.process.answering.Lock()
		defer s.process.answering.Unlock()
	}
	ok, then := s.request(req)
	req.Reply(ok, nil)
	return then
}

// request reports whether the request is granted, and what to do once that is
// answered: what is started could close the channel before its answer.
func (s *session) request(req *ssh.Request) (ok bool, then func()) {
	var named namedRequest
	switch req.Type {
	case "env":
		var m envRequest
		return ssh.Unmarshal(req.Payload, &m) == nil && s.setenv(m.Name, m.Value), nil
	case "pty-req":
		var m ptyRequest
		if s.started || ssh.Unmarshal(req.Payload, &m) != nil {
			return false, nil
		}
		s.term = &m
		return s.setenv("TERM", m.Term), nil
	case "shell":
		return s.start(func() { s.exec([]string{"sh"}) })
	case "exec":
		if ssh.Unmarshal(req.Payload, &named) == nil {
			return s.start(func() { s.command(named.Name) })
		}
	case withinRequest:
		if ssh.Unmarshal(req.Payload, &named) == nil {
			return s.within(named.Name)
		}
	case "subsystem":
		if ssh.Unmarshal(req.Payload, &named) == nil && named.Name == "sftp" {
			return s.start(s.sftp)
		}
	case "signal":
		return ssh.Unmarshal(req.Payload, &named) == nil && s.signal(named.Name), nil
	case "window-change":
		var m windowChange
		return ssh.Unmarshal(req.Payload, &m) == nil && s.process != nil && s.process.resize(m), nil
	}
	return false, nil
}

// start grants f, once in a session.
func (s *session) start(f func()) (ok bool, then func()) {
	if s.started {
		return false, nil
	}
	s.started = true
	return true, f
}

// setenv sets a variable for the program; the last value counts.
func (s *session) setenv(name, value string) bool {
	if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
		return false
	}
	s.env = setenv(s.env, name, value)
	return true
}

func setenv(env []string, name, value string) []string {
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return append(env, name+"="+value)
}

// environ is the agent's environment with the session's variables in it.
func (s *session) environ() []string {
	env := os.Environ()
	for _, v := range s.env {
		name, value, _ := strings.Cut(v, "=")
		env = setenv(env, name, value)
	}
	return env
}

func (s *session) getenv(name string) string {
	for _, v := range s.environ() {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// command runs a command line: words quoted as for a shell, in which
// variables count, but no shell.
func (s *session) command(line string) {
	argv, err := shell.Fields(line, s.getenv)
	if err != nil {
		s.refuse(statusMisuse, fmt.Sprintf("command line: %v", err))
		return
	}
	if len(argv) == 0 {
		s.refuse(statusMisuse, "command line: empty; want a program")
		return
	}
	s.exec(argv)
}

// exec starts a program, or tells why not.
func (s *session) exec(argv []string) {
	path, err := lookPath(argv[0], s.getenv("PATH"))
	if err == nil {
		s.process, err = s.server.startProcess(s.ch, path, argv, s.environ(), s.term)
	}
	var errno syscall.Errno
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		s.refuse(statusNotFound, argv[0]+": not found")
	case errors.As(err, &errno):
		s.refuse(statusNotRun, argv[0]+": "+errno.Error())
	default:
		s.refuse(statusNotRun, argv[0]+": "+err.Error())
	}
}

// lookPath finds a program as execvp(3) does: in path, when its name has no
// slash. It tells fs.ErrPermission from fs.ErrNotExist.
func lookPath(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if path == "" {
		path = defaultPath
	}
	err := error(syscall.ENOENT)
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		switch info, statErr := os.Stat(file); {
		case name == "" || statErr != nil || info.IsDir():
		case info.Mode()&0o111 == 0:
			err = syscall.EACCES
		default:
			return file, nil
		}
	}
	return "", err
}

// refuse ends the session with a message and a status. The message may have to
// wait for the client to read.
func (s *session) refuse(status uint32, message string) {
	go func() {
		fmt.Fprintf(s.ch.Stderr(), "agent: %s\n", message)
		s.end(status)
	}()
}

// end tells the exit status of what was no process.
func (s *session) end(status uint32) {
	s.ch.SendRequest("exit-status", false, ssh.Marshal(exitStatus{status}))
	s.ch.CloseWrite()
	s.ch.Close()
}

// sftp serves the host's file system. Relative names start at the agent's
// working directory.
func (s *session) sftp() {
	go func() {
		status := uint32(1)
		if f, err := sftp.NewServer(s.ch); err == nil {
			if f.Serve() == nil {
				status = 0
			}
			f.Close()
		}
		s.end(status)
	}()
}

// signal reports whether the process was there to take it. Whatever the
// signal, a program within the agent is told to end.
func (s *session) signal(name string) bool {
	n, ok := signalNumber(name)
	if ok && s.cancel != nil {
		s.cancel()
		return true
	}
	if !ok || s.process == nil {
		return false
	}
	sig := syscall.Signal(n)
	if s.term == nil && (sig == syscall.SIGTSTP || sig == syscall.SIGTTIN || sig == syscall.SIGTTOU) {
		// The leader of a session without a terminal is in an orphaned process
		// group, for which the kernel drops these three (POSIX 2.4.3).
		sig = syscall.SIGSTOP
	}
	return children.kill(s.process.child, sig)
}
