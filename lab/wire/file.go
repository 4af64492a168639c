package wire

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"hostlab/lab/wire/pcapng"
)

// takenBy begins the comment of a frame that a fault took.
const takenBy = "taken by fault: "

// WritePcapng writes all frames of the trace, whatever its bounds, as one
// pcapng file: an interface for each interface of each host, named "laptop
// eth0", and behind each frame what the notes and faults say of it. Markers
// are left out. What a host's capture dropped stands with its first interface.
func (t *Trace) WritePcapng(w io.Writer) error {
	out, err := pcapng.NewWriter(w, pcapng.Section{Application: "hostlab"})
	if err != nil {
		return err
	}
	ids, err := t.writeInterfaces(out)
	if err != nil {
		return err
	}
	faults := t.faults()
	received := map[int]uint64{}
	for _, i := range t.order() {
		f := &t.Frames[i]
		p := Decode(f.Data)
		if p.Kind == Marker {
			continue
		}
		id := ids[place{f.Host, f.Interface}]
		received[id]++
		err := out.Packet(pcapng.Packet{
			Interface: id, Time: f.Time, Direction: directions[f.Direction], Reception: f.reception(p),
			Length: f.Length, Data: f.Data, Comments: t.comments(f, faults[i]),
		})
		if err != nil {
			return err
		}
	}
	return t.writeStatistics(out, ids, received)
}

var directions = map[Direction]pcapng.Direction{In: pcapng.In, Out: pcapng.Out}

// reception says whom a frame was for.
func (f *Frame) reception(p *Packet) pcapng.Reception {
	switch {
	case f.Other:
		return pcapng.Promiscuous
	case p.DstMAC == MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}:
		return pcapng.Broadcast
	case p.DstMAC.Group():
		return pcapng.Multicast
	}
	return pcapng.Unicast
}

// A place is an interface of a host.
type place struct{ host, iface string }

// places returns the interfaces of the trace by host and name.
func (t *Trace) places() []place {
	seen := map[place]bool{}
	for i := range t.Frames {
		seen[place{t.Frames[i].Host, t.Frames[i].Interface}] = true
	}
	for host := range t.Dropped {
		if !slices.ContainsFunc(t.Frames, func(f Frame) bool { return f.Host == host }) {
			seen[place{host, "eth0"}] = true
		}
	}
	var all []place
	for p := range seen {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b place) int {
		return strings.Compare(a.host+" "+a.iface, b.host+" "+b.iface)
	})
	return all
}

func (t *Trace) writeInterfaces(out *pcapng.Writer) (map[place]int, error) {
	ids := map[place]int{}
	for _, p := range t.places() {
		id, err := out.Interface(pcapng.Interface{Name: p.host + " " + p.iface})
		if err != nil {
			return nil, err
		}
		ids[p] = id
	}
	return ids, nil
}

func (t *Trace) writeStatistics(out *pcapng.Writer, ids map[place]int, received map[int]uint64) error {
	var last time.Time
	for i := range t.Frames {
		if t.Frames[i].Time.After(last) {
			last = t.Frames[i].Time
		}
	}
	done := map[string]bool{}
	for _, p := range t.places() {
		s := pcapng.Statistics{Interface: ids[p], Time: last, Received: received[ids[p]]}
		if !done[p.host] {
			s.Dropped = t.Dropped[p.host]
		}
		done[p.host] = true
		if err := out.Statistics(s); err != nil {
			return err
		}
	}
	return nil
}

// faults returns the faults that took frames, by the index of the frame.
func (t *Trace) faults() map[int]string {
	faults := map[int]string{}
	for _, p := range t.Between(time.Time{}, time.Time{}).Passages() {
		for _, s := range p.Sightings {
			for _, i := range s.Frames {
				if s.Fault != "" {
					faults[i] = s.Fault
				}
			}
		}
	}
	return faults
}

