package agent

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
)

// forward connects from this host to a TCP address for the client (RFC 4254
// section 7.2).
func (s *server) forward(nc ssh.NewChannel) {
	conn, err := s.dial(nc.ExtraData())
	if err != nil {
		nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer conn.Close()
	ch, reqs, err := nc.Accept()
	if err != nil {
		return // the connection has ended
	}
	defer ch.Close()
	stop := context.AfterFunc(s.ctx, func() { conn.Close() })
	defer stop()
	relay(ch, conn, reqs)
}

func (s *server) dial(extra []byte) (*net.TCPConn, error) {
	var m directTCPIP
	if err := ssh.Unmarshal(extra, &m); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port))))
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// relay copies both ways until both directions have ended, or the client
// closes its channel.
func relay(ch ssh.Channel, conn *net.TCPConn, reqs <-chan *ssh.Request) {
	var copies sync.WaitGroup
	copies.Go(func() {
		io.Copy(ch, conn)
		ch.CloseWrite()
	})
	copies.Go(func() {
		io.Copy(conn, ch)
		conn.CloseWrite()
	})
	copied, closed := make(chan struct{}), make(chan struct{})
	go func() {
		copies.Wait()
		close(copied)
	}()
	go func() {
		ssh.DiscardRequests(reqs)
		close(closed)
	}()
	select {
	case <-copied:
	case <-closed:
	}
}
