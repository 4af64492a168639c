// A host has no limit of processors of its own; not to look for one, in the
// list of all mounts, has every program start a little faster.
//go:debug containermaxprocs=0

// Command host is the one small static binary that every host of a lab runs:
// process 1, the book's programs, the shell and the tools, by the name it is
// called.
package main

import (
	"os"

	"hostlab/lab/host"
)

func main() { os.Exit(host.Main(os.Args)) }
