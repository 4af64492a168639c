package lab_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"hostlab/lab"
	"hostlab/lab/labtest"
	"hostlab/lab/topology"
)

// The experiments of the chapter's section share one lab, the very file that
// docker compose up reads, since a host costs a fifth of a second:
//
//	laptop .10 ---+--- lan 192.168.5.0/24 ---+--- guinness .130
//	              +--- stranger .66
//
// Each leaves it as it was; see clean.
var page = &sharedLab{topology: func(t testing.TB) *topology.Topology { return labtest.Load(t, "../compose.yaml") }}

// A sharedLab is started by the first test that needs it and ended by TestMain.
type sharedLab struct {
	topology func(t testing.TB) *topology.Topology
	start    sync.Once
	lab      *lab.Lab
	err      error
}

func (s *sharedLab) get(t *testing.T) *lab.Lab {
	t.Helper()
	s.start.Do(func() { s.lab, s.err = lab.Start(context.Background(), s.topology(t), nil) })
	labtest.Require(t, s.err)
	t.Cleanup(func() { clean(t, s.lab) })
	return s.lab
}

// clean proves that an experiment left no socket and no fault on any host.
func clean(t *testing.T, l *lab.Lab) {
	ctx := context.Background()
	for _, spec := range l.Topology().Hosts {
		h := l.Host(spec.Name)
		for _, socket := range []string{"udp/1060", "tcp/1060"} {
			if _, err := h.Run(ctx, "await", "gone", socket); err != nil {
				t.Errorf("a server was left: %v", err)
			}
		}
		if res, err := h.Run(ctx, "fault", "clear"); err != nil {
			t.Errorf("%v %s", err, res.Stderr)
		}
	}
}

// soon bounds a wait that should take no time at all, so that a test which
// waits in vain fails and says for what.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// serve starts a server and returns when its socket is bound. It is stopped,
// as with Ctrl-C, when the test ends.
func serve(t *testing.T, h *lab.Host, args ...string) *lab.Process {
	t.Helper()
	p, err := h.Start(context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, p) })
	if _, err := p.WaitLine(soon(t), "Listening at"); err != nil {
		t.Fatal(err)
	}
	return p
}

// stop interrupts a server and wants it to end of that, at once and silently.
func stop(t *testing.T, p *lab.Process) {
	t.Helper()
	select {
	case <-p.Done():
		return
	default:
	}
	res, err := p.Stop(context.Background())
	if err != nil || res.Signal != "SIGINT" || res.Stderr != "" {
		t.Errorf("%s: ended with %+v, %v; want SIGINT and no word", p, res, err)
	}
}

// run runs a program to its end and wants an exit status.
func run(t *testing.T, h *lab.Host, code int, args ...string) lab.Result {
	t.Helper()
	res, err := h.Run(t.Context(), args...)
	var exit *lab.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if res.Code != code {
		t.Fatalf("%s: %s: exit status %d; want %d\n%s%s", h.Name, strings.Join(args, " "), res.Code, code, res.Stdout, res.Stderr)
	}
	return res
}
