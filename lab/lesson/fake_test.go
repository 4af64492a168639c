package lesson

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hostlab/lab/mark"
)

// A fakeLab is a Runner whose windows say what a script tells them to:
//
//	laptop$ udp_remote client guinness     when this is typed on laptop,
//	Client socket name is …                it prints this
//	guinness | The client at …             and this appears in a window of guinness
//	[exit 1]                               before it ends so; [exit 0] when nothing is said
//	guinness^C                             when ^C is pressed on guinness …
//	$ hostlab fault clear                  the reader's own machine
//	[gone]                                 the stream breaks
//	\\text                                  text, whatever it looks like
//	[empty]                                an empty line
//	[flood]                                the line above comes again without end
//	<FF>                                   a byte that is no UTF-8
//	rewrite 192.168.5. 10.9.8.             the lab has other addresses
//	wire laptop->>guinness UDP 35084 1060 23   a datagram crosses the wire: see fakeWire
//
// Each part of the script serves once, in its order among the equal ones.
type fakeLab struct {
	mu      sync.Mutex
	script  map[string][][]string
	windows map[string]*fakeWindow
	rewrite *strings.Replacer
	closed  int
	wire    fakeWire
}

func newFakeLab(t testing.TB, script string) *fakeLab {
	t.Helper()
	l := &fakeLab{script: map[string][][]string{}, windows: map[string]*fakeWindow{}, rewrite: strings.NewReplacer(), wire: newFakeWire()}
	key := ""
	for line := range strings.Lines(strings.ReplaceAll(script, "<FF>", "\xff")) {
		line = strings.TrimSuffix(line, "\n")
		host, rest, _ := strings.Cut(line, "$ ")
		pressed, _, isKey := strings.Cut(line, "^")
		switch {
		case line == "":
		case strings.HasPrefix(line, `\`):
			l.script[key][0] = append(l.script[key][0], line)
		case strings.HasPrefix(line, "rewrite "):
			l.rewrite = strings.NewReplacer(strings.Fields(line)[1:]...)
		case rest != "" && !strings.ContainsAny(host, " '"), isKey && len(line) == len(pressed)+2 && !strings.Contains(pressed, " "):
			key = line
			l.script[key] = append(l.script[key], nil)
		default:
			k := len(l.script[key]) - 1
			if k < 0 {
				t.Fatalf("script: %q belongs to nothing", line)
			}
			l.script[key][k] = append(l.script[key][k], line)
		}
	}
	return l
}

// answer takes the script's next part for what was typed or pressed.
func (l *fakeLab) answer(key string) ([]string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.script[key]
	if len(all) == 0 {
		return nil, false
	}
	l.script[key] = all[1:]
	return all[0], true
}

func (l *fakeLab) Window(_ context.Context, host, name string) (Window, error) {
	if host == "nowhere" {
		return nil, errors.New("no such host")
	}
	return l.window(host, name), nil
}

func (l *fakeLab) window(host, name string) *fakeWindow {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := host + ":" + name
	if l.windows[key] == nil {
		w := &fakeWindow{lab: l, host: host, events: make(chan mark.Event, 1<<16), gone: make(chan struct{}), shut: make(chan struct{})}
		w.send(mark.Event{Kind: mark.Prompt})
		l.windows[key] = w
	}
	return l.windows[key]
}

func (l *fakeLab) Hostlab(ctx context.Context, args []string, out io.Writer) (int, error) {
	lines, ok := l.answer("$ hostlab " + strings.Join(args, " "))
	if !ok {
		return 2, nil
	}
	for _, line := range lines {
		var code int
		switch {
		case strings.HasPrefix(line, "wire "):
			l.cross(line)
			continue
		case line == "[running]":
			<-ctx.Done()
			return 1, ctx.Err()
		case line == "[gone]":
			return 1, errors.New("the engine is gone")
		case scanned(line, "[exit %d]", &code):
			return code, nil
		}
		fmt.Fprintln(out, line)
	}
	return 0, nil
}

func (l *fakeLab) Caption(string) {}

func (l *fakeLab) Rewrite(text string) string { return l.rewrite.Replace(text) }

func scanned(line, format string, to ...any) bool {
	n, err := fmt.Sscanf(line, format, to...)
	return err == nil && n == len(to)
}

// A fakeWindow is one terminal of a fakeLab.
type fakeWindow struct {
	lab    *fakeLab
	host   string
	events chan mark.Event
	gone   chan struct{} // closed when the stream breaks
	shut   chan struct{} // closed by Close
	once   sync.Once
	sent   int64        // events made
	asked  atomic.Int64 // calls of Next
}

func (w *fakeWindow) send(e mark.Event) {
	w.sent++
	w.events <- e
}

// quiet waits until the run has taken all events and asks for more, so that
// what comes before a step and what comes behind it is the same each time.
func (w *fakeWindow) quiet() {
	for end := time.Now().Add(5 * time.Second); w.asked.Load() > 0 && w.asked.Load() <= w.sent; {
		if len(w.events) > queued || time.Now().After(end) {
			return
		}
		runtime.Gosched()
	}
}

func (w *fakeWindow) Type(line string) error {
	w.send(mark.Event{Kind: mark.Start})
	lines, ok := w.lab.answer(w.host + "$ " + line)
	if !ok {
		lines = []string{"sh: " + line + ": not in the script", "[exit 127]"}
	}
	w.play(lines, mark.Event{Kind: mark.End})
	return nil
}

func (w *fakeWindow) Key(b byte) error {
	name := "^" + string(rune(b+'@'))
	lines, _ := w.lab.answer(w.host + name)
	end := mark.Event{Kind: mark.End, Status: 130, Signal: "SIGINT"}
	if b == keys["^Z"] {
		end = mark.Event{Kind: mark.Stopped, Status: mark.StoppedStatus}
	}
	w.play(lines, end)
	return nil
}

// flood sends without end, until the window is closed.
func (w *fakeWindow) flood(e mark.Event) {
	for {
		select {
		case w.events <- e:
		case <-w.shut:
			return
		}
	}
}

// play makes events of a part of the script.
func (w *fakeWindow) play(lines []string, end mark.Event) {
	defer w.quiet()
	last := mark.Event{Kind: mark.Line}
	for _, line := range lines {
		var code int
		var signal string
		other, text, isOther := strings.Cut(line, " | ")
		isOther = isOther && !strings.HasPrefix(line, `\`)
		switch {
		case strings.HasPrefix(line, "wire "):
			w.lab.cross(line)
		case line == "[running]":
			return
		case line == "[gone]":
			w.once.Do(func() { close(w.gone) })
			return
		case line == "[stopped]":
			end = mark.Event{Kind: mark.Stopped, Status: mark.StoppedStatus}
		case scanned(line, "[exit %d]", &code):
			end = mark.Event{Kind: mark.End, Status: code}
		case scanned(line, "[killed %s", &signal):
			end = mark.Event{Kind: mark.End, Status: 130, Signal: strings.TrimSuffix(signal, "]")}
		case line == "[empty]":
			w.send(mark.Event{Kind: mark.Line})
		case line == "[flood]":
			go w.flood(last)
			return
		case isOther:
			host, name, ok := strings.Cut(other, ":")
			if !ok {
				name = "1"
			}
			if !strings.HasPrefix(text, "[") {
				text += "\n[running]"
			}
			w.lab.window(host, name).play(strings.Split(text, "\n"), end)
		default:
			last.Line = strings.TrimPrefix(line, `\`)
			w.send(last)
		}
	}
	w.send(end)
	w.send(mark.Event{Kind: mark.Prompt})
}

func (w *fakeWindow) Next(ctx context.Context) (mark.Event, error) {
	w.asked.Add(1)
	select {
	case e := <-w.events:
		return e, nil
	default:
	}
	err := io.ErrUnexpectedEOF
	select {
	case e := <-w.events:
		return e, nil
	case <-w.gone:
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.asked.Add(1 << 40) // nobody will ask again
	return mark.Event{}, err
}

func (w *fakeWindow) Close() error {
	w.lab.mu.Lock()
	defer w.lab.mu.Unlock()
	w.lab.closed++
	close(w.shut)
	return nil
}
