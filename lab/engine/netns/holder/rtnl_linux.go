package holder

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A rtnl is a netlink(7) socket in the network namespace of the thread that
// opened it, where it stays.
type rtnl struct {
	fd  int
	seq uint32
	buf []byte // for what is received; others of the same thread use it too
}

// bufferSize is enough for any one message of the kernel (NLMSG_GOODSIZE is 8 kB).
const bufferSize = 32 << 10

func openRTNL(buf []byte) (*rtnl, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, failed(err, "rtnetlink socket")
	}
	// Errors come with the kernel's words for them where it has some, and
	// without the request that they are about.
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &rtnl{fd: fd, buf: buf}, nil
}

func (s *rtnl) close() { unix.Close(s.fd) }

// A batch is requests that go to the kernel in one system call; it takes them
// in their order.
type batch struct {
	messages [][]byte
	about    []string // of each message, for its error
	replies  func(kind uint16, body []byte)
}

// add adds a request. The parts are its header and its attributes.
func (b *batch) add(about string, kind, flags int, parts ...nl.NetlinkRequestData) {
	r := nl.NetlinkRequest{NlMsghdr: unix.NlMsghdr{Type: uint16(kind), Flags: uint16(flags) | unix.NLM_F_REQUEST}}
	for _, p := range parts {
		r.AddData(p)
	}
	b.messages = append(b.messages, r.Serialize())
	b.about = append(b.about, about)
}

// What goes to the kernel at once: a socket's buffer takes 200 kB, of requests
// as of replies, and a reply about an interface with all that is to be
// accounted for takes 3 kB.
const (
	chunk      = 64 << 10 // bytes of requests
	maxReplies = 32
)

// do has the kernel do what is in the batch. All of it is tried; the error
// joins what it refused.
func (s *rtnl) do(b *batch) error {
	var errs []error
	for first := 0; first < len(b.messages); {
		size, last := 0, first
		for ; last < len(b.messages) && (last == first || size+len(b.messages[last]) <= chunk); last++ {
			if b.replies != nil && last-first == maxReplies {
				break
			}
			size += len(b.messages[last])
		}
		errs = append(errs, s.send(b, first, last))
		first = last
	}
	return errors.Join(errs...)
}

// send sends messages first to last-1. Only the last one asks to be
// acknowledged: the kernel answers in order, and tells errors unasked.
func (s *rtnl) send(b *batch, first, last int) error {
	base := s.seq + 1
	var out []byte
	for i := first; i < last; i++ {
		s.seq++
		m := b.messages[i]
		flags := binary.NativeEndian.Uint16(m[6:])
		if i == last-1 {
			flags |= unix.NLM_F_ACK
		}
		binary.NativeEndian.PutUint16(m[6:], flags)
		binary.NativeEndian.PutUint32(m[8:], s.seq)
		out = append(out, m...)
	}
	if err := unix.Sendto(s.fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return failed(err, "%s", b.about[first])
	}
	var errs []error
	for {
		n, _, err := unix.Recvfrom(s.fd, s.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return errors.Join(append(errs, failed(err, "%s", b.about[first]))...)
		}
		ended, err := s.take(b, s.buf[:n], first, base)
		if err != nil {
			errs = append(errs, err)
		}
		if ended {
			return errors.Join(errs...)
		}
	}
}

// take reads what the kernel sent. It reports whether the last request, whose
// number is s.seq, is acknowledged.
func (s *rtnl) take(b *batch, data []byte, first int, base uint32) (ended bool, err error) {
	for len(data) >= unix.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(data))
		kind, seq := binary.NativeEndian.Uint16(data[4:]), binary.NativeEndian.Uint32(data[8:])
		if length < unix.SizeofNlMsghdr || length > len(data) {
			return true, fmt.Errorf("rtnetlink: a message of %d bytes in %d", length, len(data))
		}
		body := data[unix.SizeofNlMsghdr:length]
		data = data[min(len(data), (length+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
		if seq < base || seq > s.seq {
			continue // of a request whose answer nobody waited for
		}
		if kind != unix.NLMSG_ERROR {
			if b.replies != nil {
				b.replies(kind, body)
			}
			continue
		}
		ended = ended || seq == s.seq
		if errno := -int32(binary.NativeEndian.Uint32(body)); errno != 0 {
			err = errors.Join(err, refused(b.about[first+int(seq-base)], unix.Errno(errno), body))
		}
	}
	return ended, err
}

// refused makes the error of a refusal, with the kernel's own words where
// there are some (netlink extended acknowledgement, NLMSGERR_ATTR_MSG).
func refused(about string, errno unix.Errno, body []byte) error {
	const message = 1                    // NLMSGERR_ATTR_MSG
	const skip = 4 + unix.SizeofNlMsghdr // the errno, and the request's header
	if len(body) > skip {
		attrs, err := nl.ParseRouteAttrAsMap(body[skip:])
		if a, ok := attrs[message]; ok && err == nil && len(a.Value) > 1 {
			return fmt.Errorf("%s: %s: %w", about, a.Value[:len(a.Value)-1], errno)
		}
	}
	return failed(errno, "%s", about)
}
