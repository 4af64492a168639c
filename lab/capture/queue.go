package capture

import (
	"io"
	"sync"
)

// A queue is a Writer that keeps what its reader is not ready for, up to a
// limit, so that a reader that stalls does not stall the capture. Write then
// waits. After an error of the writer beneath, Write returns it.
type queue struct {
	w     io.Writer
	limit int // bytes

	mu     sync.Mutex
	change sync.Cond
	buf    []byte
	asked  bool // flush was called
	closed bool
	err    error
	done   chan struct{}
}

// newQueue starts the queue's goroutine, which close ends.
func newQueue(w io.Writer, limit int) *queue {
	q := &queue{w: w, limit: limit, done: make(chan struct{})}
	q.change.L = &q.mu
	go q.drain()
	return q
}

func (q *queue) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) > q.limit && q.err == nil {
		q.change.Wait()
	}
	if q.err != nil {
		return 0, q.err
	}
	q.buf = append(q.buf, b...)
	if len(q.buf) >= early {
		q.change.Broadcast()
	}
	return len(b), nil
}

// early is how much is written without being asked, in bytes: flush comes
// after each block of the ring.
const early = 128 << 10

// flush has the queue written, without waiting for it.
func (q *queue) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = true
	q.change.Broadcast()
}

// failed returns the error of the writer beneath, if it had one.
func (q *queue) failed() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// close writes what is queued and waits for it.
func (q *queue) close() error {
	q.mu.Lock()
	q.closed = true
	q.change.Broadcast()
	q.mu.Unlock()
	<-q.done
	return q.failed()
}

// drain writes what is queued until the queue is closed or a write fails.
func (q *queue) drain() {
	defer close(q.done)
	var out []byte
	for {
		q.mu.Lock()
		for !q.closed && (len(q.buf) == 0 || len(q.buf) < early && !q.asked) {
			q.change.Wait()
		}
		if len(q.buf) == 0 {
			q.mu.Unlock()
			return
		}
		out, q.buf = q.buf, out[:0]
		q.asked = false
		q.change.Broadcast()
		q.mu.Unlock()
		if _, err := q.w.Write(out); err != nil {
			q.mu.Lock()
			q.err, q.buf = err, nil
			q.change.Broadcast()
			q.mu.Unlock()
			return
		}
		if cap(out) > q.limit/4 {
			out = nil
		}
	}
}
