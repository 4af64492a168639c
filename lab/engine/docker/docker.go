// Package docker is the engine whose hosts are containers: one container per
// host on user-defined bridge networks that lead nowhere else. It is the only
// importer of github.com/docker/docker and testcontainers-go, which bring
// about 7 ms to the start of a process, so nothing that runs inside a host may
// import it.
//
// Nothing of a lab outlives its owner. Every container and network carries the
// label hostlab.owner; a host ends when its standard input does, so with the
// process that held it; a child of that process, the reaper, removes what a
// kill leaves; and every start sweeps what a killed reaper left.
package docker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hostlab/image"
	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// Config are the choices of an engine. The zero value is an engine with hosts
// that have no program but "host" itself.
type Config struct {
	// Names are the programs that are linked in every host.
	Names []string

	// Binary returns the static host binary for linux and an architecture, as
	// Go names it. Nil means image.Binary.
	Binary func(ctx context.Context, arch string) ([]byte, error)

	// Endpoint is where the engine listens: "unix:///var/run/docker.sock",
	// "tcp://…", "ssh://user@machine". Empty means what the docker command
	// would use: DOCKER_HOST, else the current docker context, else the first
	// socket of the usual ones that exists.
	Endpoint string

	// Memory is the most that one host may use, in bytes. 0 means 256 MiB.
	Memory int64

	// Processes is how many processes and threads one host may have. 0 means 512.
	Processes int64
}

const (
	defaultMemory    = 256 << 20
	defaultProcesses = 512

	// callTimeout is the longest that one request to the engine may take:
	// long, since a busy engine starts a container in seconds.
	callTimeout = 2 * time.Minute

	// grace is how long requests under way may go on when the caller's context
	// has ended. A request that is broken off goes on inside the engine and
	// would leave something behind the cleaning up.
	grace = 15 * time.Second

	// cleanTimeout is how long a failed Up cleans up.
	cleanTimeout = 30 * time.Second
)

// An Engine makes labs of containers. Its methods may be called concurrently.
type Engine struct {
	config Config

	imageMu sync.Mutex
	images  map[string]*image.Image // by architecture
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine. Nothing is contacted before the first call that needs
// it.
func New(c Config) *Engine {
	if c.Binary == nil {
		c.Binary = image.Binary
	}
	if c.Memory == 0 {
		c.Memory = defaultMemory
	}
	if c.Processes == 0 {
		c.Processes = defaultProcesses
	}
	return &Engine{config: c, images: map[string]*image.Image{}}
}

// Name returns "docker".
func (e *Engine) Name() string { return "docker" }

// Up starts every host of t, as engine.Engine says. It first removes what
// killed labs left. Interfaces and networks without addresses are given some;
// Instance.Topology tells them all. A topology that does not validate is
// refused before anything is asked of the engine.
func (e *Engine) Up(ctx context.Context, t *topology.Topology, o engine.Options) (engine.Instance, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	c, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	l := newLab(e, c, t, o)
	activeLabs.add(l.id)
	if err := c.reaper.hold(c.endpoint.host); err != nil {
		l.say("no reaper, so what a kill leaves stays until the next start: %v", err)
	}
	if err := l.up(ctx); err != nil {
		left := l.abandon()
		if errors.Is(err, engine.ErrUnavailable) && errors.Is(left, engine.ErrUnavailable) {
			left = nil // one death, told once; the next start sweeps
		}
		return nil, errors.Join(err, left)
	}
	return l, nil
}

// abandon removes a lab that did not come up.
func (l *lab) abandon() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanTimeout)
	defer cancel()
	if err := l.Down(ctx); err != nil {
		return fmt.Errorf("docker: cleaning up after the failed start: %w", err)
	}
	return nil
}

// labSet is the labs of this process that are up, or on their way up or down.
type labSet struct {
	mu  sync.Mutex
	ids map[string]bool
}

// activeLabs is of the process and not of an engine, as owners are: a sweep by
// one engine must not take another's lab.
var activeLabs = labSet{ids: map[string]bool{}}

func (s *labSet) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id] = true
}

func (s *labSet) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}

func (s *labSet) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[id]
}
