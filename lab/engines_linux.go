package lab

import (
	"hostlab/lab/engine"
	"hostlab/lab/engine/netns"
	"hostlab/lab/host"
)

// kernelEngines are those that need this computer's kernel to be Linux.
var kernelEngines = []func() engine.Engine{
	func() engine.Engine { return netns.New(netns.Config{Names: host.Names()}) },
}
