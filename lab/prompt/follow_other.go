//go:build !unix

package prompt

import "hostlab/lab/agent"

// follow does nothing: this system has no signal for a change of size.
func follow(int, *agent.Process) (stop func()) { return func() {} }
