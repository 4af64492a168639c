// Package labtest starts labs in tests and ends them with the test.
//
//	func TestAnswers(t *testing.T) {
//		l := labtest.Start(t, labtest.Load(t, "compose.yaml"))
//		res, err := l.Host("laptop").Run(t.Context(), "udp_remote", "client", "guinness")
//		...
//	}
//
// Where this computer has no engine, the test is skipped with the reason. When
// the environment variable CI is set it fails instead: there a skipped lab
// would go unseen.
package labtest

import (
	"context"
	"errors"
	"os"
	"testing"

	"hostlab/lab"
	"hostlab/lab/engine"
	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// Load reads a topology from a Compose file, or fails the test.
func Load(t testing.TB, path string) *topology.Topology {
	t.Helper()
	top, err := lab.Load(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// Start starts a lab that ends with the test t.
func Start(t testing.TB, top *topology.Topology) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), top, &lab.Options{Progress: func(line string) { t.Log(line) }})
	if l != nil {
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	Require(t, err)
	return l
}

// Require ends the test when err is not nil: it skips when err says that no
// engine is available here, unless CI is set, and fails otherwise.
func Require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, engine.ErrUnavailable) && os.Getenv("CI") == "":
		t.Skipf("no lab here: %v; %s", err, hint.Of(err))
	case errors.Is(err, context.Canceled):
		t.Fatalf("lab: start: canceled: %v", err)
	default:
		t.Fatalf("%v; %s", err, hint.Of(err))
	}
}
