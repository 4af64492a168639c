package mutate

import (
	"context"
	"io"
	"strings"

	"hostlab/lab/lesson"
	"hostlab/lab/mark"
	"hostlab/lab/wire"
)

// A toy is a lab of one server and its clients, without any network:
//
//	udp_remote server ADDRESS [-p PORT]    listens, until ^C
//	udp_remote client ADDRESS [-p PORT]    "answered", or "refused" and status 1
//	$ hostlab fault drop HOST udp/PORT     a client of another host hears nothing: status 3
type toy struct {
	bound   string // "guinness 192.168.5.130 1060"; "" when no server listens
	dropped string // "guinness udp/1060"
}

var addrs = map[string]string{"laptop": "192.168.5.10", "guinness": "192.168.5.130"}

func (t *toy) Window(_ context.Context, host, _ string) (lesson.Window, error) {
	w := &toyWindow{toy: t, host: host, events: make(chan mark.Event, 100)}
	w.events <- mark.Event{Kind: mark.Prompt}
	return w, nil
}

func (t *toy) Hostlab(_ context.Context, args []string, _ io.Writer) (int, error) {
	t.dropped = ""
	if args[1] == "drop" {
		t.dropped = args[2] + " " + args[3]
	}
	return 0, nil
}

func (t *toy) Wire(context.Context) (*wire.Trace, error) { return &wire.Trace{}, nil }
func (t *toy) Caption(string)                            {}
func (t *toy) Rewrite(text string) string                { return text }

type toyWindow struct {
	toy    *toy
	host   string
	events chan mark.Event
}

func (w *toyWindow) Type(line string) error {
	words := append(strings.Fields(strings.ReplaceAll(line, "''", "0.0.0.0")), "-p", "1060")
	role, addr, port := words[1], words[2], words[4]
	w.events <- mark.Event{Kind: mark.Start}
	if role == "server" {
		w.toy.bound = w.host + " " + addr + " " + port
		w.events <- mark.Event{Kind: mark.Line, Line: "Listening at ('" + addr + "', " + port + ")"}
		return nil
	}
	line, status := w.ask(addr, port)
	w.events <- mark.Event{Kind: mark.Line, Line: line}
	w.events <- mark.Event{Kind: mark.End, Status: status}
	w.events <- mark.Event{Kind: mark.Prompt}
	return nil
}

// ask is a client's question.
func (w *toyWindow) ask(addr, port string) (string, int) {
	to := w.host
	for host, a := range addrs {
		if addr == host || addr == a {
			to, addr = host, a
		}
	}
	bound := strings.Fields(w.toy.bound)
	switch {
	case to != w.host && w.toy.dropped == to+" udp/"+port:
		return "silence", 3
	case len(bound) > 0 && bound[0] == to && bound[2] == port && (bound[1] == addr || bound[1] == "0.0.0.0"):
		return "answered", 0
	}
	return "refused", 1
}

func (w *toyWindow) Key(b byte) error {
	e := mark.Event{Kind: mark.End, Status: 130, Signal: "SIGINT"}
	if b == 'Z'-'@' {
		e = mark.Event{Kind: mark.Stopped, Status: mark.StoppedStatus}
	}
	w.toy.bound = ""
	w.events <- e
	w.events <- mark.Event{Kind: mark.Prompt}
	return nil
}

func (w *toyWindow) Next(ctx context.Context) (mark.Event, error) {
	select {
	case e := <-w.events:
		return e, nil
	case <-ctx.Done():
		return mark.Event{}, ctx.Err()
	}
}

func (w *toyWindow) Close() error { return nil }
