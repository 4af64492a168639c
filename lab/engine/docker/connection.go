package docker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

const (
	// minAPI is that of engine 20.10, the oldest that this package is tested
	// with.
	minAPI     = "1.41"
	minVersion = "20.10"
)

// pingTimeout is how long an engine may take to say that it is there.
var pingTimeout = 10 * time.Second // a variable for the tests

// A connection is one engine that has answered.
type connection struct {
	endpoint endpoint
	api      *client.Client
	info     system.Info
	arch     string // "amd64", as Go names it
	version  string // "20.10.24"
	starter  *starter
	noIPv6   atomic.Bool // its kernel was seen to have none
	reaper   reaper
}

// connections are those of this process, by endpoint. Engines share them, and
// with them the reaper.
var connections = struct {
	sync.Mutex
	at map[string]*connection
}{at: map[string]*connection{}}

// connect returns the engine's connection, made and checked on first use. An
// engine that answered once is asked again each time: it may be gone.
func (e *Engine) connect(ctx context.Context) (*connection, error) {
	connections.Lock() // also since newStarter changes the environment
	defer connections.Unlock()
	at := findEndpoint(e.config.Endpoint)
	if c := connections.at[at.host]; c != nil {
		_, err := c.ping(ctx)
		return c, err
	}
	c, err := dial(ctx, at)
	if err != nil {
		return nil, err
	}
	if c.starter, err = newStarter(c); err != nil {
		return nil, err
	}
	connections.at[at.host] = c
	return c, nil
}

// dial connects to an endpoint and to no other: testcontainers-go, left to
// itself, falls back to the default socket when DOCKER_HOST does not answer.
func dial(ctx context.Context, at endpoint) (*connection, error) {
	c := &connection{endpoint: at}
	var err error
	if c.api, err = newClient(at.host); err != nil {
		return nil, unavailable(fmt.Errorf("docker: %s: %w", at, err), at.mend)
	}
	api, err := c.ping(ctx)
	if err != nil {
		return nil, err
	}
	if versions.LessThan(api, minAPI) {
		return nil, unavailable(fmt.Errorf("docker: %s: the engine is too old: it has API %s, and hosts want %s (Docker %s) or newer", at, api, minAPI, minVersion),
			"docker version   # then https://docs.docker.com/engine/install/")
	}
	if c.info, err = c.api.Info(ctx); err != nil {
		return nil, c.wrap("info", err)
	}
	if c.info.OSType != "linux" {
		return nil, unavailable(fmt.Errorf("docker: %s: the engine runs %s containers, and hosts are Linux", at, c.info.OSType),
			`& "$Env:ProgramFiles\Docker\Docker\DockerCli.exe" -SwitchLinuxEngine`)
	}
	c.version, c.arch = c.info.ServerVersion, goArch(c.info.Architecture)
	return c, nil
}

// ping returns the engine's API version.
func (c *connection) ping(ctx context.Context) (api string, err error) {
	short, cancel := context.WithTimeoutCause(ctx, pingTimeout, fmt.Errorf("no answer within %v", pingTimeout))
	defer cancel()
	p, err := c.api.Ping(short)
	if err != nil {
		if ctx.Err() == nil && short.Err() != nil {
			return "", unavailable(fmt.Errorf("docker: %s: %w", c.endpoint, context.Cause(short)), c.endpoint.mend)
		}
		return "", c.wrap("connect", err)
	}
	return p.APIVersion, nil
}

// newClient is client.NewClientWithOpts(client.FromEnv) with the host given,
// and with ssh:// (see ssh.go).
func newClient(host string) (*client.Client, error) {
	opts := []client.Opt{client.WithTLSClientConfigFromEnv(), client.WithVersionFromEnv(), client.WithAPIVersionNegotiation()}
	if strings.HasPrefix(host, "ssh://") {
		dial, err := sshDialer(host)
		if err != nil {
			return nil, err
		}
		opts = append(opts, client.WithHost("http://docker.example.com"), client.WithDialContext(dial))
	} else {
		opts = append(opts, client.WithHost(host))
	}
	return client.NewClientWithOpts(opts...)
}

// remote says whether the engine is on another computer, whose routes are not
// to be seen from here.
func (c *connection) remote() bool { return !c.endpoint.local() }

// atOnce is how many hosts are started at the same time. More only make each
// start slower: 2 to 7 s instead of 0.8 s on two processors.
func (c *connection) atOnce() int { return max(2, 2*c.info.NCPU) }

// newer says whether the connection speaks at least this API version.
func (c *connection) newer(api string) bool {
	return versions.GreaterThanOrEqualTo(c.api.ClientVersion(), api)
}

// Describe is "docker 20.10.24, linux 6.18.44".
func (c *connection) describe() string {
	return fmt.Sprintf("docker %s, linux %s", c.version, c.info.KernelVersion)
}

// goArch translates the machine name of uname(2) to Go's.
func goArch(machine string) string {
	switch machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "i386", "i686":
		return "386"
	case "armv6l", "armv7l":
		return "arm"
	}
	return machine
}

// unavailable marks err as engine.ErrUnavailable, with the way out.
func unavailable(err error, mend string) error {
	return hint.Add(&unavailableError{err}, "%s", mend)
}

// An unavailableError is an error that also is engine.ErrUnavailable, without
// its words: the error says more.
type unavailableError struct{ err error }

func (e *unavailableError) Error() string        { return e.err.Error() }
func (e *unavailableError) Unwrap() error        { return e.err }
func (e *unavailableError) Is(target error) bool { return target == engine.ErrUnavailable }
