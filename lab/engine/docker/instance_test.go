package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// wait is the deadline of what takes a second or so: an engine may be busy.
const wait = 20 * time.Second

var networkInspect = network.InspectOptions{}

func hostRuns(t *testing.T, l *lab, name string) bool {
	t.Helper()
	c, err := l.c.api.ContainerInspect(context.Background(), l.hosts[name].id)
	if err != nil && !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil && c.State != nil && c.State.Status == container.StateRunning
}

func TestCutAndJoin(t *testing.T) {
	l := up(t, newEngine(t), routed())
	k := newTalk(t, l)
	router, _ := l.Topology().Host("router")
	yard, _ := router.Addr("yard")
	ask := fmt.Sprintf("ask %s:1060", yard)
	k.ask("router", "serve 0.0.0.0:1060")
	if got := k.ask("h2", ask); got != "answered" {
		t.Fatalf("before: %s", got)
	}
	if err := l.Cut(t.Context(), "router", "yard"); err != nil {
		t.Fatal(err)
	}
	if got := k.ask("h2", ask); got == "answered" {
		t.Error("the router answers without its cable")
	}
	if got := k.ask("router", "addrs"); strings.Contains(got, yard.String()) {
		t.Errorf("cut from the yard the router still has %s", got)
	}
	if err := l.Cut(t.Context(), "router", "yard"); err == nil {
		t.Error("a second Cut succeeds")
	}
	if err := l.Join(t.Context(), "router", "yard"); err != nil {
		t.Fatal(err)
	}
	if got := k.ask("h2", ask); got != "answered" {
		t.Errorf("joined again: %s", got)
	}
	if got := k.ask("router", "addrs"); !strings.Contains(got, yard.String()+"/24 mtu 1500") {
		t.Errorf("joined again the router has %s; want %s among it", got, yard)
	}
	if err := l.Cut(t.Context(), "h1", "yard"); err == nil || !strings.Contains(err.Error(), `not on a network "yard"`) {
		t.Errorf("Cut from a network that the host is not on: %v", err)
	}
}

func TestPauseResumeKill(t *testing.T) {
	l := up(t, newEngine(t), pair())
	k := newTalk(t, l)
	addr := l.Topology().Hosts[0].Interfaces[0].Addrs[0]
	ask := fmt.Sprintf("ask %s:1060", addr)
	k.ask("h1", "serve 0.0.0.0:1060")
	if err := l.Pause(t.Context(), "h1"); err != nil {
		t.Fatal(err)
	}
	if got := k.ask("h2", ask); !strings.Contains(got, "i/o timeout") {
		t.Errorf("paused: %s; want silence", got)
	}
	if err := l.Resume(t.Context(), "h1"); err != nil {
		t.Fatal(err)
	}
	if got := k.ask("h2", ask); got != "answered" {
		t.Errorf("resumed: %s", got)
	}
	if err := l.Resume(t.Context(), "h1"); err == nil {
		t.Error("a second Resume succeeds")
	}
	if err := l.Kill(t.Context(), "h1"); err != nil {
		t.Fatal(err)
	}
	if hostRuns(t, l, "h1") {
		t.Error("killed, the host runs")
	}
	conn := l.hosts["h1"].stream
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the stream of a killed host ends with %v; want EOF", err)
	}
	if err := l.Kill(t.Context(), "h1"); err == nil {
		t.Error("a second Kill succeeds")
	}
	if err := l.Pause(t.Context(), "h2"); err != nil { // Down ends a paused host too
		t.Fatal(err)
	}
}

func TestDownTwice(t *testing.T) {
	l := up(t, newEngine(t), pair())
	if err := l.Kill(t.Context(), "h2"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := l.Down(t.Context()); err != nil {
			t.Errorf("Down %d: %v", i+1, err)
		}
		wantNothing(t, l.c, labelLab+"="+l.id)
	}
	conn := l.hosts["h1"].stream
	if _, err := conn.Write([]byte("x")); err == nil {
		t.Error("a stream takes data after Down")
	}
	if err := l.Pause(t.Context(), "h1"); err == nil {
		t.Error("Pause succeeds after Down")
	}
}

// TestDownGoesOn: what Down could not do for want of time, it does when called
// again.
func TestDownGoesOn(t *testing.T) {
	l := up(t, newEngine(t), pair())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Down(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Down with a canceled context: %v", err)
	}
	if err := l.Down(t.Context()); err != nil {
		t.Error(err)
	}
	wantNothing(t, l.c, labelLab+"="+l.id)
}

func TestDescribe(t *testing.T) {
	l := up(t, newEngine(t), lan(1))
	want := fmt.Sprintf("docker %s, linux %s", l.c.info.ServerVersion, l.c.info.KernelVersion)
	if got := l.Describe(); got != want {
		t.Errorf("Describe() = %q; want %q", got, want)
	}
}
