package image

import (
	"context"
	"fmt"
	"os"

	"hostlab/lab/hint"
)

// BinaryVariable names the environment variable with the path of a host binary
// to use instead of an embedded or a built one.
const BinaryVariable = "HOSTLAB_HOST_BINARY"

// Binary returns the static host binary for linux and an architecture, as Go
// names it: the file that HOSTLAB_HOST_BINARY names, else the embedded one of
// a release build, else one built with the Go toolchain from hostlab's source.
// A build is kept in the user's cache directory, so that another process needs
// about 0.15 s to see that it is up to date, and in memory, so that this one
// does not look again. Concurrent calls, also of other processes, are safe. The
// caller must not change the bytes.
func Binary(ctx context.Context, arch string) ([]byte, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		return given(path, arch)
	}
	if data, ok := embedded(arch); ok {
		return data, nil
	}
	select {
	case building <- struct{}{}:
		defer func() { <-building }()
	case <-ctx.Done():
		return nil, fmt.Errorf("image: build host binary: %w", ctx.Err())
	}
	if data := built[arch]; data != nil {
		return data, nil
	}
	data, err := build(ctx, arch)
	if err == nil {
		built[arch] = data
	}
	return data, err
}

var (
	building = make(chan struct{}, 1) // held while built is used
	built    = map[string][]byte{}    // by architecture
)

// Source says in a few words where Binary takes the binary from, or the error
// that Binary would return for want of any source. It builds nothing.
func Source(arch string) (string, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		_, err := given(path, arch)
		return path + " (" + BinaryVariable + ")", err
	}
	if _, ok := embedded(arch); ok {
		return "embedded in this program", nil
	}
	_, dir, err := toolchain()
	return "built with the Go toolchain from " + dir, err
}

func given(path, arch string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = checkBinary(data, arch)
	}
	if err != nil {
		return nil, hint.Add(fmt.Errorf("image: %s: %w", BinaryVariable, err), "unset %s", BinaryVariable)
	}
	return data, nil
}
