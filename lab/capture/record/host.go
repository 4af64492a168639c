package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"hostlab/lab/capture"
	"hostlab/lab/wire"
)

// A host is one capture, as the recorder knows it.
type host struct {
	Stream
	commands chan string
	quit     chan struct{} // closed by stop
	stopping sync.Once
	done     chan struct{} // closed when the stream has ended

	// The rest is under the recorder's mu.
	ready, clean, ended bool
	err                 error // why it ended
	killed, paused      bool
	cut                 []string // networks
	remarks             []string
	dropped             uint64 // by the capture's count
	overflow            uint64 // not kept here
	reported            uint64 // dropped and overflow at the latest fence
	forgotten           uint64 // of these, before the latest Forget

	clock    int64 // of the latest fence, in ns
	fences   map[uint64]answer
	arrivals map[arrival]map[string]*parts // by interface
}

// An answer is a host's word that it has sent its markers.
type answer struct {
	at       time.Time // by the host's clock, before it sent the first
	received time.Time // by this computer's
	sent     int
}

// An arrival is a host's marker at another one, or at itself when it went.
type arrival struct {
	fence     uint64
	from      string
	direction wire.Direction
}

// Parts are those of a marker that came at an interface.
type parts struct {
	seen map[uint16]bool
	of   int
}

func newHost(s Stream) *host {
	return &host{
		Stream: s, commands: make(chan string, 8), quit: make(chan struct{}), done: make(chan struct{}),
		fences: map[uint64]answer{}, arrivals: map[arrival]map[string]*parts{},
	}
}

// write hands commands to the capture, until stop.
func (h *host) write() {
	defer h.In.Close() // what it says of it is no matter at the end
	for {
		select {
		case c := <-h.commands:
			if _, err := io.WriteString(h.In, c); err != nil {
				return // the stream's end says more
			}
		case <-h.quit:
			return
		}
	}
}

// command queues a line for the capture. When it does not listen, there is
// no use in queueing more: fences are asked for again.
func (h *host) command(line string) {
	select {
	case h.commands <- line:
	default:
	}
}

func (h *host) stop() { h.stopping.Do(func() { close(h.quit) }) }

// failure says why a capture can't be read any more.
func (h *host) failure() error {
	err := h.err
	switch {
	case !h.ended:
		err = errors.New("it does not end")
	case err == nil:
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the capture on %s ended: %w", h.Host, err)
}

// read takes a stream to its end.
func (r *Recorder) read(h *host) {
	defer close(h.done)
	in, err := wire.NewReader(h.Out, func(s wire.Statistics) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.counted(h, s)
	})
	for err == nil {
		var f wire.Frame
		if f, err = in.Next(); err == nil {
			f.Host = h.Host
			r.frame(h, f)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h.ended = true
	if !errors.Is(err, io.EOF) {
		h.err = err
	}
	r.changed()
}

// counted takes what a stream says between its frames.
func (r *Recorder) counted(h *host, s wire.Statistics) {
	if s.Interface != capture.LossInterface {
		return
	}
	h.dropped = s.Dropped
	var fence uint64
	var a answer
	var clock int64
	switch remark, isRemark := strings.CutPrefix(s.Comment, capture.Noted); {
	case s.Comment == capture.Ready:
		h.ready = true
	case s.Comment == capture.Ended:
		h.clean = true
	case isRemark:
		if !slices.Contains(h.remarks, remark) {
			h.remarks = append(h.remarks, remark)
		}
	default:
		if n, _ := fmt.Sscanf(s.Comment, capture.Fenced, &fence, &a.sent, &clock); n == 3 {
			a.at, a.received = s.Time, time.Now()
			r.answered(h, fence, a, clock)
		}
	}
	r.changed()
}

// clockStep is what the hosts' clock may be set by without a doubt: far less
// than any patience of the book's programs.
const clockStep = 20 * time.Millisecond

// answered takes a host's word that its markers are sent. Of several, for a
// fence that was asked for again, the first says when.
func (r *Recorder) answered(h *host, fence uint64, a answer, clock int64) {
	if first, ok := h.fences[fence]; ok {
		first.sent = min(first.sent, a.sent)
		a = first
	}
	h.fences[fence] = a
	step := time.Duration(clock - h.clock)
	if h.clock != 0 && step.Abs() > clockStep {
		r.doubts = append(r.doubts, fmt.Sprintf("the clock of %s was set by %v", h.Host, step))
	}
	h.clock = clock
}

// frame takes a frame.
func (r *Recorder) frame(h *host, f wire.Frame) {
	const header = 14 // bytes of Ethernet's, EtherType last
	isMarker := len(f.Data) >= header && binary.BigEndian.Uint16(f.Data[12:]) == capture.EtherType
	r.mu.Lock()
	defer r.mu.Unlock()
	if isMarker {
		r.marker(h, &f, f.Data[header:])
		return
	}
	if r.bytes += int64(len(f.Data)) + frameOverhead; r.bytes > r.o.MaxBytes {
		r.bytes -= int64(len(f.Data)) + frameOverhead
		h.overflow++
		return
	}
	if f.Interface == capture.LossInterface {
		r.losses = append(r.losses, wire.Loss{Host: h.Host, Time: f.Time, Fault: f.Comment, Data: f.Data[min(len(f.Data), header):]})
		return
	}
	r.frames = append(r.frames, f)
}

// marker notes where a marker was seen.
func (r *Recorder) marker(h *host, f *wire.Frame, data []byte) {
	m, ok := capture.ParseMarker(data)
	if !ok || m.Lab != r.o.Lab || f.Other || m.Fence > r.fence || m.Fence+keepFences < r.fence {
		return
	}
	a := arrival{m.Fence, m.Host, f.Direction}
	if h.arrivals[a] == nil {
		h.arrivals[a] = map[string]*parts{}
	}
	p := h.arrivals[a][f.Interface]
	if p == nil {
		p = &parts{map[uint16]bool{}, int(m.Parts)}
		h.arrivals[a][f.Interface] = p
	}
	p.seen[m.Part] = true
	r.changed()
}
