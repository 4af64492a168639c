package prompt

import (
	"context"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// An input reads the person's keys and hands them to one reader at a time: the
// line editor, or the program in front. Without it a finished program's
// pending read would swallow the first key that was meant for the next line.
type input struct {
	chunks chan []byte
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	rest []byte // read by a reader that wanted less
}

func newInput(ctx context.Context, f io.Reader) *input {
	in := &input{chunks: make(chan []byte)}
	in.ctx, in.cancel = context.WithCancel(ctx)
	go in.pump(f)
	return in
}

// pump reads f for ever. It cannot be told to stop while it waits for a key,
// and ends with the process.
func (in *input) pump(f io.Reader) {
	defer close(in.chunks)
	for {
		buf := make([]byte, 4096)
		n, err := f.Read(buf)
		if n > 0 {
			select {
			case in.chunks <- buf[:n]:
			case <-in.ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Read is the line editor's.
func (in *input) Read(b []byte) (int, error) { return in.read(in.ctx, b) }

// Close ends every reader with io.EOF.
func (in *input) Close() error {
	in.cancel()
	return nil
}

func (in *input) read(ctx context.Context, b []byte) (int, error) {
	in.mu.Lock()
	if len(in.rest) > 0 {
		n := copy(b, in.rest)
		in.rest = in.rest[n:]
		in.mu.Unlock()
		return n, nil
	}
	in.mu.Unlock()
	select {
	case chunk, ok := <-in.chunks:
		if !ok {
			return 0, io.EOF
		}
		n := copy(b, chunk)
		in.mu.Lock()
		in.rest = append(in.rest, chunk[n:]...)
		in.mu.Unlock()
		return n, nil
	case <-ctx.Done():
		return 0, io.EOF
	}
}

// Lend gives the keys to a program until its Close.
func (in *input) Lend() io.ReadCloser {
	ctx, cancel := context.WithCancel(in.ctx)
	return &loan{in, ctx, cancel}
}

type loan struct {
	in     *input
	ctx    context.Context
	cancel context.CancelFunc
}

func (l *loan) Read(b []byte) (int, error) { return l.in.read(l.ctx, b) }

func (l *loan) Close() error {
	l.cancel()
	return nil
}
