package lab

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// A fakeEngine answers as it is told to.
type fakeEngine struct {
	name     string
	err      error
	instance engine.Instance
	swept    engine.Swept
	findings []engine.Finding
}

func (f fakeEngine) Name() string { return f.name }
func (f fakeEngine) Up(context.Context, *topology.Topology, engine.Options) (engine.Instance, error) {
	return f.instance, f.err
}
func (f fakeEngine) Sweep(context.Context) (engine.Swept, error) { return f.swept, f.err }
func (f fakeEngine) Check(context.Context) []engine.Finding      { return f.findings }

type fakeInstance struct{ engine.Instance }

func TestAutomatic(t *testing.T) {
	away := fakeEngine{name: "away", err: errors.Join(engine.ErrUnavailable), findings: []engine.Finding{{Name: "daemon", Detail: "none", Mend: "start it"}}}
	broken := fakeEngine{name: "broken", err: errors.New("it broke")}
	able := fakeEngine{name: "able", instance: fakeInstance{}, swept: engine.Swept{Networks: 2}, findings: []engine.Finding{{Name: "kernel", OK: true}}}
	for _, tt := range []struct {
		name    string
		engines []engine.Engine
		up      error // nil that it succeeds
		said    string
		sweep   error
		usable  bool
	}{
		{"the first can", []engine.Engine{able, broken}, nil, "", broken.err, true},
		{"the second can", []engine.Engine{away, able}, nil, "no away here, so able makes the hosts", nil, true},
		{"none can", []engine.Engine{away, away}, engine.ErrUnavailable, "no away here", engine.ErrUnavailable, false},
		{"the first breaks", []engine.Engine{broken, able}, broken.err, "", broken.err, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, said := automatic{tt.engines}, ""
			instance, err := a.Up(t.Context(), nil, engine.Options{Progress: func(line string) { said += line }})
			if !errors.Is(err, tt.up) || (instance == nil) != (tt.up != nil) || !strings.Contains(said, tt.said) || (said == "") != (tt.said == "") {
				t.Errorf("up: %v, %v after %q", instance, err, said)
			}
			if swept, err := a.Sweep(t.Context()); !errors.Is(err, tt.sweep) || tt.sweep == nil && swept.Networks != 2 {
				t.Errorf("sweep: %+v, %v; want %v", swept, err, tt.sweep)
			}
			usable := true
			for _, f := range a.Check(t.Context()) {
				usable = usable && f.OK
			}
			if usable != tt.usable {
				t.Errorf("check: %+v; want usable %v", a.Check(t.Context()), tt.usable)
			}
		})
	}
	if got := (automatic{[]engine.Engine{away, able}}).Check(t.Context()); got[1].Name != "away daemon" || got[1].Mend == "" || !strings.HasPrefix(got[1].Detail, "not usable: ") {
		t.Errorf("what is missing is not said: %+v", got)
	}
}
