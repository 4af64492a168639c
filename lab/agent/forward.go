package agent

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// SFTP opens a file transfer to the host's file system. The caller closes it.
// When the host goes away, its calls return sftp.ErrSSHFxConnectionLost.
func (c *Client) SFTP() (*sftp.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	ch, err := c.open(ctx, "sftp", "session", nil)
	if err != nil {
		return nil, err
	}
	go ssh.DiscardRequests(ch.requests)
	ok, err := c.request(ctx, "sftp", ch, "subsystem", ssh.Marshal(namedRequest{"sftp"}))
	if err == nil && !ok {
		err = fmt.Errorf("agent: sftp: the agent has no such subsystem")
	}
	if err != nil {
		ch.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { ch.Close() })
	defer stop()
	f, err := sftp.NewClientPipe(ch, ch, sftp.UseConcurrentWrites(true))
	if err == nil {
		return f, nil
	}
	ch.Close()
	if c.stream.reason() != nil {
		return nil, c.lost("sftp")
	}
	return nil, fmt.Errorf("agent: sftp: %w", err)
}

// DialHost connects from the host to a TCP address, which the host resolves:
// "127.0.0.1:1060" is the host's own loopback. The network is "tcp", or
// "tcp4" or "tcp6" with an address of that family. Ctx limits the opening
// only. The connection has CloseWrite, and no deadlines.
func (c *Client) DialHost(ctx context.Context, network, addr string) (net.Conn, error) {
	what := "dial " + network + " " + addr
	host, port, err := splitAddr(network, addr)
	if err != nil {
		return nil, fmt.Errorf("agent: %s: %w", what, err)
	}
	payload := directTCPIP{Host: host, Port: uint32(port), Originator: "0.0.0.0"}
	ch, err := c.open(ctx, what, "direct-tcpip", ssh.Marshal(payload))
	if err != nil {
		return nil, err
	}
	go ssh.DiscardRequests(ch.requests)
	return &hostConn{Channel: ch.Channel, addr: hostAddr{network, addr}}, nil
}

func splitAddr(network, addr string) (host string, port uint16, err error) {
	host, name, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(name, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q: want 1 to 65535", name)
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case network == "tcp",
		network == "tcp4" && err == nil && ip.Is4(),
		network == "tcp6" && err == nil && ip.Is6():
		return host, uint16(n), nil
	case network == "tcp4" || network == "tcp6":
		return "", 0, fmt.Errorf("host %q: want an address of that family", host)
	}
	return "", 0, fmt.Errorf("network %q: want tcp", network)
}

// A hostConn is a forwarded connection.
type hostConn struct {
	ssh.Channel
	addr hostAddr
}

func (c *hostConn) LocalAddr() net.Addr              { return hostAddr{c.addr.network, ""} }
func (c *hostConn) RemoteAddr() net.Addr             { return c.addr }
func (c *hostConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (c *hostConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (c *hostConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type hostAddr struct{ network, addr string }

func (a hostAddr) Network() string { return a.network }
func (a hostAddr) String() string  { return a.addr }
