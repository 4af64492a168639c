//go:build !linux

package shell

import (
	"context"
	"fmt"
	"runtime"

	"hostlab/lab/program"
)

// run says what is missing: job control here needs Linux's wait and terminals.
func run(_ context.Context, opts options, std program.Stdio) int {
	fmt.Fprintf(std.Err, "%s: runs in hosts, which are Linux; this is %s\n", opts.name, runtime.GOOS)
	return 1
}

// QuitByDefault does nothing: see the one for Linux.
func QuitByDefault() {}
