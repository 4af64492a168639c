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
// A build is kept in the user's cache directory, so the next call takes about
// 0.15 s; concurrent calls, also of other processes, are safe.
func Binary(ctx context.Context, arch string) ([]byte, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		return given(path, arch)
	}
	if data, ok := embedded(arch); ok {
		return data, nil
	}
	return build(ctx, arch)
}

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
