package agent

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// A stream is the bytes between a client and its agent, as the net.Conn that
// the SSH library wants.
//
// Writes are queued and never block. The library's read loop writes too
// (answers, window updates, closes): were it to wait there while the other
// side's read loop waits as well, neither would read again and the connection
// would hang for ever. The queue stays small, since SSH's windows limit how much
// each channel may have under way (2 MiB).
type stream struct {
	rwc    io.ReadWriteCloser
	r      *bufio.Reader
	linger time.Duration // how long reading goes on when writing has failed

	heard  chan struct{} // closed at the first byte read
	failed chan struct{} // closed when the stream is of no use any more
	wake   chan struct{} // tells the writer that there is something to write

	mu       sync.Mutex
	head     []byte // the first bytes read, for the error of a failed handshake
	queue    []byte
	writeErr error
	err      error // why failed was closed
}

// keepQueue is the largest queue buffer that is kept for the next write.
const keepQueue = 1 << 20

// newStream starts the stream's writer. Close it.
func newStream(rwc io.ReadWriteCloser, linger time.Duration) *stream {
	s := &stream{
		rwc: rwc, r: bufio.NewReaderSize(rwc, 64<<10), linger: linger,
		heard: make(chan struct{}), failed: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	go s.writer()
	return s
}

// Read is called by one goroutine at a time.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if n > 0 {
		s.listen(b[:n])
	}
	if err != nil {
		s.fail(fmt.Errorf("the stream ended: %w", err))
	}
	return n, err
}

// listen remembers the first bytes.
func (s *stream) listen(b []byte) {
	const enough = 160
	select {
	case <-s.heard:
		if len(s.head) >= enough {
			return // written by this goroutine only, so no lock to read it
		}
	default:
		close(s.heard)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = append(s.head, b[:min(len(b), enough-len(s.head))]...)
}

// said returns what the other side said instead of an SSH version, or "".
func (s *stream) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains("\n"+string(s.head), "\nSSH-") {
		return ""
	}
	return string(s.head)
}

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	s.queue = append(s.queue, b...)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return len(b), nil
}

// writer writes what is queued until the stream fails.
func (s *stream) writer() {
	var out []byte
	for {
		select {
		case <-s.wake:
		case <-s.failed:
			return
		}
		s.mu.Lock()
		out, s.queue = s.queue, out[:0]
		s.mu.Unlock()
		if _, err := s.rwc.Write(out); err != nil {
			s.writeFailed(fmt.Errorf("the stream broke: %w", err))
			return
		}
		if cap(out) > keepQueue {
			out = nil
		}
	}
}

// writeFailed ends the stream, but leaves time to read what the other side
// said before it went.
func (s *stream) writeFailed(err error) {
	s.mu.Lock()
	s.writeErr = err
	s.mu.Unlock()
	if s.linger == 0 {
		s.fail(err)
		return
	}
	time.AfterFunc(s.linger, func() { s.fail(err) })
}

// fail ends the stream; the first reason counts.
func (s *stream) fail(err error) {
	s.mu.Lock()
	first := s.err == nil
	if first {
		s.err = err
	}
	s.mu.Unlock()
	if first {
		close(s.failed)
		s.rwc.Close()
	}
}

// reason returns why the stream failed, or nil.
func (s *stream) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// handshake runs f, which speaks SSH on the stream. It gives up, and closes the
// stream, when f fails, when the stream does, or when f takes longer than the
// timeout, counted from the moment that begun is closed. It does not wait for
// f then, which may hang in a Read.
func (s *stream) handshake(timeout time.Duration, begun <-chan struct{}, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	var late <-chan time.Time
	for {
		select {
		case err := <-done:
			if err != nil {
				return s.handshakeFailed(err)
			}
			return nil
		case <-begun:
			begun = nil
			timer := time.NewTimer(timeout)
			defer timer.Stop()
			late = timer.C
		case <-late:
			return s.handshakeFailed(fmt.Errorf("no answer within %v", timeout))
		case <-s.failed:
			return s.handshakeFailed(s.reason())
		}
	}
}

// handshakeFailed closes the stream. When something else than an agent is at
// its other end, such as a container runtime's complaint, the error shows what it said.
func (s *stream) handshakeFailed(err error) error {
	s.Close()
	if said := s.said(); said != "" {
		return fmt.Errorf("agent: handshake: %w: it said %q instead of an SSH version: %w", ErrGone, said, err)
	}
	return fmt.Errorf("agent: handshake: %w: %w", ErrGone, err)
}

// Close is safe to call twice.
func (s *stream) Close() error {
	s.fail(net.ErrClosed)
	return nil
}

// The SSH library shows the addresses to callbacks that are not used here, and
// sets no deadlines.
func (s *stream) LocalAddr() net.Addr              { return streamAddr{} }
func (s *stream) RemoteAddr() net.Addr             { return streamAddr{} }
func (s *stream) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (s *stream) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (s *stream) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type streamAddr struct{}

func (streamAddr) Network() string { return "agent" }
func (streamAddr) String() string  { return "agent" }
