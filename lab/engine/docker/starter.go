package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"

	"hostlab/lab/hint"
)

// A starter is testcontainers-go, tamed: it creates and starts containers on
// our own connection, and does nothing else.
type starter struct {
	provider *testcontainers.DockerProvider
	networks sync.Map // name -> ID, of the networks that hosts are started on
}

const ryukVariable = "TESTCONTAINERS_RYUK_DISABLED"

// providerOnce keeps two engines of one process from changing the environment
// at the same time.
var providerOnce sync.Mutex

// newStarter makes a provider for a connection that has answered.
func newStarter(c *connection) (*starter, error) {
	providerOnce.Lock()
	defer providerOnce.Unlock()
	defer restoreEnv(ryukVariable)()
	defer restoreEnv(client.EnvOverrideHost)()
	// Its reaper is an image to be pulled. The library reads this variable at
	// its first use and never again.
	os.Setenv(ryukVariable, "true")
	p, err := newProvider(c.endpoint.host)
	if err != nil {
		return nil, fmt.Errorf("docker: testcontainers: %w", err)
	}
	if !p.Config().RyukDisabled {
		return nil, hint.Add(errors.New("docker: testcontainers was used before in this process, with its reaper image, which hosts must not depend on"),
			"export %s=true", ryukVariable)
	}
	s := &starter{provider: p}
	p.SetClient(&guard{APIClient: c.api, networks: &s.networks})
	return s, nil
}

// newProvider calls the library's constructor, which insists on finding an
// engine by itself, prints what it found, and panics when it finds none. It
// is told our endpoint where it understands it. What it found is replaced by
// SetClient in any case; after the panic its second call goes without.
func newProvider(host string) (*testcontainers.DockerProvider, error) {
	before := tclog.Default()
	tclog.SetDefault(quiet{})
	defer tclog.SetDefault(before)
	os.Setenv(client.EnvOverrideHost, host)
	opts := append(testcontainers.Generic2DockerOptions(testcontainers.WithLogger(quiet{})),
		testcontainers.WithDefaultBridgeNetwork(testcontainers.Bridge))
	var p *testcontainers.DockerProvider
	var err error
	for range 2 {
		if p, err = recovered(func() (*testcontainers.DockerProvider, error) {
			return testcontainers.NewDockerProvider(opts...)
		}); err == nil {
			return p, nil
		}
	}
	return nil, err
}

func recovered[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return f()
}

func restoreEnv(name string) func() {
	value, set := os.LookupEnv(name)
	return func() {
		if set {
			os.Setenv(name, value)
		} else {
			os.Unsetenv(name)
		}
	}
}

// quiet is a logger that says nothing: a library does not log.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// errNoPull stands where testcontainers-go would pull an image.
var errNoPull = errors.New("nothing is ever pulled")

// A guard is the engine's API as testcontainers-go may use it. What this
// package knows already it is told without a request, and what must never
// happen does not.
type guard struct {
	client.APIClient
	networks *sync.Map
}

// Close keeps the connection, which testcontainers-go would close after each
// container.
func (g *guard) Close() error { return nil }

// ImageInspect says that the image is there and exposes no port. When it is
// not there, creating the container fails with the engine's own "no such
// image". The ports that an image exposes testcontainers-go would publish.
func (g *guard) ImageInspect(context.Context, string, ...client.ImageInspectOption) (image.InspectResponse, error) {
	return image.InspectResponse{Config: &dockerspec.DockerOCIImageConfig{}}, nil
}

// NetworkList shows the default bridge alone. Where the engine has none,
// testcontainers-go would make a network of its own and put every host on it.
func (g *guard) NetworkList(context.Context, network.ListOptions) ([]network.Summary, error) {
	return []network.Summary{{Name: testcontainers.Bridge}}, nil
}

// NetworkCreate refuses: see NetworkList.
func (g *guard) NetworkCreate(context.Context, string, network.CreateOptions) (network.CreateResponse, error) {
	return network.CreateResponse{}, errors.New("no network but the lab's is ever made")
}

// NetworkInspect answers from memory: the engine's answer lists every host on
// the network, again for each.
func (g *guard) NetworkInspect(_ context.Context, name string, _ network.InspectOptions) (network.Inspect, error) {
	id, ok := g.networks.Load(name)
	if !ok {
		return network.Inspect{}, fmt.Errorf("network %s: not one of this process", name)
	}
	return network.Inspect{ID: id.(string), Name: name}, nil
}

// ImagePull refuses.
func (g *guard) ImagePull(context.Context, string, image.PullOptions) (io.ReadCloser, error) {
	return nil, errNoPull
}
