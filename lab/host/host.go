// Package host is the multi-call program that runs in a host: it finds a
// program by the name it is called and runs it. cmd/host is nothing else, and
// cmd/hostlab holds the same programs for the reader's own machine.
package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"hostlab/lab/agent"
	"hostlab/lab/book"
	"hostlab/lab/capture"
	"hostlab/lab/engine/netns/holder"
	"hostlab/lab/fault"
	"hostlab/lab/host/rootfs"
	"hostlab/lab/program"
	"hostlab/lab/shell"
	"hostlab/lab/state"
	"hostlab/lab/tools"
)

// Name is what the binary itself is called in a host: /bin/host.
const Name = rootfs.Binary

// Programs returns everything that a host can run, the book's programs first.
// The list is the same on every system, so that an orchestrator on any of them
// can lay the links of the lab image.
func Programs() []program.Program {
	all := slices.Concat(
		book.Programs(),
		shell.Programs(),
		tools.Programs(),
		fault.Programs(),
		capture.Programs(),
		state.Programs(),
	)
	var within []program.Program
	for _, p := range all {
		if inAgent[p.Name] {
			within = append(within, p)
		}
	}
	return slices.Concat(all, agent.Programs(within...), holder.Programs(), []program.Program{install()})
}

// inAgent are the programs that process 1 also runs itself: a look at the
// host's kernel, or a word to it, and they are done.
var inAgent = map[string]bool{"fault": true, "ip": true, "state": true}

// Find returns the program of that name.
func Find(name string) (program.Program, bool) {
	for _, p := range Programs() {
		if p.Name == name {
			return p, true
		}
	}
	return program.Program{}, false
}

// Names returns the names under which the binary is linked in a host: every
// program but those that only process 1 and a builder of images call.
func Names() []string {
	var names []string
	for _, p := range Programs() {
		if !ownOnly[p.Name] {
			names = append(names, p.Name)
		}
	}
	return names
}

// ownOnly are the programs reached as "host NAME" alone.
var ownOnly = map[string]bool{"agent": true, "init": true, "install": true, holder.Name: true}

// Main runs the program that args name, as argv does: by the base name of
// args[0], or by args[1] when the binary is called by its own name. It returns
// the exit status.
func Main(args []string) int {
	if !isShell(filepath.Base(args[0])) {
		shell.QuitByDefault()
	}
	s := program.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	return Run(context.Background(), s, args...)
}

// isShell reports whether a name is a shell's: these catch Ctrl-\ themselves.
func isShell(name string) bool {
	return slices.ContainsFunc(shell.Programs(), func(p program.Program) bool { return p.Name == name })
}

// Run is Main with given streams.
func Run(ctx context.Context, s program.Stdio, args ...string) int {
	if len(args) == 0 {
		args = []string{Name}
	}
	name, rest := filepath.Base(args[0]), args[1:]
	if p, ok := Find(name); ok && !ownOnly[name] {
		return p.Run(ctx, s, rest...)
	}
	if len(rest) == 0 || rest[0] == "-h" || rest[0] == "--help" {
		usage(s.Out)
		return 0
	}
	if p, ok := Find(rest[0]); ok {
		return p.Run(ctx, s, rest[1:]...)
	}
	fmt.Fprintf(s.Err, "%s: %q is not one of its programs\n", Name, rest[0])
	usage(s.Err)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintf(w, "The program of a hostlab host: it runs what its name says.\n\nUsage:\n  %s PROGRAM [ARGUMENT...]\n\nPrograms:\n", Name)
	for _, p := range Programs() {
		fmt.Fprintf(w, "  %-14s %s\n", p.Name, p.Summary)
	}
}
