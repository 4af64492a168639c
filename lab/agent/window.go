package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"hostlab/lab/mark"
)

// Lines of a window are so wide that no program breaks its own.
const windowColumns = 500

// maxType is the longest line that a terminal takes, its line end included:
// N_TTY_BUF_SIZE less one, see termios(3) on canonical mode.
const maxType = 4095

// A Window is a terminal on a host with a shell in it, which says by marks
// what it does. Type, Key and Next may be called concurrently, Next by one
// goroutine at a time.
type Window struct {
	client *Client
	name   string
	ch     channel
	events chan mark.Event
	status Status // how the shell ended, when told
	told   bool   // read after events is closed

	typing sync.Mutex
	once   sync.Once
	closed chan struct{}
}

// Window opens a terminal and starts "sh" in it, in window mode: no prompt
// text, no echo, marks (lab/mark) for prompts, starts and ends. The name is
// for errors. Ctx limits the opening only; the caller closes the Window.
//
// The terminal neither echoes nor adds carriage returns, and Ctrl-C does not
// throw away what was printed or typed before it (NOFLSH), so that no output
// is lost.
func (c *Client) Window(ctx context.Context, name string) (*Window, error) {
	token := rand.Text()
	ch, err := c.start(ctx, Command{
		Args: []string{"sh"},
		Env:  []string{mark.WindowEnv + "=1", mark.TokenEnv + "=" + token, "NO_COLOR=1", "LANG=C"},
		Terminal: &Terminal{Term: "dumb", Columns: windowColumns, Rows: 50,
			modes: map[uint8]uint32{ssh.ONLCR: 0, ssh.ECHOCTL: 0, ssh.NOFLSH: 1}},
	})
	if err != nil {
		return nil, fmt.Errorf("agent: window %s: %w", name, err)
	}
	w := &Window{client: c, name: name, ch: ch, events: make(chan mark.Event, 64), closed: make(chan struct{})}
	go w.read(token)
	return w, nil
}

// read turns the terminal's output into events. When nobody takes them, it
// waits; the programs in the window then wait too, once SSH's window (2 MiB) is full.
func (w *Window) read(token string) {
	defer close(w.events)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for req := range w.ch.requests {
			if s, ok := parseStatus(req); ok {
				w.status, w.told = s, true
			}
			req.Reply(false, nil)
		}
	}()
	// What the agent itself says, that there is no shell, comes on the other
	// stream and before the terminal's end.
	out := io.MultiReader(w.ch, w.ch.Stderr())
	for s := mark.NewScanner(out, token); ; {
		e, err := s.Next()
		if err != nil {
			<-ended
			return
		}
		select {
		case w.events <- e:
		case <-w.closed:
			<-ended
			return
		}
	}
}

// Type types a line and the Enter key. A line that the shell or the program in
// front does not read yet waits in the terminal. A line may be 4094 bytes long
// and has no control bytes but tabs: those are keys.
func (w *Window) Type(line string) error {
	if len(line) >= maxType {
		return fmt.Errorf("agent: window %s: type: line of %d bytes; a terminal takes %d", w.name, len(line), maxType-1)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
		return fmt.Errorf("agent: window %s: type: control byte %#02x in %q; press it with Key", w.name, line[i], line)
	}
	return w.write([]byte(line + "\n"))
}

// Key presses one key: a control byte such as 0x03 (Ctrl-C).
func (w *Window) Key(b byte) error { return w.write([]byte{b}) }

func (w *Window) write(b []byte) error {
	w.typing.Lock()
	defer w.typing.Unlock()
	if _, err := w.ch.Write(b); err != nil {
		return w.ended("type")
	}
	return nil
}

// Next returns the next event. After the shell's end and all its output the
// error wraps io.EOF, after Close os.ErrClosed, without the host ErrGone, and
// ctx's error when ctx ends first; no event is lost then.
func (w *Window) Next(ctx context.Context) (mark.Event, error) {
	select {
	case <-w.closed:
		return mark.Event{}, w.ended("read")
	default:
	}
	select {
	case e, ok := <-w.events: // an event at hand is worth more than a ctx that ended
		return w.next(e, ok)
	default:
	}
	select {
	case e, ok := <-w.events:
		return w.next(e, ok)
	case <-w.closed:
		return mark.Event{}, w.ended("read")
	case <-ctx.Done():
		return mark.Event{}, fmt.Errorf("agent: window %s: %w", w.name, ctx.Err())
	}
}

func (w *Window) next(e mark.Event, ok bool) (mark.Event, error) {
	if ok {
		return e, nil
	}
	if w.told {
		return mark.Event{}, fmt.Errorf("agent: window %s: the shell ended with status %d: %w", w.name, w.status.Code, io.EOF)
	}
	return mark.Event{}, w.ended("read")
}

func (w *Window) ended(what string) error {
	select {
	case <-w.closed:
		return fmt.Errorf("agent: window %s: %s: %w", w.name, what, os.ErrClosed)
	default:
	}
	if w.client.stream.reason() != nil {
		return w.client.lost("window " + w.name)
	}
	return fmt.Errorf("agent: window %s: %s: the shell has ended: %w", w.name, what, io.EOF)
}

// Close ends the window and every process in it. It does not wait for their
// end. It is safe to call twice.
func (w *Window) Close() error {
	var err error
	w.once.Do(func() {
		close(w.closed)
		if err = w.ch.Close(); err != nil && (errors.Is(err, io.EOF) || w.client.stream.reason() != nil) {
			err = nil // ended before
		}
	})
	return err
}
