package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"hostlab/lab/engine"
	"hostlab/lab/engine/docker"
	"hostlab/lab/hint"
	"hostlab/lab/host"
	"hostlab/lab/topology"
)

// engines are the ways to make hosts, the preferred one first.
var engines = slices.Concat([]func() engine.Engine{
	func() engine.Engine { return docker.New(docker.Config{Names: host.Names()}) },
}, kernelEngines)

// auto is the word for the preferred engine of those that this computer can run.
const auto = "auto"

// EngineVariable names the environment variable with the engine that is meant
// where none is named.
const EngineVariable = "HOSTLAB_ENGINE"

// EngineNames are the words that FindEngine knows, "auto" first.
func EngineNames() []string {
	names := []string{auto}
	for _, e := range engines {
		names = append(names, e().Name())
	}
	return names
}

// FindEngine returns the engine of that name; "auto" means the preferred one
// of those that this computer can run, and "" what HOSTLAB_ENGINE says, or
// else "auto". Nothing is contacted yet: whether it can run here, Start tells.
func FindEngine(name string) (engine.Engine, error) {
	if name == "" {
		name = os.Getenv(EngineVariable)
	}
	var all []engine.Engine
	for _, e := range engines {
		e := e()
		if name == e.Name() {
			return e, nil
		}
		all = append(all, e)
	}
	if name == auto || name == "" {
		return automatic{all}, nil
	}
	return nil, hint.Add(
		fmt.Errorf("lab: engine %q: expected one of %s", name, strings.Join(EngineNames(), ", ")),
		"hostlab doctor")
}

// automatic is the first of several engines that can run here.
type automatic struct{ engines []engine.Engine }

// Name implements engine.Engine.
func (a automatic) Name() string { return auto }

// Up implements engine.Engine. When an engine is not available it says so and
// tries the next.
func (a automatic) Up(ctx context.Context, t *topology.Topology, o engine.Options) (engine.Instance, error) {
	var errs []error
	for i, e := range a.engines {
		instance, err := e.Up(ctx, t, o)
		if err == nil || !errors.Is(err, engine.ErrUnavailable) || ctx.Err() != nil {
			return instance, err
		}
		errs = append(errs, err)
		if i+1 < len(a.engines) && o.Progress != nil {
			o.Progress(fmt.Sprintf("no %s here, so %s makes the hosts: %s", e.Name(), a.engines[i+1].Name(), firstLine(err)))
		}
	}
	return nil, hint.Add(errors.Join(errs...), "hostlab doctor")
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// Sweep implements engine.Engine: of every engine that is available.
func (a automatic) Sweep(ctx context.Context) (engine.Swept, error) {
	sum := engine.Swept{Labs: []string{}}
	var errs []error
	swept := 0
	for _, e := range a.engines {
		s, err := e.Sweep(ctx)
		sum.Labs = append(sum.Labs, s.Labs...)
		sum.Containers += s.Containers
		sum.Networks += s.Networks
		if err == nil {
			swept++
		}
		if err != nil && !errors.Is(err, engine.ErrUnavailable) {
			return sum, err
		}
		errs = append(errs, err)
	}
	if swept == 0 {
		return sum, errors.Join(errs...)
	}
	return sum, nil
}

// Check implements engine.Engine: what every engine found, each finding with
// the engine's name. One engine that can run is enough, so the others'
// shortcomings are none of the computer's.
func (a automatic) Check(ctx context.Context) []engine.Finding {
	var all []engine.Finding
	var able string
	for _, e := range a.engines {
		found := e.Check(ctx)
		if able == "" && !slices.ContainsFunc(found, func(f engine.Finding) bool { return !f.OK }) {
			able = e.Name()
		}
		for _, f := range found {
			f.Name = e.Name() + " " + f.Name
			all = append(all, f)
		}
	}
	if able == "" {
		return all
	}
	for i := range all {
		if !all[i].OK {
			all[i].OK = true
			all[i].Detail = "not usable: " + all[i].Detail
		}
	}
	return append([]engine.Finding{{Name: "engine", OK: true, Detail: able + " makes the hosts where none is named"}}, all...)
}
