package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hostlab/lab/state"
)

// A Snapshot is the state of every host of a lab, by name.
type Snapshot map[string]state.State

// Snapshot asks every host for its state.
func (l *Lab) Snapshot(ctx context.Context) (Snapshot, error) {
	var mu sync.Mutex
	s := Snapshot{}
	err := l.each(ctx, func(ctx context.Context, h *Host) error {
		now, err := h.state(ctx)
		mu.Lock()
		defer mu.Unlock()
		s[h.Name] = now
		return err
	})
	return s, err
}

// restorePatience is how long Restore waits for programs that are about to
// end, and for their sockets. That it ran out is an error.
const restorePatience = 2 * time.Second

// Restore ends all faults, and TCP connections that no program has any more,
// and proves that every host is as it was when the snapshot was taken, but for
// the kernel's counts. The error says what is not, by host; the lab is then good
// for nothing that counts.
func (l *Lab) Restore(ctx context.Context, before Snapshot) error {
	ctx, cancel := context.WithTimeout(ctx, restorePatience)
	defer cancel()
	return l.each(ctx, func(ctx context.Context, h *Host) error { return h.restore(ctx, before[h.Name]) })
}

// restore ends the host's faults, where there are some, and waits until its
// state is an earlier one, as long as only such things are left as go away by
// themselves.
func (h *Host) restore(ctx context.Context, before state.State) error {
	paused, _, cut := h.condition.get()
	cleared := false
	if paused || len(cut) > 0 { // it could not answer, or not be as it was
		if err := h.clearFaults(ctx); err != nil {
			return err
		}
		cleared = true
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := h.state(ctx)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(now.Since(before), state.Counted)
		if len(left) == 0 {
			return nil
		}
		if slices.ContainsFunc(left, state.Lasting) {
			if cleared {
				return h.changed(left)
			}
			if err := h.clearFaults(ctx); err != nil {
				return err
			}
			if err := h.forget(ctx); err != nil {
				return err
			}
			cleared = true
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return h.changed(left)
		}
	}
}

// forget ends connections that only the kernel still has. One that can't do
// that is no error: the host is then not as it was.
func (h *Host) forget(ctx context.Context) error {
	_, err := h.within(ctx, state.ForgetArgs()...)
	if _, refused := errors.AsType[*ExitError](err); refused {
		return nil
	}
	return err
}

// changed is the error of a host that is not as it was.
func (h *Host) changed(left []string) error {
	const most = 5
	return h.errorf("not as it was: %q%s", left[:min(most, len(left))], more(len(left)-most))
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

func (h *Host) state(ctx context.Context) (state.State, error) {
	res, err := h.within(ctx, state.Args()...)
	if err != nil {
		return nil, err
	}
	return state.Parse(res.Stdout), nil
}

// each does something on every host, a few at a time side by side, and joins
// the errors.
func (l *Lab) each(ctx context.Context, do func(context.Context, *Host) error) error {
	var g errgroup.Group
	g.SetLimit(16)
	var mu sync.Mutex
	var errs []error
	for _, h := range l.hosts {
		g.Go(func() error {
			if err := do(ctx, h); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
			return nil
		})
	}
	_ = g.Wait() // every error is in errs
	return errors.Join(errs...)
}
