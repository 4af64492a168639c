package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// A beacon sends markers. A packet socket does not see what it sends itself,
// so it has one of its own.
type beacon struct {
	fd    int
	lab   string
	host  string
	work  chan func() // runs on a thread of its own, which goes from CPU to CPU
	ended chan struct{}
}

// newBeacon opens a socket in the calling thread's network namespace.
func newBeacon(lab, host string) (*beacon, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // protocol 0: it receives nothing
	if err != nil {
		return nil, fmt.Errorf("capture: packet socket: %w", err)
	}
	b := &beacon{fd: fd, lab: lab, host: host, work: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		runtime.LockOSThread() // never unlocked: the thread, tied to one CPU, ends with the goroutine
		for f := range b.work {
			f()
		}
	}()
	return b, nil
}

func (b *beacon) close() {
	close(b.work)
	<-b.ended
	unix.Close(b.fd)
}

// send sends the markers of a fence from every CPU to every link. It returns
// how many went out.
func (b *beacon) send(fence uint64, to []*link) (sent int, err error) {
	done := make(chan struct{})
	b.work <- func() {
		defer close(done)
		sent, err = b.fromEachCPU(fence, to)
	}
	<-done
	return sent, err
}

// fromEachCPU runs on the beacon's thread.
func (b *beacon) fromEachCPU(fence uint64, to []*link) (sent int, err error) {
	cpus, err := permitted()
	if err != nil {
		return 0, err
	}
	all := make([]unix.CPUSet, len(cpus))
	var whole unix.CPUSet
	for i, cpu := range cpus {
		all[i].Set(cpu)
		whole.Set(cpu)
	}
	defer unix.SchedSetaffinity(0, &whole)
	var errs []error
	for i := range all {
		if err := unix.SchedSetaffinity(0, &all[i]); err != nil {
			return sent, fmt.Errorf("capture: CPU %d: %w", cpus[i], err)
		}
		m := Marker{Lab: b.lab, Host: b.host, Fence: fence, Part: uint16(i), Parts: uint16(len(cpus))}
		for _, l := range to {
			switch err := b.sendTo(l, m); {
			case err == nil:
				sent++
			case !gone(err):
				errs = append(errs, fmt.Errorf("capture: marker on %s: %w", l.name, err))
			}
		}
	}
	return sent, errors.Join(errs...)
}

// permitted returns the CPUs on which this process may run.
func permitted() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("capture: CPUs: %w", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// gone reports whether an error says that the interface is not there any more.
func gone(err error) bool {
	return errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENETDOWN)
}

// sendTo sends one marker as a broadcast.
func (b *beacon) sendTo(l *link, m Marker) error {
	frame := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	frame = append(frame, l.mac...)
	frame = binary.BigEndian.AppendUint16(frame, EtherType)
	frame = m.Append(frame)
	if short := 60 - len(frame); short > 0 { // the least of Ethernet, without its check sequence
		frame = append(frame, make([]byte, short)...)
	}
	for {
		err := unix.Sendto(b.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: l.index, Protocol: htons(EtherType), Halen: 6})
		if err != unix.EINTR {
			return err
		}
	}
}
