package lab

import (
	"fmt"
	"strings"

	"hostlab/lab/engine"
	"hostlab/lab/engine/docker"
	"hostlab/lab/hint"
	"hostlab/lab/host"
)

// engines are the ways to make hosts, the preferred one first.
var engines = []func() engine.Engine{
	func() engine.Engine { return docker.New(docker.Config{Names: host.Names()}) },
}

// EngineNames are the words that FindEngine knows, "auto" first.
func EngineNames() []string {
	names := []string{"auto"}
	for _, e := range engines {
		names = append(names, e().Name())
	}
	return names
}

// FindEngine returns the engine of that name; "auto" and "" mean the preferred
// one. Nothing is contacted yet: whether it can run here, Start tells.
func FindEngine(name string) (engine.Engine, error) {
	for _, e := range engines {
		if e := e(); name == e.Name() || name == "auto" || name == "" {
			return e, nil
		}
	}
	return nil, hint.Add(
		fmt.Errorf("lab: engine %q: expected one of %s", name, strings.Join(EngineNames(), ", ")),
		"hostlab doctor")
}
