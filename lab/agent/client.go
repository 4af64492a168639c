package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
)

// A Client is the orchestrator's end of a host's agent. Its methods may be
// called concurrently. When the host goes away, every call, also one under
// way, returns an error that wraps ErrGone.
type Client struct {
	stream *stream
	conn   ssh.Conn
	gone   chan struct{} // closed when no answer can come any more
}

// Dial shakes hands with the agent at the other end of conn, within
// HandshakeTimeout. Closing conn must end a Read of it that is under way. The
// Client owns conn from now on and closes it, also when Dial fails.
func Dial(conn io.ReadWriteCloser) (*Client, error) {
	return dial(conn, HandshakeTimeout)
}

func dial(conn io.ReadWriteCloser, timeout time.Duration) (*Client, error) {
	s := newStream(conn, killGrace)
	c := &Client{stream: s, gone: make(chan struct{})}
	var chans <-chan ssh.NewChannel
	var reqs <-chan *ssh.Request
	now := make(chan struct{})
	close(now)
	err := s.handshake(timeout, now, func() (err error) {
		c.conn, chans, reqs, err = ssh.NewClientConn(s, "agent", clientConfig())
		return err
	})
	if err != nil {
		return nil, err
	}
	go c.refuse(chans)
	go answer(reqs)
	return c, nil
}

// clientConfig asks for what is quick: the stream is private already. No
// check of the host key either, which the agent makes afresh at each start.
func clientConfig() *ssh.ClientConfig {
	return &ssh.ClientConfig{
		Config:          ssh.Config{KeyExchanges: []string{ssh.KeyExchangeCurve25519}},
		User:            "root",
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	}
}

// refuse takes no channels from the agent. Its end is the connection's.
func (c *Client) refuse(chans <-chan ssh.NewChannel) {
	for ch := range chans {
		ch.Reject(ssh.Prohibited, "a client opens no channels")
	}
	c.stream.fail(errors.New("the agent broke the protocol")) // unless it failed before
	close(c.gone)
}

// answer replies to global requests: yes to a keepalive, no to all else. The
// SSH library waits until they are taken.
func answer(reqs <-chan *ssh.Request) {
	for req := range reqs {
		req.Reply(req.Type == "keepalive@openssh.com", nil)
	}
}

// Close closes the stream, which ends the host's agent and all that it
// started. It does not wait for that. It is safe to call twice.
func (c *Client) Close() error { return c.stream.Close() }

// Gone is closed when the host can no longer be reached.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// lost returns the error of a call that the connection's end cut short. It
// gives the reason a moment to be known: the SSH library closes the channels
// first.
func (c *Client) lost(what string) error {
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-c.gone:
	case <-timer.C:
	}
	if err := c.stream.reason(); err != nil {
		return fmt.Errorf("agent: %s: %w: %w", what, ErrGone, err)
	}
	return fmt.Errorf("agent: %s: %w: it closed the channel", what, ErrGone)
}

// A channel is an open SSH channel.
type channel struct {
	ssh.Channel
	requests <-chan *ssh.Request
}

// discard closes a channel that nobody uses.
func (ch channel) discard() {
	go ssh.DiscardRequests(ch.requests)
	ch.Close()
}

// open opens an SSH channel. When ctx ends first, the channel is closed as soon
// as it opens.
//
// The library never wakes an OpenChannel that comes just when it finds the
// protocol broken (it has told its channels of the end and not yet closed the
// connection). Such a call returns when gone is closed; its goroutine stays.
func (c *Client) open(ctx context.Context, what, kind string, extra []byte) (channel, error) {
	if ctx.Err() != nil {
		return channel{}, fmt.Errorf("agent: %s: %w", what, ctx.Err())
	}
	type result struct {
		ch  channel
		err error
	}
	done := make(chan result, 1)
	go func() {
		ch, requests, err := c.conn.OpenChannel(kind, extra)
		done <- result{channel{ch, requests}, err}
	}()
	select {
	case r := <-done:
		var refused *ssh.OpenChannelError
		if errors.As(r.err, &refused) {
			return channel{}, fmt.Errorf("agent: %s: %s", what, refused.Message)
		}
		if r.err != nil {
			return channel{}, c.lost(what)
		}
		return r.ch, nil
	case <-c.gone:
		return channel{}, c.lost(what)
	case <-ctx.Done():
		go func() {
			if r := <-done; r.err == nil {
				r.ch.discard()
			}
		}()
		return channel{}, fmt.Errorf("agent: %s: %w", what, ctx.Err())
	}
}

// request sends a channel request and waits for the answer.
func (c *Client) request(ctx context.Context, what string, ch channel, kind string, payload []byte) (bool, error) {
	type result struct {
		ok  bool
		err error
	}
	done := make(chan result, 1)
	go func() {
		ok, err := ch.SendRequest(kind, true, payload)
		done <- result{ok, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return false, c.lost(what)
		}
		return r.ok, nil
	case <-ctx.Done():
		return false, fmt.Errorf("agent: %s: %w", what, ctx.Err())
	}
}

// OpenChannel opens an SSH channel to the agent, for somebody to whom the
// connection is handed on: lab/control passes another terminal's channels
// through. It returns when the agent has answered or ctx ends.
func (c *Client) OpenChannel(ctx context.Context, kind string, extra []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	ch, err := c.open(ctx, "open "+kind, kind, extra)
	return ch.Channel, ch.requests, err
}
