package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"hostlab/lab"
	"hostlab/lab/engine"
	"hostlab/lab/labtest"
	"hostlab/lab/topology"
)

// A stubborn engine's labs do not end before the results are there, and then say
// that something stays.
type stubborn struct {
	engine.Engine
	results <-chan struct{}
}

type stubbornLab struct {
	engine.Instance
	results <-chan struct{}
}

var errStays = errors.New("a network stays")

func (e stubborn) Up(ctx context.Context, t *topology.Topology, o engine.Options) (engine.Instance, error) {
	in, err := e.Engine.Up(ctx, t, o)
	return stubbornLab{in, e.results}, err
}

func (l stubbornLab) Down(ctx context.Context) error {
	select {
	case <-l.results:
		return errors.Join(l.Instance.Down(ctx), errStays)
	case <-time.After(time.Minute):
		return errors.Join(l.Instance.Down(ctx), errors.New("no results after a minute"))
	}
}

// The results are there before the last labs are gone, and whatever comes of
// these.
func TestResultsFirst(t *testing.T) {
	e, err := lab.FindEngine("auto")
	labtest.Require(t, err)
	results, done := context.WithCancel(t.Context())
	defer done()
	out := &trigger{text: "claims as stated", cancel: done}
	r := &lessonRun{console: &console{out: out, err: &bytes.Buffer{}}, flags: &runFlags{}, engine: stubborn{e, results.Done()}}
	if err := r.run(t.Context(), []string{"two-servers"}); !errors.Is(err, errStays) {
		t.Errorf("run: %v; want that something stays", err)
	}
	if results.Err() == nil {
		t.Errorf("no results: %s", out.all.String())
	}
}
