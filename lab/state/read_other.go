//go:build !linux

package state

import "errors"

// Forget works on Linux only.
func Forget() error { return errors.New("state: runs in hosts, which are Linux") }

// Read works on Linux only.
func Read() (State, error) {
	return nil, errors.New("state: runs in hosts, which are Linux")
}
