package holder

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A thread does jobs, one after the other, on a thread of the operating system
// of its own, for a network namespace is a thread's and not a process's. One
// is enough: two that make interfaces would wait for each other in the kernel.
type thread struct {
	jobs chan func()
	home *os.File // the switch: the network namespace that the holder began in
	in   *os.File // where the thread is now
}

// ownNamespace is the calling thread's network namespace, by the computer's /proc
// as by the lab's own.
const ownNamespace = "/proc/thread-self/ns/net"

// newThread starts a thread in the holder's own network namespace. It never
// ends.
func newThread() (*thread, error) {
	home, err := os.Open(ownNamespace)
	if err != nil {
		return nil, failed(err, "the switch's namespace")
	}
	t := &thread{jobs: make(chan func()), home: home, in: home}
	go func() {
		runtime.LockOSThread()
		for job := range t.jobs {
			job()
		}
	}()
	return t, nil
}

// do runs f on the thread, in a network namespace; nil means that f does not
// care in which.
func (t *thread) do(namespace *os.File, f func() error) error {
	done := make(chan error)
	t.jobs <- func() {
		err := t.move(namespace)
		if err == nil {
			err = f()
		}
		done <- err
	}
	return <-done
}

func (t *thread) move(namespace *os.File) error {
	if namespace == t.in || namespace == nil {
		return nil
	}
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return failed(err, "enter a network namespace")
	}
	t.in = namespace
	return nil
}

// create moves the thread into a new network namespace and returns that. It is
// called on the thread. The namespace lives as long as the file is open or
// something runs in it.
func (t *thread) create() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, failed(err, "make a network namespace")
	}
	t.in = nil
	f, err := os.Open(ownNamespace)
	if err != nil {
		return nil, failed(err, "open a network namespace")
	}
	t.in = f
	return f, nil
}
