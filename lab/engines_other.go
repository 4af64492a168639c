//go:build !linux

package lab

import "hostlab/lab/engine"

// kernelEngines are those that need this computer's kernel to be Linux.
var kernelEngines []func() engine.Engine
