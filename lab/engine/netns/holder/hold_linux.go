package holder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// processName is what ps shows of a holder, instead of the number of its file.
var processName = []byte("hostlab\x00")

// hold is the holder: it makes a root of its own, and meanwhile serves requests
// until the connection ends.
func hold() error {
	// Interfaces are made on another thread; this one, which does nothing,
	// shows the switch's namespace as the process's.
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&processName[0])), 0, 0, 0)
	conn, err := NewConn(os.NewFile(connFD, "connection"))
	if err != nil {
		return err
	}
	l, err := newLab(conn)
	if err != nil {
		return errors.Join(err, conn.Send(Answer{Ended: true, Error: forOthers(err)}))
	}
	go func() {
		l.rootErr = makeRoot()
		close(l.rooted)
	}()
	done := make(chan error)
	go func() { done <- l.listen() }()
	return <-done // process 1 ends, and with it all others
}

// listen takes requests until the connection ends.
func (l *lab) listen() error {
	for {
		var r Request
		files, err := l.conn.Receive(&r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		go l.answer(r, files)
	}
}

// answer serves one request.
func (l *lab) answer(r Request, files []*os.File) {
	err := l.serve(r, files)
	for _, f := range files {
		f.Close()
	}
	// That nobody is there to read it, the reader of requests notices too.
	l.conn.Send(Answer{ID: r.ID, Ended: true, Error: forOthers(err)})
}

func (l *lab) serve(r Request, files []*os.File) error {
	if r.Op == OpUp {
		if r.Plan == nil {
			return errors.New("up: no plan")
		}
		return l.up(r.Plan, func(done int) { l.conn.Send(Answer{ID: r.ID, Done: done}) })
	}
	h, err := l.host(r.Host)
	if err != nil {
		return err
	}
	switch r.Op {
	case OpDial:
		if len(files) != 1 {
			return fmt.Errorf("dial %s: %d descriptors; want 1", r.Host, len(files))
		}
		return l.dial(h, r.Files, files[0])
	case OpPause:
		return l.thread.do(l.thread.home, func() error { return l.pause(h) })
	case OpResume:
		return l.thread.do(l.thread.home, func() error { return l.resume(h) })
	case OpKill:
		return l.kill(h)
	case OpCut:
		return l.onLink(h, r.Network, l.cut)
	case OpJoin:
		return l.onLink(h, r.Network, l.join)
	}
	return fmt.Errorf("%q: not a request", r.Op)
}
