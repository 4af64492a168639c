package agent

import (
	"context"
	"io"
	"net"
	"strconv"

	"golang.org/x/crypto/ssh"
)

// forward connects from this host to a TCP address for the client (RFC 4254
// section 7.2).
func (s *server) forward(nc ssh.NewChannel) {
	var m directTCPIP
	if err := ssh.Unmarshal(nc.ExtraData(), &m); err != nil {
		nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port))))
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
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.Copy(ch, conn)
		ch.CloseWrite()
	}()
	received := make(chan struct{})
	go func() {
		defer close(received)
		io.Copy(conn, ch)
		conn.(*net.TCPConn).CloseWrite()
	}()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		ssh.DiscardRequests(reqs)
	}()
	select {
	case <-both(sent, received):
	case <-closed: // the client wants no more of it
	}
}

func both(a, b <-chan struct{}) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		<-a
		<-b
		close(c)
	}()
	return c
}
