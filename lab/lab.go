package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"

	"hostlab/lab/capture/record"
	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// Options are the choices of Start. Nil means the defaults.
type Options struct {
	// Engine makes the hosts; nil means FindEngine("").
	Engine engine.Engine

	// Progress is told, one short line at a time, what takes time. Calls are
	// never concurrent. Nil means nobody listens.
	Progress func(line string)
}

// A Lab is a running topology. Close ends it.
type Lab struct {
	instance engine.Instance
	hosts    map[string]*Host
	ctx      context.Context // ends with the lab
	cancel   context.CancelFunc

	mu        sync.Mutex
	streams   []io.Closer        // connections to agents
	recorders []*record.Recorder // told what is done to hosts

	closing sync.Once
	closed  error
}

// downTimeout is how long Close waits for an engine before it gives up with an
// error.
const downTimeout = 60 * time.Second

// Load reads a topology from a Compose file and validates it. The file's
// variables have the values that Compose would give them: those of the
// environment, else those of the file .env beside it.
func Load(ctx context.Context, path string) (*topology.Topology, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("lab: compose file: %w", err)
	}
	env, err := dotenv.Read(filepath.Join(filepath.Dir(path), ".env"))
	if errors.Is(err, fs.ErrNotExist) {
		env, err = map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lab: .env beside %s: %w", path, err)
	}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	return topology.ParseEnv(ctx, path, data, env)
}

// Start makes every host of t and returns when each interface, address and
// route was verified: from inside by the host's agent, or by an engine that
// asks the kernel itself (engine.Settled), whose agents start when they are
// needed. Where the computer uses one of t's prefixes already, the lab takes
// another: Topology tells. On error nothing of the lab is left. The errors of
// an engine that cannot run here wrap engine.ErrUnavailable. The caller closes
// the lab.
func Start(ctx context.Context, t *topology.Topology, o *Options) (*Lab, error) {
	if o == nil {
		o = &Options{}
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	e := o.Engine
	if e == nil {
		var err error
		if e, err = FindEngine(""); err != nil {
			return nil, err
		}
	}
	instance, err := e.Up(ctx, t, engine.Options{Progress: o.Progress})
	if err != nil {
		return nil, err
	}
	l := newLab(ctx, instance)
	if err := l.settle(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// newLab returns a lab of an instance's hosts. It does not end with ctx.
func newLab(ctx context.Context, instance engine.Instance) *Lab {
	l := &Lab{instance: instance, hosts: map[string]*Host{}}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, s := range instance.Topology().Hosts {
		l.hosts[s.Name] = newHost(l, s.Name)
	}
	return l
}

// settle settles every host.
func (l *Lab) settle(ctx context.Context) error {
	return l.each(ctx, func(ctx context.Context, h *Host) error { return h.settle(ctx) })
}

// Topology is the lab as it runs, with the prefixes and addresses that the
// hosts really have.
func (l *Lab) Topology() *topology.Topology { return l.instance.Topology() }

// Describe says what the lab runs on, for the record.
func (l *Lab) Describe() string { return l.instance.Describe() }

// Host returns a host by its name. For a name that the lab does not know, it
// returns a host whose every method fails and says so.
func (l *Lab) Host(name string) *Host {
	if h, ok := l.hosts[name]; ok {
		return h
	}
	return newHost(l, name)
}

// Close ends every host and removes every network. It is safe to call twice
// and from several goroutines; later calls return what the first did.
func (l *Lab) Close() error {
	l.closing.Do(func() {
		l.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), downTimeout)
		defer cancel()
		l.closed = l.instance.Down(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range l.streams {
			s.Close() // of a host that is gone: nothing to report
		}
	})
	return l.closed
}

func (l *Lab) keep(c io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams = append(l.streams, c)
}
