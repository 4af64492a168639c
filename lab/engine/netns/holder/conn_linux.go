package holder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// maxMessage is the longest message that is taken, in bytes: a plan of some ten
// thousand hosts.
const maxMessage = 64 << 20

// A Conn carries messages and descriptors between an orchestrator and its
// holder. Send may be called concurrently, Receive by one goroutine at a time.
type Conn struct {
	c     *net.UnixConn
	write sync.Mutex
}

// Pair returns the two ends of a connection: one for this process, and a file
// for the process at the other end. The caller closes both.
func Pair() (*Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	far := os.NewFile(uintptr(fds[1]), "far end")
	c, err := NewConn(os.NewFile(uintptr(fds[0]), "near end"))
	if err != nil {
		far.Close()
		return nil, nil, err
	}
	return c, far, nil
}

// NewConn returns the connection of a socket, and closes the file.
func NewConn(f *os.File) (*Conn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("netns: connection: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("netns: connection: a %T and no Unix socket", c)
	}
	return &Conn{c: u}, nil
}

// Close ends the connection, and a Receive under way at either end.
func (c *Conn) Close() error { return c.c.Close() }

// Send sends a message, with a copy of each file's descriptor.
func (c *Conn) Send(message any, files ...*os.File) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("netns: send: %w", err)
	}
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	c.write.Lock()
	defer c.write.Unlock()
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if _, _, err := c.c.WriteMsgUnix(head, rights, nil); err != nil {
		return fmt.Errorf("netns: send: %w", err)
	}
	if _, err := c.c.Write(body); err != nil {
		return fmt.Errorf("netns: send: %w", err)
	}
	return nil
}

// Receive reads a message and the files that came with it, which the caller
// closes. The error is io.EOF when the other end is gone between two messages.
func (c *Conn) Receive(message any) (files []*os.File, err error) {
	head := make([]byte, 4)
	rights := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, _, _, err := c.c.ReadMsgUnix(head, rights)
	if err != nil || n == 0 {
		return nil, errors.Join(err, io.EOF)
	}
	files, err = received(rights[:oobn])
	if err == nil {
		err = c.body(head, n, message)
	}
	if err != nil {
		for _, f := range files {
			f.Close()
		}
		return nil, fmt.Errorf("netns: receive: %w", err)
	}
	return files, nil
}

// body reads the rest of a message whose first n bytes are in head.
func (c *Conn) body(head []byte, n int, message any) error {
	if _, err := io.ReadFull(c.c, head[n:]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head)
	if length > maxMessage {
		return fmt.Errorf("a message of %d bytes; want %d at most", length, maxMessage)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.c, body); err != nil {
		return err
	}
	return json.Unmarshal(body, message)
}

// received returns the descriptors of a control message (cmsg(3), unix(7)).
func received(rights []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, os.NewSyscallError("cmsg", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // of another kind
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}
