// Package pcapng writes packet captures in the format that Wireshark reads
// (draft-ietf-opsawg-pcapng).
//
// It is a writer only, and depends on nothing, because the binary of a host
// holds it: there every process pays for what is linked. Package wire reads.
package pcapng

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Block types and options, draft-ietf-opsawg-pcapng sections 3.5 and 4.
const (
	sectionHeader       = 0x0A0D0D0A
	interfaceDesc       = 1
	interfaceStatistics = 5
	enhancedPacket      = 6

	optEnd         = 0
	optComment     = 1
	shbHardware    = 2
	shbOS          = 3
	shbApplication = 4
	ifName         = 2
	ifDescription  = 3
	ifTsresol      = 9
	epbFlags       = 2
	isbStart       = 2
	isbReceived    = 4
	isbDropped     = 5

	byteOrderMagic   = 0x1A2B3C4D
	linkTypeEthernet = 1
	nanoseconds      = 9 // if_tsresol: 10^-9 s

	maxOption = 32 << 10 // bytes of text; the format ends at 65535
)

// SnapLen is the most of one frame that a capture takes, in bytes.
const SnapLen = 256 << 10

// A Section says where a file comes from. Empty fields are left out.
type Section struct {
	Application, OS, Hardware, Comment string
}

// An Interface is one where packets were seen. All are Ethernet.
type Interface struct {
	Name, Description string
}

// A Direction says which way a packet crossed an interface. The zero value is
// not known.
type Direction uint8

// The directions, as in the first two bits of epb_flags.
const (
	In  Direction = 1
	Out Direction = 2
)

// A Reception says whom a frame was addressed to on its link. The zero value
// is not known.
type Reception uint8

// The receptions, as in epb_flags. Promiscuous is a frame for the address of
// somebody else.
const (
	Unicast Reception = iota + 1
	Multicast
	Broadcast
	Promiscuous
)

// A Packet is one frame at one interface.
type Packet struct {
	Interface int // as Writer.Interface returned it
	Time      time.Time
	Direction Direction
	Reception Reception
	Length    int    // bytes on the wire; 0 means len(Data)
	Data      []byte // from the Ethernet header on
	Comments  []string
}

// Statistics is what one interface counted up to a moment.
type Statistics struct {
	Interface int
	Time      time.Time // of the count
	Start     time.Time // of the capture; zero leaves it out
	Received  uint64    // packets
	Dropped   uint64    // packets that the capture lost
	Comment   string
}

// A Writer writes one section. Each block is one Write; nothing is kept back.
type Writer struct {
	w          io.Writer
	buf        []byte
	interfaces int
}

// NewWriter writes the section's header to w.
func NewWriter(w io.Writer, s Section) (*Writer, error) {
	p := &Writer{w: w}
	p.begin(sectionHeader)
	p.uint32(byteOrderMagic)
	p.uint16(1) // major
	p.uint16(0) // minor
	p.uint64(1<<64 - 1)
	p.text(optComment, s.Comment)
	p.text(shbHardware, s.Hardware)
	p.text(shbOS, s.OS)
	p.text(shbApplication, s.Application)
	return p, p.end()
}

// Interface adds an interface and returns its number in this section.
func (p *Writer) Interface(i Interface) (int, error) {
	p.begin(interfaceDesc)
	p.uint16(linkTypeEthernet)
	p.uint16(0)
	p.uint32(SnapLen)
	p.text(ifName, i.Name)
	p.text(ifDescription, i.Description)
	p.option(ifTsresol, []byte{nanoseconds})
	p.interfaces++
	return p.interfaces - 1, p.end()
}

// Packet writes a packet.
func (p *Writer) Packet(pkt Packet) error {
	if err := p.known(pkt.Interface); err != nil {
		return err
	}
	if len(pkt.Data) > SnapLen {
		pkt.Length, pkt.Data = max(pkt.Length, len(pkt.Data)), pkt.Data[:SnapLen]
	}
	p.begin(enhancedPacket)
	p.uint32(uint32(pkt.Interface))
	p.time(pkt.Time)
	p.uint32(uint32(len(pkt.Data)))
	p.uint32(uint32(max(pkt.Length, len(pkt.Data))))
	p.bytes(pkt.Data)
	if flags := uint32(pkt.Direction&3) | uint32(pkt.Reception&7)<<2; flags != 0 {
		p.option(epbFlags, binary.LittleEndian.AppendUint32(nil, flags))
	}
	for _, c := range pkt.Comments {
		p.text(optComment, c)
	}
	return p.end()
}

// Statistics writes what an interface counted.
func (p *Writer) Statistics(s Statistics) error {
	if err := p.known(s.Interface); err != nil {
		return err
	}
	p.begin(interfaceStatistics)
	p.uint32(uint32(s.Interface))
	p.time(s.Time)
	p.text(optComment, s.Comment)
	if !s.Start.IsZero() {
		ns := uint64(s.Start.UnixNano())
		p.option(isbStart, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(ns>>32)), uint32(ns)))
	}
	p.option(isbReceived, binary.LittleEndian.AppendUint64(nil, s.Received))
	p.option(isbDropped, binary.LittleEndian.AppendUint64(nil, s.Dropped))
	return p.end()
}

func (p *Writer) known(i int) error {
	if i < 0 || i >= p.interfaces {
		return fmt.Errorf("pcapng: interface %d: want one of the %d that were added", i, p.interfaces)
	}
	return nil
}

// begin starts a block. Its length is filled in by end.
func (p *Writer) begin(kind uint32) {
	p.buf = p.buf[:0]
	p.uint32(kind)
	p.uint32(0)
}

// end closes the options and the block, and writes it.
func (p *Writer) end() error {
	p.uint32(optEnd) // opt_endofopt: code and length
	length := uint32(len(p.buf)) + 4
	binary.LittleEndian.PutUint32(p.buf[4:], length)
	p.uint32(length)
	_, err := p.w.Write(p.buf)
	return err
}

func (p *Writer) uint16(v uint16) { p.buf = binary.LittleEndian.AppendUint16(p.buf, v) }
func (p *Writer) uint32(v uint32) { p.buf = binary.LittleEndian.AppendUint32(p.buf, v) }
func (p *Writer) uint64(v uint64) { p.buf = binary.LittleEndian.AppendUint64(p.buf, v) }

// time writes nanoseconds since 1970, the upper half first.
func (p *Writer) time(t time.Time) {
	ns := uint64(0)
	if !t.IsZero() {
		ns = uint64(t.UnixNano())
	}
	p.uint32(uint32(ns >> 32))
	p.uint32(uint32(ns))
}

// bytes writes b, padded to 32 bits.
func (p *Writer) bytes(b []byte) {
	p.buf = append(p.buf, b...)
	for len(p.buf)%4 != 0 {
		p.buf = append(p.buf, 0)
	}
}

func (p *Writer) text(code uint16, s string) {
	if s != "" {
		p.option(code, []byte(s[:min(len(s), maxOption)]))
	}
}

func (p *Writer) option(code uint16, value []byte) {
	p.uint16(code)
	p.uint16(uint16(len(value)))
	p.bytes(value)
}
