package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Of linux/netfilter/nfnetlink_log.h.
const (
	logPacket = unix.NFNL_SUBSYS_ULOG << 8   // NFULNL_MSG_PACKET is 0
	logConfig = unix.NFNL_SUBSYS_ULOG<<8 | 1 // NFULNL_MSG_CONFIG

	cfgCommand   = 1 // NFULA_CFG_CMD
	cfgMode      = 2 // NFULA_CFG_MODE
	cfgThreshold = 5 // NFULA_CFG_QTHRESH

	commandBind = 1 // NFULNL_CFG_CMD_BIND
	copyPacket  = 2 // NFULNL_COPY_PACKET

	attrTime    = 3  // NFULA_TIMESTAMP
	attrPayload = 9  // NFULA_PAYLOAD
	attrPrefix  = 10 // NFULA_PREFIX
	attrHeader  = 16 // NFULA_HWHEADER
)

const (
	netlinkHeader = unix.SizeofNlMsghdr
	logHeader     = 4       // struct nfgenmsg
	logBuffer     = 4 << 20 // bytes of the socket's receive buffer, where permitted
)

// A lossLog receives what rules of nf_tables log to one of the groups: the
// packets that faults take.
type lossLog struct {
	fd    int
	group uint16
	buf   []byte
}

// A loss is a packet that a fault took.
type loss struct {
	time  time.Time
	fault string
	data  []byte // from the Ethernet header on
}

// newLossLog subscribes to the log of the calling thread's network namespace.
func newLossLog() (*lossLog, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("packet log: %w", err)
	}
	l := &lossLog{fd: fd, buf: make([]byte, 128<<10)}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, logBuffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, logBuffer) // as much as is permitted
	}
	if err := l.bind(); err != nil {
		l.close()
		return nil, err
	}
	for _, a := range [][]byte{
		attribute(cfgMode, append(binary.BigEndian.AppendUint32(nil, 0xffff), copyPacket, 0)),
		attribute(cfgThreshold, binary.BigEndian.AppendUint32(nil, 1)), // tell each at once
	} {
		if err := l.configure(a); err != nil {
			l.close()
			return nil, fmt.Errorf("packet log, group %d: %w", l.group, err)
		}
	}
	return l, nil
}

// bind takes the first group that nobody listens to: the kernel tells each
// group's packets to one listener only.
func (l *lossLog) bind() error {
	var err error
	for i := range LogGroups {
		l.group = LogGroup + uint16(i)
		err = l.configure(attribute(cfgCommand, []byte{commandBind}))
		if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EBUSY) { // what the kernel says of another's group
			break
		}
	}
	if err != nil {
		return fmt.Errorf("packet log, groups %d to %d: %w", LogGroup, LogGroup+LogGroups-1, err)
	}
	return nil
}

func (l *lossLog) close() error { return unix.Close(l.fd) }

// attribute makes a netlink attribute: struct nlattr and its value, padded.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// configure sends one setting and waits for the kernel's word.
func (l *lossLog) configure(attr []byte) error {
	b := binary.NativeEndian.AppendUint32(nil, uint32(netlinkHeader+logHeader+len(attr)))
	b = binary.NativeEndian.AppendUint16(b, logConfig)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	b = binary.NativeEndian.AppendUint64(b, 1) // sequence; port 0 is the kernel
	b = append(b, unix.AF_UNSPEC, unix.NFNETLINK_V0)
	b = binary.BigEndian.AppendUint16(b, l.group)
	b = append(b, attr...)
	if err := unix.Sendto(l.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	// The kernel answers before Sendto returns. A packet may be logged already.
	for {
		n, _, err := unix.Recvfrom(l.fd, l.buf, 0)
		if err != nil {
			return err
		}
		if m := l.buf[:n]; len(m) >= netlinkHeader+4 && binary.NativeEndian.Uint16(m[4:]) == unix.NLMSG_ERROR {
			if code := int32(binary.NativeEndian.Uint32(m[netlinkHeader:])); code != 0 {
				return unix.Errno(-code)
			}
			return nil
		}
	}
}

// each calls f with what was logged since the last call. The error is
// unix.ENOBUFS when some of it was lost.
func (l *lossLog) each(f func(loss) error) error {
	var lost error
	for {
		n, _, err := unix.Recvfrom(l.fd, l.buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return lost
		case errors.Is(err, unix.ENOBUFS):
			lost = err
			continue
		case err != nil:
			return err
		}
		if err := eachLoss(l.buf[:n], f); err != nil {
			return err
		}
	}
}

// eachLoss calls f with the packets of netlink messages.
func eachLoss(b []byte, f func(loss) error) error {
	for len(b) >= netlinkHeader {
		size := int(binary.NativeEndian.Uint32(b))
		if size < netlinkHeader || size > len(b) {
			return nil
		}
		kind, body := binary.NativeEndian.Uint16(b[4:]), b[netlinkHeader:size]
		b = b[min(len(b), (size+3)&^3):]
		if kind != logPacket || len(body) < logHeader {
			continue
		}
		if l := parseLoss(body[logHeader:]); l.data != nil {
			if err := f(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseLoss reads the attributes of a logged packet.
func parseLoss(b []byte) loss {
	l := loss{time: time.Now()}
	var header, payload []byte
	for len(b) >= 4 {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < 4 || size > len(b) {
			break
		}
		value := b[4:size]
		b = b[min(len(b), (size+3)&^3):]
		switch {
		case kind == attrTime && len(value) == 16:
			l.time = time.Unix(int64(binary.BigEndian.Uint64(value)), int64(binary.BigEndian.Uint64(value[8:]))*1000)
		case kind == attrPrefix:
			l.fault = string(bytes.TrimRight(value, "\x00"))
		case kind == attrHeader:
			header = value
		case kind == attrPayload:
			payload = value
		}
	}
	if len(payload) == 0 {
		return loss{}
	}
	if len(header) != 14 { // Ethernet's
		header = make([]byte, 14)
		binary.BigEndian.PutUint16(header[12:], unix.ETH_P_IP)
		if payload[0]>>4 == 6 {
			binary.BigEndian.PutUint16(header[12:], unix.ETH_P_IPV6)
		}
	}
	l.data = append(bytes.Clone(header), payload...)
	return l
}
