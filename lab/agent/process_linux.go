package agent

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// A process is a session's program with its streams.
type process struct {
	server *server
	ch     ssh.Channel
	child  *child

	in       io.WriteCloser // where the client's data goes
	terminal *os.File       // the front of its terminal, or nil
	outputs  []*os.File     // what it prints: one terminal, or stdout and stderr

	aborted chan struct{} // closed when the client does not want it any more
	once    sync.Once

	answering sync.Mutex // held while the channel must stay open for an answer
}

// streams are a process's files: ours, and its own three.
type streams struct {
	in       io.WriteCloser
	terminal *os.File
	outputs  []*os.File
	child    []*os.File
}

// startProcess starts a program and serves its streams until its end.
func (srv *server) startProcess(ch ssh.Channel, path string, argv, env []string, term *ptyRequest) (*process, error) {
	st, err := openStreams(term)
	if err != nil {
		return nil, err
	}
	sys := &syscall.SysProcAttr{Setsid: true, Setctty: term != nil}
	c, err := children.start(path, argv, &os.ProcAttr{Env: env, Files: st.child[:3], Sys: sys})
	for _, f := range st.child {
		f.Close()
	}
	if err != nil {
		st.in.Close()
		for _, f := range st.outputs {
			f.Close()
		}
		return nil, err
	}
	p := &process{
		server: srv, ch: ch, child: c, in: st.in, terminal: st.terminal, outputs: st.outputs,
		aborted: make(chan struct{}),
	}
	go p.input()
	srv.sessions.Go(p.serve)
	return p, nil
}

func openStreams(term *ptyRequest) (streams, error) {
	if term != nil {
		front, back, err := openTerminal(*term)
		if err != nil {
			return streams{}, err
		}
		return streams{in: front, terminal: front, outputs: []*os.File{front}, child: []*os.File{back, back, back}}, nil
	}
	var files []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return streams{}, err
		}
		files = append(files, r, w)
	}
	return streams{
		in:      files[1],
		outputs: []*os.File{files[2], files[4]},
		child:   []*os.File{files[0], files[3], files[5]},
	}, nil
}

// abort kills the process.
func (p *process) abort() { p.once.Do(func() { close(p.aborted) }) }

// resize reports whether the process has a terminal.
func (p *process) resize(m windowChange) bool {
	return p.terminal != nil && resize(p.terminal, m) == nil
}

// serve delivers the output, then the status, and ends the session.
func (p *process) serve() {
	copied := make(chan struct{})
	go func() {
		p.output()
		close(copied)
	}()
	p.close(p.drained(copied))
	p.end()
}

// close closes the channel, after the status if that is wanted.
func (p *process) close(wanted bool) {
	p.answering.Lock()
	defer p.answering.Unlock()
	if wanted {
		p.ch.SendRequest(p.status())
		p.ch.CloseWrite()
	}
	p.ch.Close()
}

// drained waits for the end of the main process, and until all that it wrote
// is with the client. It reports false when the client does not want it.
func (p *process) drained(copied <-chan struct{}) bool {
	select {
	case <-p.child.done: // closing its output is not its end
	case <-p.aborted:
		return false
	}
	grace := time.NewTimer(Grace)
	defer grace.Stop()
	select {
	case <-copied:
		return true
	case <-p.aborted:
		return false
	case <-grace.C:
	}
	// Another process holds the output open, or the client is slow. What the
	// main process wrote is in the pipe, and no more than that is waited for.
	for _, f := range p.outputs {
		f.SetReadDeadline(time.Now())
	}
	select {
	case <-copied:
		return true
	case <-p.aborted:
		return false
	}
}

// end kills what is left of the process and its session, and waits for its
// death, though not for ever: a process in the middle of a disk's answer does
// not die.
func (p *process) end() {
	children.kill(p.child, unix.SIGKILL)
	p.in.Close()
	for _, f := range p.outputs {
		f.Close()
	}
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-p.child.done:
	case <-timer.C:
	}
	p.server.sweeper.sweep(p.child.pid)
}

// status returns the arguments of SendRequest for the way the process ended.
func (p *process) status() (kind string, wantReply bool, payload []byte) {
	if s := p.child.status; s.Signaled() {
		name := signalName(int(s.Signal()))
		return "exit-signal", false, ssh.Marshal(exitSignal{Signal: name, Core: s.CoreDump(), Message: s.Signal().String()})
	}
	return "exit-status", false, ssh.Marshal(exitStatus{uint32(p.child.status.ExitStatus())})
}

// output copies what the process prints to the client.
func (p *process) output() {
	targets := []io.Writer{p.ch, p.ch.Stderr()}
	var copies sync.WaitGroup
	for i, f := range p.outputs {
		copies.Go(func() { copyOutput(targets[i], f) })
	}
	copies.Wait()
}

// copyOutput copies until the end of src (EIO when src is a terminal), and
// when its read deadline has passed only what is there already. A dst that
// fails ends it: the client is gone.
func copyOutput(dst io.Writer, src *os.File) {
	buf := make([]byte, 32<<10) // one SSH packet
	for {
		n, err := src.Read(buf)
		if _, gone := dst.Write(buf[:n]); gone != nil {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			copyRest(dst, src, buf)
			return
		}
		if err != nil {
			return
		}
	}
}

// copyRest copies what src holds, and at most as much as a pipe can hold
// (pipe(7)), since others may go on writing.
func copyRest(dst io.Writer, src *os.File, buf []byte) {
	src.SetReadDeadline(time.Time{})
	raw, err := src.SyscallConn()
	if err != nil {
		return
	}
	for left := 1 << 20; left > 0; {
		var n int
		var readErr error
		err := raw.Read(func(fd uintptr) bool {
			n, readErr = unix.Read(int(fd), buf)
			return true // whatever came of it: do not wait
		})
		if err != nil || readErr != nil || n <= 0 {
			return
		}
		if _, gone := dst.Write(buf[:n]); gone != nil {
			return
		}
		left -= n
	}
}

// input hands what the client sends to the process until that does not want
// it any more. The rest waits in SSH's window.
func (p *process) input() {
	last := lastByte{w: p.in}
	if _, err := io.Copy(&last, p.ch); err != nil {
		return
	}
	if p.terminal != nil {
		p.endOfInput(last.b)
	} else {
		p.in.Close()
	}
}

// endOfInput types the end-of-file key, when the terminal has one now. Behind
// an unfinished line the first only sends the line.
func (p *process) endOfInput(last byte) {
	raw, err := p.terminal.SyscallConn()
	if err != nil {
		return
	}
	var t *unix.Termios
	raw.Control(func(fd uintptr) { t, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) })
	if err != nil || t == nil || t.Lflag&unix.ICANON == 0 {
		return
	}
	key := []byte{t.Cc[unix.VEOF]}
	if last != 0 && last != '\n' && last != '\r' {
		key = append(key, key[0])
	}
	p.in.Write(key)
}

// A lastByte is a writer that knows what it wrote last.
type lastByte struct {
	w io.Writer
	b byte
}

func (l *lastByte) Write(b []byte) (int, error) {
	n, err := l.w.Write(b)
	if n > 0 {
		l.b = b[n-1]
	}
	return n, err
}
