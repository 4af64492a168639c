package capture

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hostlab/lab/program"
	"hostlab/lab/wire/pcapng"
)

const (
	// queueLimit is how much of the stream is kept for a reader that stalls,
	// in bytes.
	queueLimit = 32 << 20

	// drainTime is how long the ring is silent before it counts as empty at the
	// end: several times the longest that a frame stays unseen in a block.
	drainTime = 10 * blockTime

	// drainLimit is how long a capture goes on after the end of its input
	// where the traffic does not stop.
	drainLimit = time.Second
)

// A session is one capture.
type session struct {
	s     program.Stdio
	o     options
	ring  *ring
	log   *lossLog // nil when the kernel refused it
	out   *queue
	start time.Time

	ending atomic.Int64 // when the input ended, in ns since 1970; 0 before

	mu       sync.Mutex // of all that follows
	file     *pcapng.Writer
	links    *links
	beacon   *beacon
	notes    []string // not yet in the stream
	received map[int]uint64
	dropped  uint64
	closed   bool // what the session needs is closed
}

// losses is the stream's number of LossInterface, which is there first, so
// that statistics always have an interface to stand with.
const losses = 0

// run captures in the network namespace of the calling thread until standard
// input ends.
func run(ctx context.Context, s program.Stdio, o options) (err error) {
	c := &session{s: s, o: o, start: time.Now(), received: map[int]uint64{}}
	if c.ring, err = newRing(o.ring); err != nil {
		return err
	}
	defer c.ring.close()
	if c.log, err = newLossLog(); err != nil {
		c.notes = append(c.notes, fmt.Sprintf("%s: %v", NoLosses, err))
		c.log = nil
	} else {
		defer c.log.close()
	}
	if c.beacon, err = newBeacon(o.lab, o.host); err != nil {
		return err
	}
	defer c.beacon.close()
	if c.links, err = newLinks(c.describe, func(text string) { c.notes = append(c.notes, text) }); err != nil {
		return err
	}
	defer c.links.close()
	stop, err := c.follow()
	if err != nil {
		return err
	}
	defer stop()
	c.out = newQueue(s.Out, queueLimit)
	err = c.capture(ctx)
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	if broken := c.out.close(); broken != nil {
		return fmt.Errorf("capture: output: %w", broken)
	}
	return err
}

// follow keeps the list of interfaces up to date until stop is called.
func (c *session) follow() (stop func(), err error) {
	changes, done := make(chan netlink.LinkUpdate), make(chan struct{})
	ignore := func(error) {} // of a subscription that ends: frames of a new interface name it, too
	if err := netlink.LinkSubscribeWithOptions(changes, done, netlink.LinkSubscribeOptions{ErrorCallback: ignore}); err != nil {
		return nil, fmt.Errorf("capture: interfaces: %w", err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for range changes {
			c.mu.Lock()
			if c.file != nil && !c.closed && c.links.refresh() == nil && c.flushNotes() == nil {
				c.out.flush()
			}
			c.mu.Unlock()
		}
	})
	return func() {
		close(done)
		wait.Wait()
	}, nil
}

// capture writes the stream.
func (c *session) capture(ctx context.Context) error {
	if err := c.begin(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.end(time.Unix(0, 1)) })
	defer stop()
	go func() {
		c.listen()
		c.end(time.Now())
	}()
	for {
		since := c.ending.Load()
		if since != 0 {
			if time.Since(time.Unix(0, since)) > drainLimit {
				return c.finish()
			}
			c.ring.file.SetReadDeadline(time.Now().Add(drainTime))
		}
		b, err := c.ring.wait()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && since == 0:
			continue // woken by end
		case errors.Is(err, os.ErrDeadlineExceeded):
			return c.finish()
		case err != nil:
			return fmt.Errorf("capture: ring: %w", err)
		}
		if err := c.block(b); err != nil {
			return err
		}
	}
}

// begin writes what stands in front of the frames.
func (c *session) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	c.file, err = pcapng.NewWriter(c.out, pcapng.Section{Application: "hostlab capture", OS: "linux", Hardware: runtime.GOARCH, Comment: c.o.host})
	if err != nil {
		return err
	}
	// The first number is the one of the statistics.
	if _, err := c.file.Interface(pcapng.Interface{Name: LossInterface, Description: "what faults took, as the kernel's packet log has it"}); err != nil {
		return err
	}
	if err := c.links.refresh(); err != nil {
		return err
	}
	if err := c.flushNotes(); err != nil {
		return err
	}
	if err := c.say(Ready, time.Now()); err != nil {
		return err
	}
	c.out.flush()
	return nil
}

// describe gives an interface a number in the stream.
func (c *session) describe(l *link) (int, error) {
	return c.file.Interface(pcapng.Interface{Name: l.name})
}

// say writes a statistics block with a comment. It is called with mu held.
func (c *session) say(text string, at time.Time) error {
	return c.file.Statistics(pcapng.Statistics{
		Interface: losses, Time: at, Start: c.start, Dropped: c.dropped, Comment: text,
	})
}

