package netns

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"hostlab/lab/engine"
	"hostlab/lab/engine/netns/holder"
	"hostlab/lab/topology"
)

// A lab is a running topology: what Up returns as engine.Instance.
type lab struct {
	topology *topology.Topology
	holder   *process

	mu       sync.Mutex
	progress func(line string)
}

var (
	_ engine.Instance = (*lab)(nil)
	_ engine.Settled  = (*lab)(nil)
)

// say tells Options.Progress one line.
func (l *lab) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.progress != nil {
		l.progress(fmt.Sprintf(format, args...))
	}
}

func (l *lab) up(ctx context.Context, plan *holder.Plan) error {
	n := len(plan.Hosts)
	err := l.holder.call(ctx, holder.Request{Op: holder.OpUp, Plan: plan}, func(done int) {
		l.say("%d of %d hosts started", done, n)
	})
	return explain(err)
}

// Topology implements engine.Instance.
func (l *lab) Topology() *topology.Topology { return l.topology }

// Settled implements engine.Settled: Up and Join set the routes, and the kernel
// has acknowledged them and each address.
func (l *lab) Settled() bool { return true }

// Describe implements engine.Instance.
func (l *lab) Describe() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "netns"
	}
	return "netns, linux " + unix.ByteSliceToString(u.Release[:])
}

// Dial implements engine.Instance. It starts the host's agent: before, the host
// is a kernel that answers, without a process.
func (l *lab) Dial(ctx context.Context, name string) (io.ReadWriteCloser, error) {
	h, ok := l.topology.Host(name)
	if !ok {
		return nil, fmt.Errorf("netns: host %q: not in this lab", name)
	}
	near, far, err := streamPair()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	r := holder.Request{Op: holder.OpDial, Host: h.Name, Files: etc(l.topology, h)}
	if err := l.holder.call(ctx, r, nil, far); err != nil {
		near.Close()
		return nil, explain(err)
	}
	return near, nil
}

// streamPair returns the two ends of a stream: this one reads by the poller,
// the other one is a host's stdin and stdout.
func streamPair() (near, far *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fds[0]), "stream"), os.NewFile(uintptr(fds[1]), "stream"), nil
}

// Pause implements engine.Instance: it stops each process of the host.
func (l *lab) Pause(ctx context.Context, host string) error {
	return l.act(ctx, holder.OpPause, host, "")
}

// Resume implements engine.Instance. Processes that were stopped when Pause
// came stay so.
func (l *lab) Resume(ctx context.Context, host string) error {
	return l.act(ctx, holder.OpResume, host, "")
}

// Kill implements engine.Instance. The host is gone when it returns: not
// resumed, not joined again.
func (l *lab) Kill(ctx context.Context, host string) error {
	return l.act(ctx, holder.OpKill, host, "")
}

// Cut implements engine.Instance. The interface is gone with its addresses, and
// routes by way of the network go with it.
func (l *lab) Cut(ctx context.Context, host, network string) error {
	return l.act(ctx, holder.OpCut, host, network)
}

// Join implements engine.Instance. The interface has its old name, addresses
// and routes.
func (l *lab) Join(ctx context.Context, host, network string) error {
	return l.act(ctx, holder.OpJoin, host, network)
}

func (l *lab) act(ctx context.Context, op holder.Op, host, network string) error {
	if h, ok := l.topology.Host(host); ok {
		host = h.Name // it may be an alias
	}
	return l.holder.call(ctx, holder.Request{Op: op, Host: host, Network: network}, nil)
}

// Down implements engine.Instance.
func (l *lab) Down(context.Context) error {
	l.holder.end()
	return nil
}
