package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// Labels of the containers that Compose starts from this repository's image.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelFiles   = "com.docker.compose.project.config_files"
	labelTitle   = "org.opencontainers.image.title"
)

// A Composed is a lab that "docker compose up" started: an engine.Instance of
// which every host has our image, and "host init" for process 1. Streams to its
// hosts come by exec. Down leaves the hosts alone.
type Composed struct {
	Project string
	Files   string    // the Compose files, as Compose names them
	Since   time.Time // of the first host
	Paused  []string  // hosts

	c    *connection
	top  *topology.Topology
	byID map[string]string // hosts' containers
}

var _ engine.Instance = (*Composed)(nil)

// FindComposed returns the labs that Compose has running on the engine, in the
// order of their names.
func (e *Engine) FindComposed(ctx context.Context) ([]*Composed, error) {
	c, err := dial(ctx, findEndpoint(e.config.Endpoint))
	if err != nil {
		return nil, err
	}
	list, err := c.api.ContainerList(ctx, container.ListOptions{
		Filters: filters.NewArgs(filters.Arg("label", labelProject), filters.Arg("label", labelTitle+"=hostlab")),
	})
	if err != nil {
		return nil, c.wrap("list containers", err)
	}
	slices.SortFunc(list, func(a, b container.Summary) int {
		return strings.Compare(a.Labels[labelProject]+" "+a.Labels[labelService], b.Labels[labelProject]+" "+b.Labels[labelService])
	})
	var all []*Composed
	for i := range list {
		project := list[i].Labels[labelProject]
		if len(all) == 0 || all[len(all)-1].Project != project {
			all = append(all, &Composed{Project: project, Files: list[i].Labels[labelFiles], c: c,
				top: &topology.Topology{Name: project}, byID: map[string]string{}})
		}
		all[len(all)-1].add(&list[i])
	}
	return all, nil
}

// add takes a container in as a host.
func (l *Composed) add(s *container.Summary) {
	h := topology.Host{Name: s.Labels[labelService]}
	if began := time.Unix(s.Created, 0); l.Since.IsZero() || began.Before(l.Since) {
		l.Since = began
	}
	if s.State == "paused" {
		l.Paused = append(l.Paused, h.Name)
	}
	if s.NetworkSettings != nil {
		for full, at := range s.NetworkSettings.Networks {
			name := strings.TrimPrefix(full, l.Project+"_")
			if _, known := l.top.Network(name); !known {
				l.top.Networks = append(l.top.Networks, topology.Network{Name: name})
			}
			i := topology.Interface{Network: name}
			for _, text := range []string{at.IPAddress, at.GlobalIPv6Address} {
				if a, err := netip.ParseAddr(text); err == nil {
					i.Addrs = append(i.Addrs, a)
				}
			}
			h.Interfaces = append(h.Interfaces, i)
		}
	}
	slices.SortFunc(h.Interfaces, func(a, b topology.Interface) int { return strings.Compare(a.Network, b.Network) })
	l.top.Hosts = append(l.top.Hosts, h)
	l.byID[h.Name] = s.ID
}

// Topology implements engine.Instance. The networks' prefixes are left out.
func (l *Composed) Topology() *topology.Topology { return l.top }

// Describe implements engine.Instance.
func (l *Composed) Describe() string { return l.c.describe() }

// Dial implements engine.Instance: it starts an agent beside the host's process
// 1. It ends with the stream, and with it all that it started.
func (l *Composed) Dial(ctx context.Context, name string) (io.ReadWriteCloser, error) {
	id, err := l.id(name)
	if err != nil {
		return nil, err
	}
	made, err := l.c.api.ContainerExecCreate(ctx, id, container.ExecOptions{
		Cmd: []string{"/bin/host", "agent"}, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, l.c.wrap("exec in host "+name, err)
	}
	conn, err := l.c.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, l.c.wrap("exec in host "+name, err)
	}
	return newStream(name, conn), nil
}

func (l *Composed) id(name string) (string, error) {
	id, ok := l.byID[name]
	if !ok {
		return "", fmt.Errorf("docker: no host %q in project %s", name, l.Project)
	}
	return id, nil
}

// Pause implements engine.Instance.
func (l *Composed) Pause(ctx context.Context, name string) error {
	id, err := l.id(name)
	if err != nil {
		return err
	}
	return l.c.wrap("pause host "+name, l.c.api.ContainerPause(ctx, id))
}

// Resume implements engine.Instance.
func (l *Composed) Resume(ctx context.Context, name string) error {
	id, err := l.id(name)
	if err != nil {
		return err
	}
	return l.c.wrap("resume host "+name, l.c.api.ContainerUnpause(ctx, id))
}

// Kill implements engine.Instance.
func (l *Composed) Kill(ctx context.Context, name string) error {
	id, err := l.id(name)
	if err != nil {
		return err
	}
	return l.c.wrap("kill host "+name, l.c.api.ContainerKill(ctx, id, "KILL"))
}

// Cut implements engine.Instance. Compose's networks are Compose's: nobody here
// would know how to join the host again.
func (l *Composed) Cut(_ context.Context, name, network string) error {
	id, err := l.id(name)
	if err != nil {
		return err
	}
	return hint.Add(fmt.Errorf("docker: host %s: its cables are docker compose's: %w", name, errors.ErrUnsupported),
		"docker network disconnect %s_%s %.12s", l.Project, network, id)
}

// Join implements engine.Instance; see Cut.
func (l *Composed) Join(_ context.Context, name, _ string) error {
	return fmt.Errorf("docker: host %s: its cables are docker compose's: %w", name, errors.ErrUnsupported)
}

// Down implements engine.Instance: the lab goes on.
func (l *Composed) Down(context.Context) error { return nil }
