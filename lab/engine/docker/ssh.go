package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// sshDialer returns a dialer for "ssh://[user@]machine[:port]". It runs the
// user's own ssh, so that keys, jump hosts and ~/.ssh/config do what they do
// for the docker command, and speaks to the engine through "docker system
// dial-stdio" on the other machine, as that command does.
func sshDialer(host string) (func(ctx context.Context, network, addr string) (net.Conn, error), error) {
	u, err := url.Parse(host)
	if err != nil {
		return nil, err
	}
	if u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || u.RawQuery != "" {
		return nil, fmt.Errorf("want ssh://user@machine")
	}
	args := []string{"-T", "-o", "ConnectTimeout=10"}
	if name := u.User.Username(); name != "" {
		args = append(args, "-l", name)
	}
	if port := u.Port(); port != "" {
		args = append(args, "-p", port)
	}
	args = append(args, "--", u.Hostname(), "docker system dial-stdio")
	return func(context.Context, string, string) (net.Conn, error) { return dialCommand("ssh", args...) }, nil
}

// A commandConn is a connection over the standard input and output of a
// command.
type commandConn struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr *tail

	once  sync.Once
	ended chan struct{} // closed when the command has ended, once wait is called
}

// lastWords is how long a command that says no more may take to end, and with
// it to say why.
const lastWords = time.Second

// dialCommand starts a command; closing the connection ends it. The context of
// a dial is of the dial alone, so the command is not bound to it.
func dialCommand(name string, args ...string) (net.Conn, error) {
	c := &commandConn{cmd: exec.Command(name, args...), stderr: &tail{}, ended: make(chan struct{})}
	c.cmd.Stderr = c.stderr
	c.cmd.WaitDelay = lastWords
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	detach(c.cmd)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

// Read says why the command ended, where it says so on its standard error.
func (c *commandConn) Read(b []byte) (int, error) {
	n, err := c.out.Read(b)
	if n == 0 && err != nil {
		err = c.explain("read", err)
	}
	return n, err
}

func (c *commandConn) Write(b []byte) (int, error) {
	n, err := c.in.Write(b)
	if err != nil {
		err = c.explain("write", err)
	}
	return n, err
}

// explain adds what a command that speaks no more has said last, which may come
// later than the end of its output.
func (c *commandConn) explain(op string, err error) error {
	c.wait()
	select {
	case <-c.ended:
	case <-time.After(lastWords):
	}
	if text := c.stderr.String(); text != "" {
		return &net.OpError{Op: op, Net: "ssh", Err: fmt.Errorf("%w: %s", err, text)}
	}
	return err
}

// wait has the command's end taken notice of, by nobody else.
func (c *commandConn) wait() {
	c.once.Do(func() {
		go func() {
			defer close(c.ended)
			_ = c.cmd.Wait() // its status says nothing that its words do not
		}()
	})
}

// CloseWrite ends what the other side reads, and nothing more.
func (c *commandConn) CloseWrite() error { return c.in.Close() }

func (c *commandConn) Close() error {
	err := errors.Join(ignoreClosed(c.in.Close()), ignoreClosed(c.out.Close()))
	_ = c.cmd.Process.Kill() // it may have ended by itself
	c.wait()
	return err
}

func (c *commandConn) LocalAddr() net.Addr              { return commandAddr{} }
func (c *commandConn) RemoteAddr() net.Addr             { return commandAddr{} }
func (c *commandConn) SetDeadline(time.Time) error      { return nil }
func (c *commandConn) SetReadDeadline(time.Time) error  { return nil }
func (c *commandConn) SetWriteDeadline(time.Time) error { return nil }

type commandAddr struct{}

func (commandAddr) Network() string { return "ssh" }
func (commandAddr) String() string  { return "ssh" }
