package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"hostlab/lab/hint"
)

// wrap says what was asked of the engine when err came. An engine that is not
// there, or not any more, makes it engine.ErrUnavailable.
func (c *connection) wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case hint.Of(err) != "", errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("docker: %s: %w", what, err)
	case !unreachable(err):
		return explain(fmt.Errorf("docker: %s: %w", what, oneLine(err)))
	case errors.Is(err, os.ErrPermission):
		return unavailable(fmt.Errorf("docker: %s: this user may not use the engine: %w", c.endpoint, oneLine(err)), permissionCommand())
	default:
		return unavailable(fmt.Errorf("docker: %s: %s: no engine answers: %w", c.endpoint, what, oneLine(err)), c.endpoint.mend)
	}
}

func permissionCommand() string {
	if runtime.GOOS == "windows" {
		return `net localgroup docker-users "%USERNAME%" /add   # as administrator, then log in again`
	}
	return "sudo usermod -aG docker $USER && newgrp docker"
}

// explain adds the way out to errors of an engine that is there but cannot.
func explain(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "no space left on device"):
		return hint.Add(err, "docker system df && docker system prune   # the engine's disk is full")
	case strings.Contains(text, "could not find an available, non-overlapping"):
		return hint.Add(err, "docker network prune")
	}
	return err
}

// unreachable says whether the engine did not answer, in contrast to an answer
// that is an error.
func unreachable(err error) bool {
	var op *net.OpError
	return client.IsErrConnectionFailed(err) || errors.As(err, &op) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// overlaps says whether the engine refused a network since its prefix is in
// use. 20.10 answers 403 with "Pool overlaps with other one on this address
// space"; later ones keep the words.
func overlaps(err error) bool {
	return err != nil && strings.Contains(strings.ToLower(err.Error()), "pool overlaps")
}

// inProgress says that what is to be removed is being removed by someone else,
// or is gone: with AutoRemove the engine itself is that someone.
func inProgress(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsConflict(err) && strings.Contains(err.Error(), "in progress")
}

// A flatError has its text on one line.
type flatError struct{ err error }

func (e flatError) Error() string { return strings.Join(strings.Fields(e.err.Error()), " ") }
func (e flatError) Unwrap() error { return e.err }

func oneLine(err error) error {
	if strings.Contains(err.Error(), "\n") {
		return flatError{err}
	}
	return err
}
