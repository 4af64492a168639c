// Package capture sees what crosses the network interfaces of a host. Its
// program, capture, streams every frame as pcapng to its standard output, so
// that "capture > run.pcapng" is all that a person needs. Package record, which
// an orchestrator uses, joins the streams of all hosts.
//
// # The stream
//
// Beside the frames, the stream says three things, each as the comment of an
// interface statistics block:
//
//	ready                     nothing that happens from now on is missed
//	note TEXT                 what could not be done: an offload that stays on
//	fence N sent K clock C    K markers of fence N were sent; the block's time is
//	                          the one before the first of them, and C what the
//	                          wall clock is ahead of the monotonic one, in ns
//	end                       standard input has ended, and the ring is empty
//
// The block's drop count is the host's, up to the frames that follow it. What
// a fault took of the frames is told a second time, by the kernel's packet log,
// as a frame on an interface called LossInterface with the fault as comment.
//
// # Fences
//
// "fence N" on standard input makes the program send marker frames on every
// interface that can broadcast. Frames of one CPU stay in their order on their
// way through bridges and queues, so each marker goes out once on each CPU: a
// host that has seen them all has seen everything that the sender sent before.
package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"hostlab/lab/hint"
	"hostlab/lab/program"
)

// LossInterface is the interface by which the stream tells what faults took.
const LossInterface = "losses"

// LogGroup is the first of the LogGroups groups of the kernel's packet log
// (nfnetlink_log) to which a fault reports what it takes: an nf_tables rule
// with "log group 26732 prefix FAULT", and so on, in front of its verdict. As a
// group has one listener, that many captures of one host know of faults.
const (
	LogGroup  = 26732
	LogGroups = 4
)

// EtherType is that of markers: IEEE Std 802 local experimental EtherType 1.
const EtherType = 0x88B5

// The first words of the stream's comments.
const (
	Ready = "ready"
	Noted = "note "
	Ended = "end"
)

// NoLosses begins the note of a capture that the kernel does not tell what
// faults take.
const NoLosses = "what faults take is not known"

// Fenced is the stream's word about a fence, for fmt's Sprintf and Sscanf:
// the fence's number, the markers that were sent, and the clock in ns.
const Fenced = "fence %d sent %d clock %d"

// Args returns the words that start the program on a host for an
// orchestrator.
func Args(lab, host string) []string {
	return []string{"capture", "--lab", lab, "--host", host}
}

// Programs returns the program capture.
func Programs() []program.Program {
	return []program.Program{{
		Name:    "capture",
		Summary: "show what crosses this host's interfaces, as pcapng",
		Run:     Run,
	}}
}

const help = `Show what crosses this host's interfaces, as pcapng on standard output.

Usage:
  capture [flags] > FILE.pcapng

It ends when standard input does: Ctrl-D. On standard input, a line "fence N"
makes it send marker frames to all neighbours.

Flags:
      --lab ID       which lab the markers are of (default "")
      --host NAME    who sends the markers (default the host's name)
      --lo           what the host says to itself, too (default true)
      --ring MIB     memory for frames not yet read, in MiB (default 8)
  -h, --help         print this help

Examples:
  capture > run.pcapng
  capture --lo=false | tshark -r -

Exit status:
  0 done, 1 the kernel refused, 2 misuse
`

// options are the choices of one capture.
type options struct {
	lab, host string
	lo        bool
	ring      int // MiB
}

// Run is the program capture, in the network namespace of the calling thread.
func Run(ctx context.Context, s program.Stdio, args ...string) int {
	o, err := parse(args)
	if err == nil && isTerminal(s.Out) {
		err = program.Misuse{Err: hint.Add(errors.New("capture: standard output is a terminal: want a file or a pipe"), "capture > run.pcapng")}
	}
	if err == nil {
		err = run(ctx, s, o)
	}
	return program.Exit(s, "capture", help, err)
}

func parse(args []string) (options, error) {
	var o options
	flags := pflag.NewFlagSet("capture", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	name, _ := os.Hostname()
	flags.StringVar(&o.lab, "lab", "", "")
	flags.StringVar(&o.host, "host", name, "")
	flags.BoolVar(&o.lo, "lo", true, "")
	flags.IntVar(&o.ring, "ring", 8, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return o, err
	case err != nil:
		err = fmt.Errorf("capture: %w", err)
	case flags.NArg() > 0:
		err = fmt.Errorf("capture: unknown word %q", flags.Arg(0))
	case o.ring < 1 || o.ring > 1024:
		err = fmt.Errorf("capture: --ring %d: want 1 to 1024 MiB", o.ring)
	case len(o.lab) > maxName || len(o.host) > maxName:
		err = fmt.Errorf("capture: --lab and --host: want at most %d bytes", maxName)
	default:
		return o, nil
	}
	return o, program.Misuse{Err: hint.Add(err, "capture --help")}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A Marker is what a marker frame says, behind its Ethernet header.
type Marker struct {
	Lab, Host   string // at most 255 bytes each
	Fence       uint64
	Part, Parts uint16 // one part for each CPU, counted from 0
}

const (
	markerMagic = "hostlab1"
	maxName     = 255
)

// Append appends the marker's bytes.
func (m Marker) Append(b []byte) []byte {
	b = append(b, markerMagic...)
	b = binary.BigEndian.AppendUint64(b, m.Fence)
	b = binary.BigEndian.AppendUint16(b, m.Part)
	b = binary.BigEndian.AppendUint16(b, m.Parts)
	for _, name := range []string{m.Lab, m.Host} {
		name = name[:min(len(name), maxName)]
		b = append(b, byte(len(name)))
		b = append(b, name...)
	}
	return b
}

// ParseMarker reads a marker; what is behind it, such as padding, is no matter.
func ParseMarker(b []byte) (Marker, bool) {
	const fixed = len(markerMagic) + 8 + 2 + 2
	if len(b) < fixed || string(b[:len(markerMagic)]) != markerMagic {
		return Marker{}, false
	}
	m := Marker{
		Fence: binary.BigEndian.Uint64(b[8:]),
		Part:  binary.BigEndian.Uint16(b[16:]),
		Parts: binary.BigEndian.Uint16(b[18:]),
	}
	b = b[fixed:]
	for _, name := range []*string{&m.Lab, &m.Host} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return Marker{}, false
		}
		end := 1 + int(b[0])
		*name, b = string(b[1:end]), b[end:]
	}
	return m, m.Part < m.Parts
}
