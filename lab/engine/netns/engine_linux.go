package netns

import (
	"context"
	"os"
	"runtime"
	"sync"

	"hostlab/image"
	"hostlab/lab/engine"
	"hostlab/lab/engine/netns/holder"
	"hostlab/lab/topology"
)

// Config are the choices of an engine. The zero value is an engine whose hosts
// have no program but "host" itself.
type Config struct {
	// Names are the programs that are linked in every host.
	Names []string

	// Binary returns the static host binary for linux and an architecture, as
	// Go names it. Nil means image.Binary.
	Binary func(ctx context.Context, arch string) ([]byte, error)
}

// An Engine makes labs of namespaces. Its methods may be called concurrently.
type Engine struct {
	config Config

	mu     sync.Mutex
	binary *os.File // the host binary in memory, once it is needed

	spare spare
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine. Nothing is started before the first call that needs
// it.
func New(c Config) *Engine {
	if c.Binary == nil {
		c.Binary = image.Binary
	}
	return &Engine{config: c}
}

// Name returns "netns".
func (e *Engine) Name() string { return "netns" }

// Up starts a lab, as engine.Engine says. The addresses are always those of the
// topology; interfaces and networks without get some. Routes are set, and hosts
// are ready when it returns: the kernel has acknowledged each of their
// addresses and routes, and every interface carries packets.
func (e *Engine) Up(ctx context.Context, t *topology.Topology, o engine.Options) (engine.Instance, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	t, err := complete(t)
	if err != nil {
		return nil, err
	}
	plan, err := newPlan(t, e.config.Names)
	if err != nil {
		return nil, err
	}
	l := &lab{topology: t, progress: o.Progress}
	l.say("starting %d hosts on %s", len(t.Hosts), l.Describe())
	binary, err := e.hostBinary(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.make(ctx, l, plan, binary); err != nil {
		return nil, err
	}
	e.spare.prepare(binary)
	return l, nil
}

// make makes a lab in the spare, or else in a holder of its own.
func (e *Engine) make(ctx context.Context, l *lab, plan *holder.Plan, binary *os.File) (err error) {
	if l.holder = e.spare.take(); l.holder != nil {
		if err = l.up(ctx, plan); err == nil {
			return nil
		}
		killed := l.holder.isGone()
		l.holder.end()
		if !killed {
			return err
		}
	}
	if l.holder, err = start(binary); err != nil {
		return err
	}
	if err = l.up(ctx, plan); err != nil {
		l.holder.end()
	}
	return err
}

// Sweep implements engine.Engine. There is never anything to remove: a lab ends
// with its owner.
func (e *Engine) Sweep(context.Context) (engine.Swept, error) {
	return engine.Swept{Labs: []string{}}, nil
}

// hostBinary returns the host binary as a file that can be executed and is in
// no directory. It stays open as long as the process runs.
func (e *Engine) hostBinary(ctx context.Context) (*os.File, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.binary != nil {
		return e.binary, nil
	}
	data, err := e.config.Binary(ctx, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	e.binary, err = executable(data)
	return e.binary, err
}
