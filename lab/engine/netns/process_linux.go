package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"hostlab/lab/engine/netns/holder"
)

// A process is a running holder, and this side of the connection to it.
type process struct {
	cmd    *exec.Cmd
	conn   *holder.Conn
	stderr *tail
	gone   chan struct{} // closed when the connection and the holder have ended

	mu      sync.Mutex
	next    int
	waiting map[int]func(holder.Answer) // by request
	refusal error                       // what it said before any request

	ending sync.Once
}

// namespaces are what a holder gets of its own, but for the user namespace.
const namespaces = unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC

// nobody is who root's labs run as: a hole in them would not be root's.
const nobody = 65534

// start starts a holder. The caller ends it.
func start(binary *os.File) (*process, error) {
	conn, far, err := holder.Pair()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	p := &process{conn: conn, stderr: &tail{}, gone: make(chan struct{}), waiting: map[int]func(holder.Answer){}}
	for _, a := range attributes(os.Geteuid(), os.Getegid()) {
		p.cmd = &exec.Cmd{
			Path: fmt.Sprintf("/proc/self/fd/%d", binary.Fd()), Args: []string{"host", holder.Name, holder.Hold},
			Dir: "/", Env: []string{"GOMAXPROCS=2"}, // to find out the number takes longer
			Stderr: p.stderr, ExtraFiles: []*os.File{far}, SysProcAttr: a,
		}
		startErr := p.cmd.Start()
		if startErr == nil {
			go p.receive()
			return p, nil
		}
		if err == nil { // the first says most
			err = fmt.Errorf("netns: start the holder: %w", startErr)
		}
	}
	conn.Close()
	return nil, explain(err)
}

// attributes are those of a holder, the best first: root in a user namespace in
// which there is nobody else, and in a session of its own, so that Ctrl-C does
// not reach it. To the computer it is the caller, or nobody where that is root;
// in a container that has no nobody it is root. Where root may not make user
// namespaces it can do without.
func attributes(uid, gid int) []*syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | namespaces, Setsid: true}
	all := []*syscall.SysProcAttr{a}
	if uid == 0 {
		all = append(all, &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true})
		if hasID("uid_map", nobody) && hasID("gid_map", nobody) {
			uid, gid = nobody, nobody
			a.GidMappingsEnableSetgroups = true
			a.Credential = &syscall.Credential{} // become 0 in there, without groups
		}
	}
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	return all
}

// hasID reports whether there is a user or a group of that number in this
// process's user namespace (user_namespaces(7), "User and group ID mappings").
func hasID(file string, id int) bool {
	for line := range strings.Lines(proc("self/" + file)) {
		var first, outside, count int
		if n, _ := fmt.Sscan(line, &first, &outside, &count); n == 3 && first <= id && id-first < count {
			return true
		}
	}
	return false
}

// receive hands the answers to those who wait for them, until the connection
// ends, and the holder with it.
func (p *process) receive() {
	defer close(p.gone)
	defer p.end()
	for {
		var a holder.Answer
		if _, err := p.conn.Receive(&a); err != nil {
			return
		}
		p.mu.Lock()
		f := p.waiting[a.ID]
		if a.Ended {
			delete(p.waiting, a.ID)
		}
		if a.ID == 0 && a.Error != nil {
			p.refusal = a.Error
		}
		p.mu.Unlock()
		if f != nil {
			f(a)
		}
	}
}

// call sends a request and waits for its end. Progress may be nil.
func (p *process) call(ctx context.Context, r holder.Request, progress func(done int), files ...*os.File) error {
	ended := make(chan error, 1)
	p.mu.Lock()
	p.next++
	r.ID = p.next
	p.waiting[r.ID] = func(a holder.Answer) {
		switch {
		case !a.Ended:
			if progress != nil {
				progress(a.Done)
			}
		case a.Error != nil:
			ended <- a.Error
		default:
			ended <- nil
		}
	}
	p.mu.Unlock()
	if err := p.conn.Send(r, files...); err != nil {
		<-p.gone // whatever it said before it went
		return p.lost()
	}
	select {
	case err := <-ended:
		return err
	case <-p.gone:
		select {
		case err := <-ended:
			return err
		default:
			return p.lost()
		}
	case <-ctx.Done():
		return fmt.Errorf("netns: %s: %w", r.Op, ctx.Err())
	}
}

// isGone reports whether the holder has ended.
func (p *process) isGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// lost says why the connection ended.
func (p *process) lost() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch text := p.stderr.String(); {
	case p.refusal != nil:
		return p.refusal
	case text != "":
		return fmt.Errorf("netns: the lab's process 1 has ended: %s", text)
	}
	return errors.New("netns: the lab's process 1 has ended")
}

// end ends the holder and all that is in its pid namespace. When it returns,
// no process of the lab is left.
func (p *process) end() {
	p.ending.Do(func() {
		p.conn.Close()
		p.cmd.Process.Kill()
		p.cmd.Wait() // with the status of a kill, which is no news
	})
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
