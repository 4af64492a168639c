//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// What is at the other end instead of an agent.
func TestDialNoAgent(t *testing.T) {
	tests := []struct {
		name  string
		say   string
		close bool
		want  string
	}{
		{"nothing", "", true, "the stream ended"},
		{"silence", "", false, "no answer within"},
		{"a complaint", "exec /bin/host: exec format error\n", true, `it said "exec /bin/host: exec format error\n" instead`},
		{"a complaint and silence", "no such container\n", false, `it said "no such container\n" instead`},
		{"junk", strings.Repeat("\x00\xff", 5000), false, "instead of an SSH version"},
		{"another version", "SSH-1.0-x\r\n", false, "within"},
		{"junk behind the version", "SSH-2.0-x\r\n" + strings.Repeat("junk", 5000), false, "handshake"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			noLeak(t)
			a, b := socketPair(t)
			go func() {
				io.WriteString(a, test.say)
				if test.close {
					a.Close()
				}
			}()
			_, err := dial(b, 200*time.Millisecond)
			if !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Dial: %v; want ErrGone and %q", err, test.want)
			}
			poll(t, "the stream is closed", func() bool {
				_, err := b.Write([]byte("x"))
				return errors.Is(err, net.ErrClosed)
			})
		})
	}
}

// What is at the other end of an agent instead of a client.
func TestServeNoClient(t *testing.T) {
	for name, say := range map[string]string{
		"junk": strings.Repeat("\x00\xff", 5000), "a line": "hello\n", "half": "SSH-2.0-x\r\n", "nothing": "",
		"junk behind the version": "SSH-2.0-x\r\n" + strings.Repeat("junk", 5000),
	} {
		for _, closes := range []bool{true, false} {
			if say == "" && !closes {
				continue // waits for as long as the stream lives: see TestServeContext
			}
			t.Run(fmt.Sprintf("%s, closes %v", name, closes), func(t *testing.T) {
				noLeak(t)
				a, b := socketPair(t)
				go io.Copy(io.Discard, b)
				go func() {
					io.WriteString(b, say)
					if closes {
						b.Close()
					}
				}()
				served := make(chan error, 1)
				go func() { served <- serve(context.Background(), a, 200*time.Millisecond) }()
				select {
				case err := <-served:
					if !errors.Is(err, ErrGone) {
						t.Errorf("Serve: %v; want ErrGone", err)
					}
				case <-time.After(limit):
					t.Error("Serve does not return")
				}
			})
		}
	}
}

// Serve ends with its ctx, also when its stream cannot be closed under a Read.
func TestServeContext(t *testing.T) {
	for _, dials := range []bool{true, false} {
		t.Run(fmt.Sprintf("client %v", dials), func(t *testing.T) {
			noLeak(t)
			a, b := socketPair(t)
			ctx, cancel := context.WithCancel(context.Background())
			served := make(chan error, 1)
			go func() { served <- Serve(ctx, deaf{a}) }()
			var pid int
			if dials {
				c := dialTest(t, b)
				_, out := start(t, testContext(t), c, Command{Args: []string{"hang"}})
				pid = pidOf(t, out.next(t))
			}
			cancel()
			select {
			case err := <-served:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Serve: %v; want %v", err, context.Canceled)
				}
			case <-time.After(limit):
				t.Error("Serve does not return")
			}
			if dials && !gone(t, pid) {
				t.Errorf("process %d lives", pid)
			}
		})
	}
}

// A deaf stream does not end a Read when it is closed, like a blocking stdin.
type deaf struct{ io.ReadWriter }

func (deaf) Close() error { return nil }

// A cutter passes a number of bytes of what is read, and then cuts or spoils
// the stream.
type cutter struct {
	io.ReadWriteCloser
	left  int
	spoil bool
}

func (c *cutter) Read(b []byte) (int, error) {
	if c.left <= 0 && !c.spoil {
		c.Close()
		return 0, io.EOF
	}
	if c.left > 0 {
		b = b[:min(len(b), c.left)]
	}
	n, err := c.ReadWriteCloser.Read(b)
	if c.left <= 0 && n > 0 {
		b[n-1] ^= 0x10
	}
	c.left -= n
	return n, err
}

// A stream that is cut, or spoiled, after any number of bytes in either
// direction makes both sides end: in the handshake, or in the calls after it.
func TestCutAnywhere(t *testing.T) {
	for _, spoil := range []bool{false, true} {
		for _, server := range []bool{false, true} {
			for at := 0; at < 2600; at += 53 {
				t.Run(fmt.Sprintf("spoil %v, server %v, byte %d", spoil, server, at), func(t *testing.T) {
					noLeak(t, "(*mux).openChannel") // see Client.open
					a, b := socketPair(t)
					var serverEnd, clientEnd io.ReadWriteCloser = a, b
					if server {
						serverEnd = &cutter{a, at, spoil}
					} else {
						clientEnd = &cutter{b, at, spoil}
					}
					served := make(chan error, 1)
					go func() { served <- serve(context.Background(), serverEnd, 500*time.Millisecond) }()
					if err := useHost(t, clientEnd); !errors.Is(err, ErrGone) {
						t.Errorf("the client got %v; want ErrGone", err)
					}
					select {
					case <-served:
					case <-time.After(limit):
						t.Error("Serve does not return")
					}
				})
			}
		}
	}
}

// useHost dials and makes calls until one fails.
func useHost(t *testing.T, conn io.ReadWriteCloser) error {
	c, err := dial(conn, 500*time.Millisecond)
	if err != nil {
		return err
	}
	defer c.Close()
	for range 20 {
		p, err := c.Start(testContext(t), Command{Args: []string{"no such program"}})
		if err != nil {
			return err
		}
		if _, err := p.Wait(); err != nil {
			return err
		}
	}
	return nil
}
