//go:build unix

package prompt

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"hostlab/lab/agent"
)

// follow tells a program on a host when the person's terminal changes its
// size. The returned function ends that.
func follow(fd int, p *agent.Process) (stop func()) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	go func() {
		for range changed {
			if columns, rows, err := term.GetSize(fd); err == nil {
				p.Resize(columns, rows)
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		close(changed)
	}
}
