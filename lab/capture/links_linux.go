package capture

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A link is an interface of the host.
type link struct {
	index, id int // the kernel's number, and the stream's; -1 when it is not Ethernet
	name      string
	mac       net.HardwareAddr
	up        bool
	lo        bool
}

// links are the interfaces of a network namespace, as they come and go.
type links struct {
	handle *netlink.Handle
	socket int // any socket of the namespace, for its ioctls
	all    map[int]*link
	added  func(*link) (id int, err error)
	note   func(string)
}

// newLinks opens what asks for the interfaces of the calling thread's
// network namespace. Added gives a new interface its number in the stream.
func newLinks(added func(*link) (int, error), note func(string)) (*links, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("capture: interfaces: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("capture: interfaces: %w", err)
	}
	return &links{handle: h, socket: fd, all: map[int]*link{}, added: added, note: note}, nil
}

func (l *links) close() {
	l.handle.Close()
	unix.Close(l.socket)
}

// refresh looks at the interfaces. One that is new, or has a new name, gets a
// number of its own, and its offloads go off.
func (l *links) refresh() error {
	list, err := l.handle.LinkList()
	if err != nil {
		return fmt.Errorf("capture: interfaces: %w", err)
	}
	for _, k := range l.all {
		k.up = false // until it is found again
	}
	for _, found := range list {
		a := found.Attrs()
		known := l.all[a.Index]
		if known == nil || known.name != a.Name {
			known = &link{index: a.Index, id: -1, name: a.Name, lo: a.Flags&net.FlagLoopback != 0}
			if err := l.add(known, a.EncapType); err != nil {
				return err
			}
		}
		known.mac, known.up = a.HardwareAddr, a.Flags&net.FlagUp != 0 && a.Flags&net.FlagBroadcast != 0
	}
	return nil
}

// add takes a new interface in.
func (l *links) add(k *link, encapsulation string) error {
	l.all[k.index] = k
	switch encapsulation {
	case "ether":
		if err := offloadsOff(l.socket, k.name); err != nil {
			l.note(err.Error())
		}
	case "loopback":
	default:
		l.note(fmt.Sprintf("%s: frames of type %s are left out: want Ethernet", k.name, encapsulation))
		return nil
	}
	var err error
	k.id, err = l.added(k)
	return err
}

// of returns the interface with the kernel's number. One that came and went
// before anybody looked has no name.
func (l *links) of(index int) (*link, error) {
	if k := l.all[index]; k != nil {
		return k, nil
	}
	if err := l.refresh(); err != nil {
		return nil, err
	}
	if k := l.all[index]; k != nil {
		return k, nil
	}
	k := &link{index: index, name: fmt.Sprint("if", index)}
	l.all[index] = k
	var err error
	k.id, err = l.added(k)
	return k, err
}

// senders returns the interfaces that can broadcast now.
func (l *links) senders() []*link {
	var all []*link
	for _, k := range l.all {
		if k.up && !k.lo && k.id >= 0 && len(k.mac) == 6 {
			all = append(all, k)
		}
	}
	return all
}
