package agent

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
	"mvdan.cc/sh/v3/shell"

	"hostlab/lab/program"
)

// within runs a command line in this process. It is refused when there is a
// terminal, or the program is not one of those that were given to Serve.
func (s *session) within(line string) (ok bool, then func()) {
	argv, err := shell.Fields(line, s.getenv)
	if err != nil || len(argv) == 0 || s.term != nil {
		return false, nil
	}
	p, ok := s.server.programs[argv[0]]
	if !ok {
		return false, nil
	}
	return s.start(func() {
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(s.server.ctx)
		s.server.sessions.Go(func() {
			status := s.call(ctx, p, argv[1:])
			if ctx.Err() != nil { // whatever it says: it was cut short
				s.ch.SendRequest("exit-signal", false, ssh.Marshal(exitSignal{Signal: "KILL"}))
				s.ch.Close()
				return
			}
			s.end(status)
		})
	})
}

// call runs a program with the session's streams. What it prints is sent at
// its end, or in large pieces. Should it panic, the host lives on.
func (s *session) call(ctx context.Context, p program.Program, args []string) (status uint32) {
	out := bufio.NewWriterSize(s.ch, 32<<10) // one SSH packet
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(s.ch.Stderr(), "%s: panic: %v\n", p.Name, r)
			status = statusPanic
		}
	}()
	defer out.Flush()
	return uint32(p.Run(ctx, program.Stdio{In: strings.NewReader(""), Out: out, Err: s.ch.Stderr()}, args...))
}