// flushNotes writes the notes. It is called with mu held.
func (c *session) flushNotes() error {
	for _, n := range c.notes {
		if err := c.say(Noted+n, time.Now()); err != nil {
			return err
		}
	}
	c.notes = nil
	return nil
}

// listen does what standard input says until it ends.
func (c *session) listen() {
	for in := bufio.NewScanner(c.s.In); in.Scan(); {
		var fence uint64
		if n, err := fmt.Sscanf(in.Text(), "fence %d", &fence); n != 1 || err != nil {
			fmt.Fprintf(c.s.Err, "capture: %q: want fence NUMBER\n", in.Text())
			continue
		}
		if err := c.fence(fence); err != nil {
			fmt.Fprintln(c.s.Err, err)
		}
	}
}

// end has the ring read until it is empty. A time long ago ends it at once.
func (c *session) end(at time.Time) {
	c.ring.file.SetReadDeadline(time.Now()) // wakes the reader, who sets another
	c.ending.Store(at.UnixNano())
}

// fence sends markers and says so.
func (c *session) fence(fence uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	if err := c.links.refresh(); err != nil {
		return err
	}
	before := time.Now()
	sent, err := c.beacon.send(fence, c.links.senders())
	if err != nil {
		c.notes = append(c.notes, err.Error())
	}
	if err := c.flushNotes(); err != nil {
		return err
	}
	if err := c.say(fmt.Sprintf(Fenced, fence, sent, ahead()), before); err != nil {
		return err
	}
	c.out.flush()
	return nil
}

// ahead returns by how much the wall clock is ahead of the monotonic one, in
// ns. The best of three readings is the one in which least came between.
func ahead() int64 {
	type reading struct{ between, ahead int64 }
	var best []reading
	for range 3 {
		var a, wall, b unix.Timespec
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &a)
		unix.ClockGettime(unix.CLOCK_REALTIME, &wall)
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &b)
		best = append(best, reading{b.Nano() - a.Nano(), wall.Nano() - (a.Nano()+b.Nano())/2})
	}
	return slices.MinFunc(best, func(x, y reading) int { return cmp.Compare(x.between, y.between) }).ahead
}

// block writes a block of the ring and gives it back. What the log says of
// its frames, and what was dropped before them, comes first.
func (c *session) block(b block) error {
	defer b.release()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.drainLog(); err != nil {
		return err
	}
	if b.losing() {
		if err := c.count(); err != nil {
			return err
		}
		if err := c.say("dropped", time.Now()); err != nil {
			return err
		}
	}
	if err := b.each(c.frame); err != nil {
		return err
	}
	c.out.flush()
	return c.out.failed()
}

func (c *session) count() error {
	n, err := c.ring.dropped()
	c.dropped += n
	if err != nil {
		return fmt.Errorf("capture: statistics: %w", err)
	}
	return nil
}

// drainLog writes what the log has.
func (c *session) drainLog() error {
	if c.log == nil {
		return nil
	}
	err := c.log.each(func(l loss) error {
		return c.file.Packet(pcapng.Packet{
			Interface: losses, Time: l.time, Direction: pcapng.In, Data: l.data, Comments: []string{l.fault},
		})
	})
	if errors.Is(err, unix.ENOBUFS) {
		c.dropped++ // or more; one is enough to doubt
		return c.say("dropped", time.Now())
	}
	return err
}

var receptions = map[uint8]pcapng.Reception{
	unix.PACKET_HOST:      pcapng.Unicast,
	unix.PACKET_MULTICAST: pcapng.Multicast,
	unix.PACKET_BROADCAST: pcapng.Broadcast,
	unix.PACKET_OTHERHOST: pcapng.Promiscuous,
}

// frame writes one frame.
func (c *session) frame(s sighting) error {
	l, err := c.links.of(int(s.from.Ifindex))
	if err != nil {
		return err
	}
	if l.id < 0 || l.lo && !c.o.lo {
		return nil
	}
	c.received[l.id]++
	data, length := s.frame()
	p := pcapng.Packet{
		Interface: l.id, Time: s.time(), Length: length, Data: data,
		Direction: pcapng.In, Reception: receptions[s.from.Pkttype],
	}
	if s.from.Pkttype == unix.PACKET_OUTGOING {
		p.Direction = pcapng.Out
	}
	return c.file.Packet(p)
}

// finish writes what stands behind the frames.
func (c *session) finish() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errors.Join(c.drainLog(), c.count(), c.flushNotes()); err != nil {
		return err
	}
	for _, l := range c.links.all {
		if l.id < 0 {
			continue
		}
		s := pcapng.Statistics{Interface: l.id, Time: time.Now(), Start: c.start, Received: c.received[l.id]}
		if err := c.file.Statistics(s); err != nil {
			return err
		}
	}
	if err := c.say(Ended, time.Now()); err != nil {
		return err
	}
	c.out.flush()
	return nil
}
