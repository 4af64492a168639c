// Package tools holds the small programs of a host: what its addresses,
// routes and sockets are (ip, ifconfig, ss), whether another host answers
// (ping, nc), a forged datagram (forge), waiting for a socket (await), and the
// few files and process commands that one expects at a prompt.
//
// A host has no other programs: its file system is this one binary. The tools
// print as iproute2, net-tools and iputils do, for what they print at all, so
// that a reader recognises the lines; options that the lab does not need are
// not there, and say so.
//
// Every tool: --help on standard output and status 0; misuse with its usage
// on standard error and status 2; a failure as "NAME: OBJECT: reason" and
// status 1.
package tools

import (
	"context"
	"fmt"
	"runtime"

	"hostlab/lab/program"
)

// A runFunc is the Run of a [program.Program].
type runFunc = func(ctx context.Context, s program.Stdio, args ...string) int

// catalogue is the tools in the order of lists. It is the same on every
// system, because an orchestrator on any of them lays the links of the lab
// image from it.
var catalogue = []struct{ name, summary string }{
	{"ip", "show and set addresses, links, routes and neighbours"},
	{"ifconfig", "show interfaces and their addresses"},
	{"ss", "show sockets and who owns them"},
	{"ping", "ask whether a host answers (ICMP echo)"},
	{"nc", "send and receive by hand over UDP or TCP"},
	{"forge", "send one UDP datagram with a forged source address"},
	{"await", "wait until a socket is bound: await udp/1060"},
	{"sysctl", "read and write kernel settings of the network: net.*"},
	{"hostname", "print the host's name, or with -I its addresses"},
	{"kill", "send a signal to processes"},
	{"ls", "list files"},
	{"cat", "print files"},
	{"cp", "copy files"},
	{"mv", "move or rename files"},
	{"rm", "remove files"},
	{"mkdir", "make directories"},
	{"touch", "make files, or set their time"},
	{"find", "find files"},
	{"env", "print the environment, or run a program with another"},
	{"sleep", "do nothing for a while"},
	{"date", "print the time"},
	{"uname", "print what system this is"},
	{"id", "print the user"},
	{"true", "succeed"},
	{"false", "fail"},
}

// Programs returns the host's tools. On other systems than Linux they are the
// same list, and each only says that it runs in hosts.
func Programs() []program.Program {
	run := runs()
	var list []program.Program
	for _, t := range catalogue {
		f := run[t.name]
		if f == nil {
			f = elsewhere(t.name)
		}
		list = append(list, program.Program{Name: t.name, Summary: t.summary, Run: f})
	}
	return list
}

// elsewhere is a tool on a system that it is not made for.
func elsewhere(name string) runFunc {
	return func(_ context.Context, s program.Stdio, _ ...string) int {
		fmt.Fprintf(s.Err, "%s: runs in hosts, which are Linux; this is %s\n", name, runtime.GOOS)
		return 1
	}
}
