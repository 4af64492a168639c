package docker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/container"

	"hostlab/lab/topology"
)

// Dial implements engine.Instance.
func (l *lab) Dial(_ context.Context, name string) (io.ReadWriteCloser, error) {
	h, err := l.host(name)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.dialed {
		return nil, fmt.Errorf("docker: host %s: its stream is in use already", name)
	}
	h.dialed = true
	return h.stream, nil
}

// Pause implements engine.Instance.
func (l *lab) Pause(ctx context.Context, name string) error {
	return l.act("pause", name, func(h *host) error { return l.c.api.ContainerPause(ctx, h.id) })
}

// Resume implements engine.Instance.
func (l *lab) Resume(ctx context.Context, name string) error {
	return l.act("resume", name, func(h *host) error { return l.c.api.ContainerUnpause(ctx, h.id) })
}

// Kill implements engine.Instance. The host is gone when it returns: not
// resumed, not joined again.
func (l *lab) Kill(ctx context.Context, name string) error {
	return l.act("kill", name, func(h *host) error {
		gone, failed := l.c.api.ContainerWait(ctx, h.id, container.WaitConditionRemoved)
		if err := l.c.api.ContainerKill(ctx, h.id, "KILL"); err != nil {
			return err
		}
		select {
		case <-gone:
			return nil
		case err := <-failed:
			return err
		}
	})
}

// Cut implements engine.Instance. Routes by way of the network go with it.
func (l *lab) Cut(ctx context.Context, name, network string) error {
	return l.act("cut from "+network, name, func(h *host) error {
		w, _, err := l.place(h, network)
		if err != nil {
			return err
		}
		return l.c.api.NetworkDisconnect(ctx, w.id, h.id, false)
	})
}

// Join implements engine.Instance. The interface is a new one, with the old
// addresses but perhaps another name; routes must be set again.
func (l *lab) Join(ctx context.Context, name, network string) error {
	return l.act("join to "+network, name, func(h *host) error {
		w, at, err := l.place(h, network)
		if err != nil {
			return err
		}
		return l.c.api.NetworkConnect(ctx, w.id, h.id, l.endpoint(w, at))
	})
}

// place returns a host's place on a network.
func (l *lab) place(h *host, network string) (*wire, topology.Interface, error) {
	at, ok := h.spec.Interface(network)
	if !ok {
		return nil, at, fmt.Errorf("the host is not on a network %q", network)
	}
	return l.wire(network), at, nil
}

// remove removes a container that did not start.
func (l *lab) remove(id string) error {
	return l.c.api.ContainerRemove(l.work, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
}

func (l *lab) act(what, name string, do func(*host) error) error {
	h, err := l.host(name)
	if err != nil {
		return err
	}
	return l.c.wrap(what+" host "+name, do(h))
}

// Down implements engine.Instance. When the engine does not answer, the lab
// stays to be ended: Down may be called again, and the next start's sweep
// removes what it can.
func (l *lab) Down(ctx context.Context) error {
	l.down.Lock()
	defer l.down.Unlock()
	if l.downDone {
		return nil
	}
	// Killing first is a third faster than to end the standard inputs first:
	// then each container is removed by the engine and by us at the same time.
	_, err := l.c.removeAll(ctx, labelled(labelLab, l.id))
	activeLabs.remove(l.id)
	l.mu.Lock()
	for _, h := range l.hosts {
		err = errors.Join(err, h.stream.Close())
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	for _, w := range l.wires {
		l.c.starter.networks.Delete(w.name)
	}
	l.downDone = true
	return l.c.reaper.release()
}
