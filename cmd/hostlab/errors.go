package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

// The exit statuses of hostlab (docs/cli.md).
const (
	statusOK       = 0
	statusDiffers  = 1 // a lesson differs from what it states
	statusMisuse   = 2
	statusNoEngine = 3
	statusBroken   = 4 // the lab itself broke: says nothing of a lesson
	statusCanceled = 130
)

// errDiffers ends a verb with statusDiffers after it has printed why.
var errDiffers = errors.New("differs")

// A statusError ends a verb quietly with the exit status of a program that it
// ran.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// A misuseError says that hostlab was called in a way that it does not
// understand.
type misuseError struct {
	err  error
	hint string
}

func (e *misuseError) Error() string { return e.err.Error() }
func (e *misuseError) Unwrap() error { return e.err }

// report prints err for a person and returns the exit status.
func (c *console) report(err error) int {
	var quiet statusError
	var wrong *misuseError
	switch {
	case err == nil:
		return statusOK
	case errors.Is(err, errDiffers):
		return statusDiffers
	case errors.As(err, &quiet):
		return int(quiet)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.err, "hostlab: interrupted; the lab is gone")
		return statusCanceled
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(c.err, "hostlab: error:", line)
	}
	status, way := statusBroken, hint.Of(err)
	switch {
	case errors.As(err, &wrong):
		status, way = statusMisuse, wrong.hint
	case errors.Is(err, engine.ErrUnavailable):
		status = statusNoEngine
	}
	if way != "" {
		fmt.Fprintln(c.err, "hostlab: hint:", way)
	}
	return status
}
