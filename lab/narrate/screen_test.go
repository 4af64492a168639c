//go:build unix

package narrate

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// A tty is a terminal with a test at its keys.
type tty struct {
	keys, far *os.File // the person's end, and the program's
	before    *term.State

	mu    sync.Mutex
	shown strings.Builder
}

func openTTY(t *testing.T) *tty {
	t.Helper()
	keys, far, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	c := &tty{keys: keys, far: far}
	// The far end stays open: Bubble Tea may still look at it after its end. It
	// goes with its last user, whom the hang-up wakes.
	t.Cleanup(func() { keys.Close() })
	if c.before, err = term.GetState(int(far.Fd())); err != nil {
		t.Fatal(err)
	}
	c.resize(t, 100, 30)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := keys.Read(buf)
			c.mu.Lock()
			c.shown.Write(buf[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

func (c *tty) resize(t *testing.T, columns, rows uint16) {
	t.Helper()
	if err := pty.Setsize(c.far, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.Fatal(err)
	}
}

func (c *tty) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown.String()
}

// await waits until a text has been shown.
func (c *tty) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for ; !strings.Contains(c.text(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not shown; all was:\n%q", text, c.text())
		}
	}
}

// However it ends, the terminal is as it was: its modes, the screen, the cursor.
func TestScreenRestoresTheTerminal(t *testing.T) {
	broken := errors.New("no engine")
	for name, way := range map[string]struct {
		end  func(*tty, *Narration, context.CancelFunc)
		want error
	}{
		"q":      {func(c *tty, _ *Narration, _ context.CancelFunc) { c.keys.WriteString("q") }, context.Canceled},
		"Ctrl-C": {func(c *tty, _ *Narration, _ context.CancelFunc) { c.keys.WriteString("\x03") }, context.Canceled},
		"signal": {func(_ *tty, _ *Narration, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"no lab": {func(_ *tty, n *Narration, _ context.CancelFunc) { n.Done(Outcome{Err: broken}) }, broken},
	} {
		t.Run(name, func(t *testing.T) {
			c := openTTY(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := New(testLesson(t), &Options{Color: true})
			ended := make(chan error, 1)
			go func() { ended <- n.Screen(ctx, c.far, c.far) }()
			c.await(t, "guinness  192.168.5.130")
			if now, err := term.GetState(int(c.far.Fd())); err != nil || reflect.DeepEqual(now, c.before) {
				t.Errorf("the keys are not raw while it plays (%v)", err)
			}
			way.end(c, n, cancel)
			if err := <-ended; !errors.Is(err, way.want) {
				t.Errorf("it ended with %v; want %v", err, way.want)
			}
			if now, err := term.GetState(int(c.far.Fd())); err != nil || !reflect.DeepEqual(now, c.before) {
				t.Errorf("the terminal's modes are not what they were (%v)", err)
			}
			c.await(t, "\x1b[?1049l") // the screen that was there before
			c.await(t, "\x1b[?25h")   // with its cursor
		})
	}
}

// The whole lesson on a screen, by the space bar; at the end it is told how the
// lesson came out, and space leaves.
func TestScreenToTheEnd(t *testing.T) {
	c := openTTY(t)
	les := testLesson(t)
	n := New(les, &Options{Speed: MaxSpeed})
	ended := make(chan error, 1)
	go func() { ended <- n.Screen(t.Context(), c.far, c.far) }()
	c.await(t, "Who is there?")
	(&fakeLab{les: les}).play().tellAll(n)
	c.await(t, "Names")
	c.resize(t, 60, 20)
	c.await(t, "hostname")
	deadline := time.Now().Add(20 * time.Second)
	for ; !strings.Contains(c.text(), "all as stated"); time.Sleep(5 * time.Millisecond) {
		c.keys.WriteString(" ")
		if time.Now().After(deadline) {
			t.Fatalf("it does not end:\n%q", c.text())
		}
	}
	c.keys.WriteString(" ")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
