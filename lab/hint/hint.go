// Package hint carries the way out beside an error: a command that the person
// at the terminal can paste. The error itself stays what programs decide on.
package hint

import (
	"errors"
	"fmt"
)

// An Error is an error with a way out of it.
type Error struct {
	Err  error  // what went wrong
	Hint string // a command to paste, or what to do first, one line
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Add returns err with a hint, or nil when err is nil.
func Add(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: fmt.Sprintf(format, args...)}
}

// Of returns the outermost hint in err's tree, or "" when it has none.
func Of(err error) string {
	var h *Error
	if errors.As(err, &h) {
		return h.Hint
	}
	return ""
}
