//go:build !linux

package state

import "errors"

// Read works on Linux only.
func Read() (State, error) {
	return nil, errors.New("state: runs in hosts, which are Linux")
}
