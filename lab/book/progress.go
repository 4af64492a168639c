package book

import (
	"sync/atomic"
	"time"
)

// stall is how long a count stands still before its line is printed: in a
// deadlock the line shows where both sides stuck.
const stall = time.Second

// A progress counts the octets of one phase of a transfer. The book's listing
// rewrites one terminal line for every piece; this prints the line once, when
// the phase ends, or when it stands still for a while, and then again only if
// more came after that. So the output is the same on every run.
type progress struct {
	out    *output
	phase  string // the event's
	format string // the line's, with one %d
	bytes  atomic.Int64
	stop   chan struct{}
	done   chan struct{}
}

func startProgress(out *output, phase, format string) *progress {
	p := &progress{out: out, phase: phase, format: format, stop: make(chan struct{}), done: make(chan struct{})}
	go p.watch()
	return p
}

func (p *progress) add(n int) { p.bytes.Add(int64(n)) }

// end prints the last count, unless it is on the screen already.
func (p *progress) end() {
	close(p.stop)
	<-p.done
}

func (p *progress) watch() {
	defer close(p.done)
	tick := time.NewTicker(stall)
	defer tick.Stop()
	shown, before := int64(-1), int64(0)
	for {
		select {
		case <-p.stop:
			p.show(shown)
			return
		case <-tick.C:
			now := p.bytes.Load()
			if now == before && now > 0 {
				shown = p.show(shown)
			}
			before = now
		}
	}
}

// show prints the count unless it is the one shown, and returns it.
func (p *progress) show(shown int64) int64 {
	n := p.bytes.Load()
	if n != shown {
		p.out.say(event{Event: "progress", Phase: p.phase}.counting(n), p.format, n)
	}
	return n
}
