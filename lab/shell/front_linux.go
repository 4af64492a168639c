package shell

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// fg puts a job in front again, in the place of the statement that says so,
// and returns when it has ended or was stopped once more.
func (s *shell) fg(ctx context.Context, hc interp.HandlerContext, args []string) int {
	if len(args) > 1 {
		return complain(hc, 2, "fg: one job at a time\nUsage: fg [%%N]")
	}
	self, _ := ctx.Value(jobKey{}).(*job)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal == nil || s.front != self {
		return complain(hc, 1, "fg: no job control here")
	}
	word := strings.Join(args, "")
	j := s.find(word)
	if j == nil {
		return complain(hc, 1, "fg: %s: no such job", orCurrent(word))
	}
	fmt.Fprintln(hc.Stdout, j.text)
	s.putInFront(j, self)
	for !j.finished && j.state() != stopped && !s.hangup {
		s.changed.Wait()
	}
	return s.putBack(j, self)
}

// putInFront wakes a job and gives it the terminal: in this order, because
// SIGCONT would make it forget a Ctrl-Z that reached it before. One that uses
// the terminal too early is woken again by childStopped. It is called with mu
// held.
func (s *shell) putInFront(j, self *job) {
	s.front = j
	if len(j.procs) > 0 {
		s.terminal.setModes(j.modes)
		j.wake()
		s.terminal.give(j.procs[0].group)
	}
	for _, sig := range self.early {
		j.signal(sig)
	}
	self.early = nil
	s.changed.Broadcast()
}

// putBack ends the statement self, which waited for j, with j's outcome. It is
// called with mu held.
func (s *shell) putBack(j, self *job) int {
	s.front = self
	if !j.finished {
		if !s.hangup {
			s.shelve(j)
		}
		s.terminal.take()
		self.suspended = true
		self.cancel() // what stands behind fg on its line waits for nobody
		return 128 + int(unix.SIGTSTP)
	}
	s.terminal.take()
	if len(j.procs) == 0 {
		s.unlist(j)
	}
	if j.interrupted {
		self.interrupt()
	}
	self.cause = j.cause
	return j.status
}

// wait waits for jobs in the background: those named by job or process number,
// else all. Stopped ones are not waited for.
func (s *shell) wait(ctx context.Context, hc interp.HandlerContext, args []string) int {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})()
	if len(args) == 0 {
		if err := hc.Builtin(ctx, []string{"wait"}); err != nil { // for { program & }
			return 1
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(args) == 0 {
		for s.anyRunning() && ctx.Err() == nil {
			s.changed.Wait()
		}
		if s.window || s.terminal == nil {
			s.forget()
		}
		return 0
	}
	status := 0
	for _, arg := range args {
		j := s.findProcess(arg)
		if j == nil {
			status = complain(hc, 127, "wait: %s: no such job", arg)
			continue
		}
		for j.state() == running && ctx.Err() == nil {
			s.changed.Wait()
		}
		status = j.status
		if j.state() == done {
			s.unlist(j)
		}
	}
	return status
}

func (s *shell) anyRunning() bool {
	for _, j := range s.jobs {
		if j.state() == running {
			return true
		}
	}
	return false
}

// findProcess is find, and takes the number of a process too.
func (s *shell) findProcess(word string) *job {
	if strings.HasPrefix(word, "%") {
		return s.find(word)
	}
	for _, j := range s.jobs {
		if fmt.Sprint(j.pid) == word {
			return j
		}
	}
	return nil
}
