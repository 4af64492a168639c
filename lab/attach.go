package lab

import (
	"context"
	"time"

	"hostlab/lab/engine"
	"hostlab/lab/engine/docker"
)

// A Project is a lab that "docker compose up" started from this repository's
// image.
type Project struct {
	Name  string // Compose's name of it
	Files string // its Compose files
	Since time.Time

	instance engine.Instance
	paused   []string
}

// Projects returns the labs that Compose has running on the Docker engine. The
// error wraps engine.ErrUnavailable where there is no such engine.
func Projects(ctx context.Context) ([]*Project, error) {
	found, err := docker.New(docker.Config{}).FindComposed(ctx)
	var all []*Project
	for _, c := range found {
		all = append(all, &Project{Name: c.Project, Files: c.Files, Since: c.Since, instance: c, paused: c.Paused})
	}
	return all, err
}

// Attach returns the project as a lab. Close ends what was started with it,
// and leaves the hosts alone. Cables can't be cut: Host.Cut and Host.Join fail.
func (p *Project) Attach() *Lab {
	l := newLab(context.Background(), p.instance)
	for _, name := range p.paused {
		l.hosts[name].condition.paused = true
	}
	return l
}
