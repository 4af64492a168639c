// Command host is the one small static binary that every host of a lab runs:
// process 1, the book's programs, the shell and the tools, by the name it is
// called.
package main

import (
	"os"

	"hostlab/lab/host"
)

func main() { os.Exit(host.Main(os.Args)) }
