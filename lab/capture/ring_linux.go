package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"hostlab/lab/hint"
)

// The ring's geometry. A block goes to the reader when it is full, and
// blockTime after its first frame at the latest; with small blocks the ring
// lasts long even when each holds only one frame.
const (
	blockSize = 64 << 10             // bytes, also the most of one frame that is kept
	blockTime = 4 * time.Millisecond // packet_mmap.rst: tp_retire_blk_tov
)

// A ring receives what crosses every interface of a network namespace, also
// of those that come later: TPACKET_V3 (packet(7), packet_mmap.rst).
type ring struct {
	file  *os.File
	conn  syscall.RawConn
	mem   []byte
	count int // blocks
	next  int // the block that the kernel fills next
}

// newRing opens a ring in the network namespace of the calling thread. It
// receives from then on.
func newRing(mib int) (*ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		err = fmt.Errorf("capture: packet socket: %w", err)
		if errors.Is(err, unix.EPERM) {
			err = hint.Add(err, "give the host the capability NET_RAW")
		}
		return nil, err
	}
	r := &ring{file: os.NewFile(uintptr(fd), "ring"), count: mib << 20 / blockSize}
	if err := r.open(fd); err != nil {
		r.close()
		return nil, fmt.Errorf("capture: ring of %d MiB: %w", mib, err)
	}
	return r, nil
}

func (r *ring) open(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	// Without it the kernel would look at the clock once for the ring and again
	// for the packet log; with it both have the time of the arrival.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return err
	}
	err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(r.count),
		Frame_size: blockSize, Frame_nr: uint32(r.count), // of no meaning but that it must fit
		Retire_blk_tov: uint32(blockTime.Milliseconds()),
	})
	if err != nil {
		return err
	}
	r.mem, err = unix.Mmap(fd, 0, r.count*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	r.conn, err = r.file.SyscallConn()
	if err != nil {
		return err
	}
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL)}) // interface 0: all
}

func (r *ring) close() error {
	var errs []error
	if r.mem != nil {
		errs = append(errs, unix.Munmap(r.mem))
	}
	return errors.Join(append(errs, r.file.Close())...)
}

func htons(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

// A block is a part of the ring that belongs to the reader until release.
type block struct {
	mem []byte
	hdr *unix.TpacketHdrV1
}

// wait returns the next block when the kernel has filled it. The error wraps
// os.ErrDeadlineExceeded when the deadline of the ring's file came first.
func (r *ring) wait() (block, error) {
	mem := r.mem[r.next*blockSize:][:blockSize]
	desc := (*unix.TpacketBlockDesc)(unsafe.Pointer(&mem[0]))
	b := block{mem: mem, hdr: (*unix.TpacketHdrV1)(unsafe.Pointer(&desc.Hdr))}
	err := r.conn.Read(func(uintptr) bool { return b.ready() })
	if err != nil && !b.ready() {
		return block{}, err
	}
	r.next = (r.next + 1) % r.count
	return b, nil
}

func (b block) ready() bool {
	return atomic.LoadUint32(&b.hdr.Block_status)&unix.TP_STATUS_USER != 0
}

// losing reports whether frames were dropped before the block was full.
func (b block) losing() bool {
	return atomic.LoadUint32(&b.hdr.Block_status)&unix.TP_STATUS_LOSING != 0
}

// release gives the block back to the kernel.
func (b block) release() { atomic.StoreUint32(&b.hdr.Block_status, unix.TP_STATUS_KERNEL) }

// A sighting is one frame in a block.
type sighting struct {
	hdr  *unix.Tpacket3Hdr
	from *unix.RawSockaddrLinklayer
	data []byte // in the block's memory
}

// each calls f with the block's frames in order.
func (b block) each(f func(sighting) error) error {
	at := b.hdr.Offset_to_first_pkt
	for range b.hdr.Num_pkts {
		h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&b.mem[at]))
		from := b.mem[at+unix.SizeofTpacket3Hdr:]
		s := sighting{
			hdr:  h,
			from: (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&from[0])),
			data: b.mem[at+uint32(h.Mac):][:h.Snaplen],
		}
		if err := f(s); err != nil {
			return err
		}
		at += h.Next_offset
	}
	return nil
}

// dropped returns how many frames found no room since the last call.
func (r *ring) dropped() (n uint64, err error) {
	control := r.conn.Control(func(fd uintptr) {
		var s *unix.TpacketStatsV3
		if s, err = unix.GetsockoptTpacketStatsV3(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			n = uint64(s.Drops)
		}
	})
	return n, errors.Join(control, err)
}

// time returns when a frame was seen.
func (s sighting) time() time.Time { return time.Unix(int64(s.hdr.Sec), int64(s.hdr.Nsec)) }

// frame returns the frame's bytes with the VLAN tag that the kernel took out
// (packet_mmap.rst: TP_STATUS_VLAN_VALID), and its length on the wire.
func (s sighting) frame() ([]byte, int) {
	if s.hdr.Status&unix.TP_STATUS_VLAN_VALID == 0 || len(s.data) < 12 {
		return s.data, int(s.hdr.Len)
	}
	kind := uint16(unix.ETH_P_8021Q)
	if s.hdr.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		kind = s.hdr.Hv1.Vlan_tpid
	}
	b := append([]byte(nil), s.data[:12]...)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(s.hdr.Hv1.Vlan_tci))
	return append(b, s.data[12:]...), int(s.hdr.Len) + 4
}
