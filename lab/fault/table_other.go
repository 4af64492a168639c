//go:build !linux

package fault

import (
	"errors"
	"fmt"
)

var errNotLinux = fmt.Errorf("fault: faults act inside a host, which is Linux: %w", errors.ErrUnsupported)

// Add makes a fault act; only hosts can, and those run Linux.
func Add(Fault) error { return errNotLinux }

// List returns the faults that act; only hosts have any, and those run Linux.
func List() ([]Active, error) { return nil, errNotLinux }

// Clear ends every fault; only hosts have any, and those run Linux.
func Clear() error { return errNotLinux }
