package docker

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// The reaper is a child of the process that owns labs: this very program,
// started again, waiting on a pipe for the end of its parent. When the parent
// ends without a word, also by a signal that no program can catch, the reaper
// removes what has the parent's label. Containers end by themselves then;
// networks, and containers between their creation and their start, do not.
//
// The child is caught here, in the initialisation of this package, since the
// program may be any that uses it, a test binary for one, and knows of no verb
// for it. A program that imports this package must not do in its own
// initialisation what may not be done twice.
func init() {
	if o := os.Getenv(reaperOwner); o != "" {
		os.Exit(reap(o, os.Getenv(reaperHost)))
	}
}

const (
	reaperOwner = "HOSTLAB_REAPER_OWNER" // the label to sweep
	reaperHost  = "HOSTLAB_REAPER_HOST"  // the engine's address
	reaperBye   = "bye"                  // what a parent says that has ended its labs itself

	// Requests that the parent had sent go on inside the engine: a pass that
	// finds nothing is not the last one.
	reaperPass  = 500 * time.Millisecond
	reaperQuiet = 6
	reaperMost  = 20 // passes in all: 10 s
)

// A reaper is the parent's end. The zero value has no child yet.
type reaper struct {
	mu   sync.Mutex
	labs int // how many need it
	cmd  *exec.Cmd
	pipe io.WriteCloser // the child's standard input
}

// hold counts one lab more and starts the child for the first one.
func (r *reaper) hold(host string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.labs++
	if r.cmd != nil {
		return nil
	}
	me, err := self()
	if err != nil {
		return err
	}
	path, err := ownProgram()
	if err != nil {
		return err
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), reaperOwner+"="+me.String(), reaperHost+"="+host)
	detach(cmd)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.cmd, r.pipe = cmd, pipe
	return nil
}

// release counts one lab less, which is down, and ends the child after the
// last one.
func (r *reaper) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.labs--
	if r.labs > 0 || r.cmd == nil {
		return nil
	}
	cmd, pipe := r.cmd, r.pipe
	r.cmd, r.pipe = nil, nil
	// A child that was killed can neither be told nor end well.
	io.WriteString(pipe, reaperBye)
	pipe.Close()
	cmd.Wait()
	return nil
}

// reap is the child's whole life. It returns its exit status.
func reap(label, host string) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	word, _ := io.ReadAll(os.Stdin) // any end is the end of the parent
	if string(word) == reaperBye {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), reaperMost*reaperPass+callTimeout)
	defer cancel()
	if err := reapAll(ctx, label, host); err != nil {
		return 1
	}
	return 0
}

// reapAll removes what has the owner's label until nothing more of it appears.
func reapAll(ctx context.Context, label, host string) error {
	c := &connection{endpoint: endpoint{host: host}}
	var err error
	if c.api, err = newClient(host); err != nil {
		return err
	}
	which := labelled(labelOwner, label)
	pass := time.NewTicker(reaperPass)
	defer pass.Stop()
	quiet := 0
	for range reaperMost {
		found, listErr := c.list(ctx, which)
		if err = listErr; err == nil && found.empty() {
			if quiet++; quiet == reaperQuiet {
				return nil
			}
		} else {
			quiet = 0
			err = c.removeOnce(ctx, found)
		}
		<-pass.C
	}
	return fmt.Errorf("docker: reaper: %w", err)
}
