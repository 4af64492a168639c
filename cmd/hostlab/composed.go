package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"hostlab/lab"
	"hostlab/lab/agent"
	"hostlab/lab/control"
	"hostlab/lab/verb"
)

// A composedLab is a lab that docker compose has up. It is attached to this
// process for as long as that lives, and goes on afterwards.
type composedLab struct{ *lab.Lab }

// composedTime is how long the Docker engine may take to say what is up.
const composedTime = 3 * time.Second

// projects returns what docker compose has up: nothing, where no engine
// answers.
func projects(ctx context.Context) []*lab.Project {
	ctx, cancel := context.WithTimeout(ctx, composedTime)
	defer cancel()
	all, err := lab.Projects(ctx)
	if err != nil {
		return nil
	}
	return all
}

// findComposed returns the project of that name, or the only one; nil when
// there is none.
func findComposed(ctx context.Context, name string) (runningLab, error) {
	var found []*lab.Project
	var names []string
	for _, p := range projects(ctx) {
		if name == "" || name == p.Name {
			found, names = append(found, p), append(names, p.Name)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return composedLab{found[0].Attach()}, nil
	}
	return nil, &misuseError{fmt.Errorf("%d labs are running: %s; choose one by --lab", len(found), strings.Join(names, ", ")), "hostlab ps"}
}

func (l composedLab) Hosts() []control.Host { return control.HostsOf(l.Lab) }

func (l composedLab) Run(ctx context.Context, words []string, out io.Writer) error {
	return verb.Run(ctx, l.Lab, words, out)
}

func (l composedLab) Agent(_ context.Context, host string) (*agent.Client, error) {
	return verb.Agent(l.Lab, host)
}

// runningLabs lists all labs that verbs can act on.
func runningLabs(ctx context.Context) []control.Info {
	infos := []control.Info{} // [] in JSON, not null
	for _, l := range control.List(ctx) {
		infos = append(infos, l.Info)
	}
	for _, p := range projects(ctx) {
		l := p.Attach()
		infos = append(infos, control.Info{Name: p.Name, Source: p.Files, Engine: l.Describe(), Since: p.Since, Hosts: control.HostsOf(l)})
	}
	return infos
}
