package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

// Sweep removes every lab whose owner is gone, and none whose owner runs. An
// owner that cannot be seen from here, in another boot, on another machine or
// in another process namespace, counts as gone when none of its containers
// runs and the youngest thing of it is older than ten minutes.
func (e *Engine) Sweep(ctx context.Context) (engine.Swept, error) {
	c, err := e.connect(ctx)
	if err != nil {
		return engine.Swept{}, err
	}
	return e.sweep(ctx, c)
}

const (
	// oldAge is when a lab of an owner that cannot be seen is taken for dead.
	oldAge = 10 * time.Minute

	// stuckAge is how long a network without a container may refuse to go
	// before it is given up, see removeAll.
	stuckAge = 3 * time.Second
)

func (e *Engine) sweep(ctx context.Context, c *connection) (engine.Swept, error) {
	found, err := c.list(ctx, filters.NewArgs(filters.Arg("label", labelOwner)))
	if err != nil {
		return engine.Swept{}, err
	}
	var s engine.Swept
	var errs []error
	for _, id := range found.deadLabs(time.Now()) {
		n, err := c.removeAll(ctx, labelled(labelLab, id))
		s.Containers += n.Containers
		s.Networks += n.Networks
		if err != nil {
			errs = append(errs, err)
		} else {
			s.Labs = append(s.Labs, id)
		}
	}
	return s, errors.Join(errs...)
}

// labelled is the filter for what has a label of that value.
func labelled(label, value string) filters.Args {
	return filters.NewArgs(filters.Arg("label", label+"="+value))
}

// things are containers and networks of labs.
type things struct {
	containers []container.Summary
	networks   []network.Summary
}

func (t things) empty() bool { return len(t.containers) == 0 && len(t.networks) == 0 }

// list finds what has a label.
func (c *connection) list(ctx context.Context, label filters.Args) (things, error) {
	var t things
	var err error
	if t.containers, err = c.api.ContainerList(ctx, container.ListOptions{All: true, Filters: label}); err != nil {
		return t, c.wrap("list containers", err)
	}
	if t.networks, err = c.api.NetworkList(ctx, network.ListOptions{Filters: label}); err != nil {
		return t, c.wrap("list networks", err)
	}
	return t, nil
}

// A trace is what is seen of a lab.
type trace struct {
	owner    string
	running  bool // one of its containers does
	youngest time.Time
}

// deadLabs returns the labs that are to be swept, in order.
func (t things) deadLabs(now time.Time) []string {
	labs := map[string]*trace{}
	note := func(labels map[string]string, born time.Time, running bool) {
		id := labels[labelLab]
		if labs[id] == nil {
			labs[id] = &trace{owner: labels[labelOwner]}
		}
		l := labs[id]
		l.running = l.running || running
		if born.After(l.youngest) {
			l.youngest = born
		}
	}
	for _, c := range t.containers {
		note(c.Labels, time.Unix(c.Created, 0), c.State == container.StateRunning || c.State == container.StatePaused)
	}
	for _, n := range t.networks {
		note(n.Labels, n.Created, false)
	}
	var dead []string
	for _, id := range slices.Sorted(maps.Keys(labs)) {
		if id != "" && !activeLabs.has(id) && labs[id].isDead(now) {
			dead = append(dead, id)
		}
	}
	return dead
}

func (t trace) isDead(now time.Time) bool {
	switch lifeOf(t.owner) {
	case dead:
		return true
	case alive:
		// A lab of this very process that is not active any more is what a
		// Down could not remove.
		me, err := self()
		return err == nil && t.owner == me.String()
	default:
		return !t.running && now.Sub(t.youngest) > oldAge
	}
}

// removeAll removes everything with a label and returns when it is gone. It
// says what stays when ctx ends first.
//
// Engine 20.10, when many hosts start or end at the same moment on a busy
// computer, may miscount those of a network: it lists none, and keeps the
// network until the engine is started again (moby issues 42119 and 43286). Such
// a network is given up: at once when it is old.
func (c *connection) removeAll(ctx context.Context, label filters.Args) (engine.Swept, error) {
	seen := tally{}
	var alone time.Time // since when there are networks that stay, and no container
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for tries := 0; ; tries++ {
		found, err := c.list(ctx, label)
		if err != nil {
			return engine.Swept{}, err
		}
		if found.empty() {
			return seen.swept(found), nil
		}
		seen.count(found)
		err = c.removeOnce(ctx, found)
		switch {
		case ctx.Err() != nil:
			return seen.swept(found), errors.Join(fmt.Errorf("docker: %s stay: %w", found, ctx.Err()), err)
		case err == nil || len(found.containers) > 0:
			alone = time.Time{}
		case alone.IsZero() && found.young(time.Now()):
			alone = time.Now()
		case alone.IsZero() || tries > 5 && time.Since(alone) > stuckAge:
			return seen.swept(found), hint.Add(fmt.Errorf("docker: %s: cannot be removed, though no container is on it: %w", found, oneLine(err)),
				"sudo systemctl restart docker   # it has miscounted")
		}
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// young says whether a network was made in the last minute.
func (t things) young(now time.Time) bool {
	return slices.ContainsFunc(t.networks, func(n network.Summary) bool { return now.Sub(n.Created) < time.Minute })
}

// A tally counts what was seen, each thing once.
type tally struct{ containers, networks map[string]bool }

func (y *tally) count(t things) {
	if y.containers == nil {
		y.containers, y.networks = map[string]bool{}, map[string]bool{}
	}
	for _, x := range t.containers {
		y.containers[x.ID] = true
	}
	for _, x := range t.networks {
		y.networks[x.ID] = true
	}
}

// swept is what was seen and is not left.
func (y *tally) swept(left things) engine.Swept {
	return engine.Swept{
		Containers: len(y.containers) - len(left.containers),
		Networks:   len(y.networks) - len(left.networks),
	}
}

// String names things for an error message.
func (t things) String() string {
	var names []string
	for _, c := range t.containers {
		names = append(names, "container "+strings.TrimPrefix(strings.Join(c.Names, " "), "/"))
	}
	for _, n := range t.networks {
		names = append(names, "network "+n.Name)
	}
	return strings.Join(names, ", ")
}

// removeOnce asks the engine to remove things, containers first. What is being
// removed already, or has gone, is no error.
func (c *connection) removeOnce(ctx context.Context, t things) error {
	var g errgroup.Group
	g.SetLimit(c.atOnce())
	for _, x := range t.containers {
		g.Go(func() error {
			err := c.api.ContainerRemove(ctx, x.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
			return ignoreGone(err)
		})
	}
	first := g.Wait()
	var h errgroup.Group
	h.SetLimit(c.atOnce())
	for _, n := range t.networks {
		h.Go(func() error {
			err := c.api.NetworkRemove(ctx, n.ID)
			return ignoreGone(err)
		})
	}
	return errors.Join(first, h.Wait())
}

func ignoreGone(err error) error {
	if err == nil || errdefs.IsNotFound(err) || inProgress(err) {
		return nil
	}
	return err
}
