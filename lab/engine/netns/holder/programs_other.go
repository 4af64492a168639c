//go:build !linux

package holder

import "hostlab/lab/program"

// Programs returns none: namespaces are Linux's.
func Programs() []program.Program { return nil }