func (t *Trace) comments(f *Frame, fault string) []string {
	var all []string
	if f.Comment != "" {
		all = append(all, f.Comment)
	}
	behind, _ := slices.BinarySearchFunc(t.Notes, f.Time, func(n Note, at time.Time) int {
		if n.Time.After(at) {
			return 1
		}
		return -1
	})
	if behind > 0 && t.Notes[behind-1].Text != "" {
		all = append(all, t.Notes[behind-1].Text)
	}
	if fault != "" {
		all = append(all, takenBy+fault)
	}
	return all
}

// ReadPcapng reads what WritePcapng wrote. Topology, bounds and the times of
// notes are not in a file. The caller limits the length of r.
func ReadPcapng(r io.Reader) (*Trace, error) {
	t := &Trace{Dropped: map[string]uint64{}}
	in, err := NewReader(r, func(s Statistics) {
		host, _ := splitPlace(s.Interface)
		t.Dropped[host] += s.Dropped
	})
	if err != nil {
		return nil, err
	}
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		f.Host, f.Interface = splitPlace(f.Interface)
		t.Frames = append(t.Frames, f)
	}
}

// splitPlace splits "laptop eth0". A name without a host's is an interface's.
func splitPlace(name string) (host, iface string) {
	host, iface, ok := strings.Cut(name, " ")
	if !ok {
		return "", host
	}
	return host, iface
}

// A Reader reads a pcapng stream as it comes.
type Reader struct {
	ng *pcapgo.NgReader
}

// Statistics is what one interface counted up to a moment.
type Statistics struct {
	Interface         string // as the stream names it
	Time              time.Time
	Received, Dropped uint64
	Comment           string
}

// NewReader returns a Reader when the stream's first block has come. Next
// calls counted with what interfaces counted, as it comes by; nil means nobody
// listens.
func NewReader(r io.Reader, counted func(Statistics)) (*Reader, error) {
	in := &Reader{}
	o := pcapgo.NgReaderOptions{WantMixedLinkType: true}
	if counted != nil {
		o.StatisticsCallback = func(i int, s pcapgo.NgInterfaceStatistics) {
			count := func(n uint64) uint64 {
				if n == pcapgo.NgNoValue64 {
					return 0
				}
				return n
			}
			counted(Statistics{
				Interface: in.name(i), Time: s.LastUpdate, Comment: s.Comment,
				Received: count(s.PacketsReceived), Dropped: count(s.PacketsDropped),
			})
		}
	}
	ng, err := pcapgo.NewNgReader(r, o)
	if err != nil {
		return nil, fmt.Errorf("wire: pcapng: %w", err)
	}
	in.ng = ng
	return in, nil
}

func (r *Reader) name(i int) string {
	known, err := r.ng.Interface(i)
	if err != nil || known.Name == "" {
		return fmt.Sprint("if", i)
	}
	return known.Name
}

// Next returns the next Ethernet frame. Its Interface is as the stream names
// it, its Host is empty. The error is io.EOF at the end of the last block.
func (r *Reader) Next() (Frame, error) {
	for {
		data, ci, o, err := r.ng.ReadPacketDataWithOptions()
		if err == io.EOF {
			return Frame{}, io.EOF
		}
		if err != nil {
			return Frame{}, fmt.Errorf("wire: pcapng: %w", err)
		}
		known, err := r.ng.Interface(ci.InterfaceIndex)
		if err != nil || known.LinkType != layers.LinkTypeEthernet {
			continue
		}
		f := Frame{Interface: r.name(ci.InterfaceIndex), Time: ci.Timestamp, Data: data}
		if ci.Length != len(data) {
			f.Length = ci.Length
		}
		if o.Flags != nil {
			f.Other = o.Flags.Reception == pcapgo.NgEpbFlagReceptionTypePromiscuous
			switch o.Flags.Direction {
			case pcapgo.NgEpbFlagDirectionInbound:
				f.Direction = In
			case pcapgo.NgEpbFlagDirectionOutbound:
				f.Direction = Out
			}
		}
		f.comment(o.Comments)
		return f, nil
	}
}

func (f *Frame) comment(all []string) {
	for _, c := range all {
		if fault, ok := strings.CutPrefix(c, takenBy); ok {
			f.Fault = fault
		} else if f.Comment == "" {
			f.Comment = c
		} else {
			f.Comment += "; " + c
		}
	}
}
