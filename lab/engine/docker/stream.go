package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
)

// A stream is the standard input and output of a host's agent.
type stream struct {
	host   string
	conn   types.HijackedResponse
	out    *io.PipeReader
	stderr *tail

	closing sync.Once
}

// attach connects to a container that has been created and not yet started, so
// that nothing of its output is missed.
func attach(ctx context.Context, api client.APIClient, host, id string) (*stream, error) {
	conn, err := api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	return newStream(host, conn), nil
}

// newStream returns the stream of a connection to a process of a host's.
func newStream(host string, conn types.HijackedResponse) *stream {
	r, w := io.Pipe()
	s := &stream{host: host, conn: conn, out: r, stderr: &tail{}}
	go func() {
		_, err := stdcopy.StdCopy(w, s.stderr, conn.Reader)
		w.CloseWithError(s.end(err))
	}()
	return s
}

// end is what Read returns after the last byte: io.EOF, or why the host ended
// where its standard error says so.
func (s *stream) end(err error) error {
	text := s.stderr.String()
	switch {
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return io.EOF
	case text != "":
		return fmt.Errorf("docker: host %s: process 1 ended: %s", s.host, text)
	case err != nil:
		return fmt.Errorf("docker: host %s: stream: %w", s.host, err)
	}
	return io.EOF
}

func (s *stream) Read(b []byte) (int, error)  { return s.out.Read(b) }
func (s *stream) Write(b []byte) (int, error) { return s.conn.Conn.Write(b) }

// Close ends the host: its standard input ends. It is safe to call twice.
func (s *stream) Close() error {
	var err error
	s.closing.Do(func() {
		err = ignoreClosed(s.conn.CloseWrite())
		s.conn.Close()
		s.out.Close()
	})
	return err
}

func ignoreClosed(err error) error {
	var op *net.OpError
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) || errors.As(err, &op) { // the host ended first
		return nil
	}
	return err
}

// A tail keeps the end of what is written to it, for error messages.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const tailSize = 1 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, b...)
	if over := len(t.data) - tailSize; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	return len(b), nil
}

// String returns what was written last, on one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(string(t.data)), " ")
}
