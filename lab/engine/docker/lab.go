package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hostlab/image"
	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// A lab is a running topology: what Up returns as engine.Instance.
type lab struct {
	engine *Engine
	c      *connection
	id     string
	wires  []*wire // in the order of topology.Networks

	// work is the context of requests that make something. It outlives the
	// caller's by grace, see there.
	work context.Context

	sayMu    sync.Mutex
	progress func(line string)

	reload sync.Once // loads the lab image again when it was deleted

	mu       sync.Mutex
	topology *topology.Topology
	hosts    map[string]*host

	down     sync.Mutex // held through Down
	downDone bool
}

var _ engine.Instance = (*lab)(nil)

func newLab(e *Engine, c *connection, t *topology.Topology, o engine.Options) *lab {
	return &lab{engine: e, c: c, id: newID(), topology: t, progress: o.Progress, hosts: map[string]*host{}}
}

// say tells Options.Progress one line.
func (l *lab) say(format string, args ...any) {
	if l.progress == nil {
		return
	}
	l.sayMu.Lock()
	defer l.sayMu.Unlock()
	l.progress(fmt.Sprintf(format, args...))
}

// labels are on everything that belongs to the lab.
func (l *lab) labels(kind, name string) map[string]string {
	me, _ := self() // up has seen that it is known
	return map[string]string{
		labelLab: l.id, labelOwner: me.String(), labelTopology: l.topology.Name, kind: name,
	}
}

// up does the work of Engine.Up. What it leaves on an error, Down removes.
func (l *lab) up(ctx context.Context) error {
	if _, err := self(); err != nil {
		return fmt.Errorf("docker: this process cannot be named for the sweep: %w", err)
	}
	var stop context.CancelFunc
	l.work, stop = outlive(ctx, grace)
	defer stop()

	var g errgroup.Group
	var own *image.Image
	g.Go(func() (err error) {
		own, err = l.engine.labImage(ctx, l.c, l.say)
		return err
	})
	images, err := l.prepare(ctx)
	if imageErr := g.Wait(); imageErr != nil {
		return imageErr
	}
	if err != nil {
		return err
	}
	if err := l.startHosts(ctx, own, images); err != nil {
		return err
	}
	return l.verify(ctx)
}

// sweepTimeout is how long a start waits for its sweep. An engine that chokes on
// another lab's remains does not keep this one from starting.
const sweepTimeout = 10 * time.Second

// prepare does what needs no lab image: it sweeps, looks for the other images
// and makes the networks.
func (l *lab) prepare(ctx context.Context) (map[string]*foreign, error) {
	brief, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	if s, err := l.engine.sweep(brief, l.c); err != nil && ctx.Err() == nil {
		l.say("a killed lab's leftovers stay for now: %v", err)
	} else if len(s.Labs) > 0 {
		l.say("removed what %s left: %d containers, %d networks", strings.Join(s.Labs, ", "), s.Containers, s.Networks)
	}
	images, err := l.foreignImages(ctx)
	if err != nil {
		return nil, err
	}
	t, err := l.makeNetworks(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.topology = t
	return images, nil
}

// startHosts starts the hosts side by side, a few at a time.
func (l *lab) startHosts(ctx context.Context, own *image.Image, images map[string]*foreign) error {
	hosts := l.topology.Hosts
	l.say("starting %d hosts on %s", len(hosts), l.c.describe())
	var mu sync.Mutex
	started := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(l.c.atOnce())
	for _, spec := range hosts {
		g.Go(func() error {
			if err := l.startHost(ctx, spec, own, images[spec.Image]); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			started++
			l.say("host %s started, %d of %d", spec.Name, started, len(hosts))
			return nil
		})
	}
	return g.Wait()
}

// outlive returns a context that ends when stop is called, or after ctx has
// ended and some more time has passed.
func outlive(ctx context.Context, more time.Duration) (longer context.Context, stop context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(more, func() { cancel(fmt.Errorf("the engine did not finish within %v of being stopped", more)) })
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() {
		unhook()
		cancel(nil)
	}
}

// Topology implements engine.Instance.
func (l *lab) Topology() *topology.Topology {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.topology
}

// Describe implements engine.Instance.
func (l *lab) Describe() string { return l.c.describe() }

// host returns a host by name.
func (l *lab) host(name string) (*host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.hosts[name]; h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("docker: host %q: not in this lab; its hosts are %s", name, strings.Join(slices.Sorted(maps.Keys(l.hosts)), ", "))
}

// wire returns a network by the topology's name.
func (l *lab) wire(name string) *wire {
	for _, w := range l.wires {
		if w.spec.Name == name {
			return w
		}
	}
	return nil
}
