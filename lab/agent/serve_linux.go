package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"hostlab/lab/program"
)

// Serve is the agent of a host: it serves one SSH connection on conn and
// returns when the stream has ended, after it killed everything that its
// sessions started. It returns nil when a client had been there and left, an
// error when the handshake failed, and ctx's error when ctx ended first. Serve
// closes conn; it does not wait for a Read of conn that Close does not end.
//
// The programs are those that a Command may ask for Within the agent.
func Serve(ctx context.Context, conn io.ReadWriteCloser, within ...program.Program) error {
	return serve(ctx, conn, HandshakeTimeout, within...)
}

func serve(ctx context.Context, conn io.ReadWriteCloser, timeout time.Duration, within ...program.Program) error {
	s := newStream(conn, 0)
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.fail(ctx.Err()) })
	defer stop()
	chans, reqs, err := accept(s, timeout)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("agent: %w", ctx.Err())
		}
		return err
	}
	go answer(reqs)
	srv := newServer(within)
	srv.channels(chans, s.failed)
	srv.close()
	if ctx.Err() != nil {
		return fmt.Errorf("agent: %w", ctx.Err())
	}
	return nil
}

// accept shakes hands.
func accept(s *stream, timeout time.Duration) (<-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	config, err := serverConfig()
	if err != nil {
		return nil, nil, err
	}
	var chans <-chan ssh.NewChannel
	var reqs <-chan *ssh.Request
	err = s.handshake(timeout, s.heard, func() (err error) {
		_, chans, reqs, err = ssh.NewServerConn(s, config)
		return err
	})
	if err != nil {
		return nil, nil, err // the library may still be at it, and set chans
	}
	return chans, reqs, nil
}

func serverConfig() (*ssh.ServerConfig, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("agent: host key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("agent: host key: %w", err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	return config, nil
}

// A server is one connection's sessions.
type server struct {
	ctx      context.Context // ends with the connection
	quit     context.CancelFunc
	programs map[string]program.Program
	sessions sync.WaitGroup // session loops, and processes until they are reaped
	sweeper  sweeper
}

func newServer(within []program.Program) *server {
	s := &server{programs: map[string]program.Program{}}
	for _, p := range within {
		s.programs[p.Name] = p
	}
	s.ctx, s.quit = context.WithCancel(context.Background())
	return s
}

// channels serves what the client opens until the connection or its stream
// ends. It must not wait for anything else: the library's read loop waits for it.
func (s *server) channels(chans <-chan ssh.NewChannel, failed <-chan struct{}) {
	for {
		select {
		case nc, ok := <-chans:
			if !ok {
				return
			}
			s.channel(nc)
		case <-failed:
			return
		}
	}
}

func (s *server) channel(nc ssh.NewChannel) {
	switch nc.ChannelType() {
	case "session":
		ch, reqs, err := nc.Accept()
		if err != nil {
			return // the connection has ended
		}
		s.sessions.Go(func() { (&session{server: s, ch: ch}).run(reqs) })
	case "direct-tcpip":
		go s.forward(nc)
	default:
		nc.Reject(ssh.UnknownChannelType, fmt.Sprintf("channel type %q: want session or direct-tcpip", nc.ChannelType()))
	}
}

// close ends every session and kills its processes.
func (s *server) close() {
	s.quit()
	s.sessions.Wait()
	s.sweeper.wait()
}
