//go:build !linux

package capture

import (
	"context"
	"errors"
	"fmt"

	"hostlab/lab/program"
)

func run(context.Context, program.Stdio, options) error {
	return fmt.Errorf("capture: a capture runs inside a host, which is Linux: %w", errors.ErrUnsupported)
}
