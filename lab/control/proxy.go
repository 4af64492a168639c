package control

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"hostlab/lab/agent"
	"hostlab/lab/verb"
)

// agent connects a client to the agent of a host.
func (s *Server) agent(c *net.UnixConn, out *json.Encoder, host string) {
	client, err := verb.Agent(s.lab, host)
	if err != nil {
		out.Encode(ended(err))
		return
	}
	if out.Encode(answer{OK: true}) != nil {
		return // the client has gone
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	pass(ctx, c, client)
}

// pass serves SSH on a connection until it ends, with each channel passed
// through to a host's agent. When ctx ends, so does the connection.
func pass(ctx context.Context, c net.Conn, to *agent.Client) error {
	config, err := serverConfig()
	if err != nil {
		return err
	}
	c.SetDeadline(time.Now().Add(patience))
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	c.SetDeadline(time.Time{})
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	go ssh.DiscardRequests(requests)
	var passing sync.WaitGroup
	for nc := range channels {
		passing.Go(func() { passChannel(ctx, nc, to) })
	}
	passing.Wait()
	return nil
}

// serverConfig asks for no proof of who the client is: the socket did.
func serverConfig() (*ssh.ServerConfig, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("control: host key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("control: host key: %w", err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	return config, nil
}

// passChannel passes one channel through, until both sides have closed it.
func passChannel(ctx context.Context, nc ssh.NewChannel, to *agent.Client) {
	host, hostRequests, err := to.OpenChannel(ctx, nc.ChannelType(), nc.ExtraData())
	if err != nil {
		nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	client, clientRequests, err := nc.Accept()
	if err != nil {
		host.Close()
		go ssh.DiscardRequests(hostRequests)
		return
	}
	c, h := &side{Channel: client}, &side{Channel: host}
	var both sync.WaitGroup
	both.Go(func() { passOne(c, h, clientRequests, false) })
	both.Go(func() { passOne(h, c, hostRequests, true) })
	both.Wait()
}

// A side is one of the two of a channel that is passed through.
type side struct {
	ssh.Channel

	// answering is held while a request of this side waits for its answer: a host
	// that answers may end the channel in the same breath.
	answering sync.Mutex
}

// Close closes the channel when what it asked is answered.
func (s *side) Close() error {
	s.answering.Lock()
	defer s.answering.Unlock()
	return s.Channel.Close()
}

// answer has the other side answer a request of this one.
func (s *side) answer(r *ssh.Request, by *side) {
	s.answering.Lock()
	defer s.answering.Unlock()
	ok, err := by.SendRequest(r.Type, r.WantReply, r.Payload)
	if r.WantReply {
		r.Reply(ok && err == nil, nil)
	}
}

// passOne passes what one side of a channel says to the other: bytes and
// requests, each in their order. It closes the other when the one is closed;
// first what it said goes on, when all is wanted. A client that has gone leaves
// a program that does not read: that must not keep it.
func passOne(from, to *side, requests <-chan *ssh.Request, all bool) {
	var copies sync.WaitGroup
	copies.Go(func() { io.Copy(to, from) })
	copies.Go(func() { io.Copy(to.Stderr(), from.Stderr()) })
	said := make(chan struct{})
	go func() {
		defer close(said)
		copies.Wait()
		to.CloseWrite()
	}()
	for r := range requests {
		from.answer(r, to)
	}
	if all {
		<-said
	}
	to.Close()
	<-said
}
