package lesson

import (
	"context"
	"testing"
	"time"

	"hostlab/lab/mark"
	"hostlab/lab/wire"
)

// A slow lab shows the line of a server a little after it was typed, and
// answers a client that is typed later than that.
type slow struct {
	*fakeLab
	server *fakeWindow
	silent bool
}

func (s *slow) Window(ctx context.Context, host, name string) (Window, error) {
	w, err := s.fakeLab.Window(ctx, host, name)
	if host == "guinness" {
		s.server = w.(*fakeWindow)
		return slowWindow{s.server, s}, err
	}
	return w, err
}

func (s *slow) Wire(context.Context) (*wire.Trace, error) { return &wire.Trace{}, nil }

type slowWindow struct {
	*fakeWindow
	lab *slow
}

func (w slowWindow) Type(line string) error {
	if !w.lab.silent {
		time.AfterFunc(startTime/30, func() { w.events <- mark.Event{Kind: mark.Line, Line: "Listening"} })
	}
	return w.fakeWindow.Type(line)
}

// TestUnhurried holds that a server's first line comes before the next command,
// and that one which shows nothing costs its time and no more.
func TestUnhurried(t *testing.T) {
	l, err := Parse("x.md", []byte("---\nlab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}\n---\n"+
		"```console\nguinness:~$ server\n[running]\nlaptop:~$ client\nguinness | Listening\n```\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, silent := range []bool{false, true} {
		lab := &slow{fakeLab: newFakeLab(t, "guinness$ server\n[running]\nlaptop$ client\n"), silent: silent}
		var listening, typed time.Duration
		res, err := Run(t.Context(), l, Unhurried(lab), Options{Progress: func(e Event) {
			switch {
			case e.Kind == EntryTaken && e.Entry.Kind == Printed:
				listening = e.Entry.At
			case e.Kind == EntryTaken && e.Entry.Kind == Typed && e.Entry.Place.Host == "laptop":
				typed = e.Entry.At
				if silent {
					lab.server.events <- mark.Event{Kind: mark.Line, Line: "Listening"}
				}
			}
		}})
		if err != nil || !res.OK() {
			t.Fatalf("silent %v: %v, %v", silent, err, res.All())
		}
		if silent && typed < startTime {
			t.Errorf("a silent program was given %v; want %v", typed, startTime)
		}
		if !silent && typed < listening {
			t.Errorf("the client was typed at %v, before the server's line at %v", typed, listening)
		}
	}
}
