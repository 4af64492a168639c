package shell

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"hostlab/lab/book"
	"hostlab/lab/fault"
	"hostlab/lab/program"
	"hostlab/lab/tools"
)

// A group is programs under one heading.
type group struct {
	title string
	list  []program.Program
}

func groups() []group {
	return []group{
		{"The book's programs", book.Programs()},
		{"This host and its network", slices.Concat(tools.Programs()[:networkTools], fault.Programs())},
		{"Files and processes", tools.Programs()[networkTools:]},
	}
}

// networkTools is how many of the tools, from the first, are about networks.
const networkTools = 9

// builtinHelp is what the shell itself knows.
const builtinHelp = `The shell:
  cd, pwd        go to a directory, say which it is
  fg, bg, jobs   wake a stopped program in front or behind; list them
  wait           wait for programs in the background (started with &)
  echo, printf   print words
  export, set    set variables
  history        what was typed
  exit           leave (Ctrl-D); jobs end with the shell

`

// help lists everything, or prints one program's own help.
func (s *shell) help(ctx context.Context, hc interp.HandlerContext, args []string) int {
	if len(args) > 1 {
		return complain(hc, 2, "help: one name at most\nUsage: help [PROGRAM]")
	}
	if len(args) == 1 {
		return s.helpOn(ctx, hc, args[0])
	}
	for _, g := range groups() {
		fmt.Fprintf(hc.Stdout, "%s:\n", g.title)
		for _, p := range g.list {
			fmt.Fprintf(hc.Stdout, "  %-14s %s\n", p.Name, p.Summary)
		}
		fmt.Fprintln(hc.Stdout)
	}
	io.WriteString(hc.Stdout, builtinHelp)
	io.WriteString(hc.Stdout, firstSteps())
	return 0
}

func (s *shell) helpOn(ctx context.Context, hc interp.HandlerContext, name string) int {
	for _, g := range groups() {
		for _, p := range g.list {
			if p.Name == name {
				return p.Run(ctx, program.Stdio{In: s.nothing, Out: hc.Stdout, Err: hc.Stderr}, "--help")
			}
		}
	}
	return complain(hc, 1, "help: %s: no such program\n%s: hint: help", name, s.opts.name)
}

// firstSteps is what to try first for page 30, with this host's own address.
func firstSteps() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	addr := "192.168.5.130"
	if own := ownAddresses(); len(own) > 0 {
		host += " (" + strings.Join(own, ", ") + ")"
		addr = own[0]
	}
	return fmt.Sprintf(`Page 30 first, on %[1]s:
  udp_remote server %[2]s &    a server on the external address
  udp_remote client 127.0.0.1        refused: it is not bound there
  udp_remote client %[2]s    answered
  ss -ulnp                           what it is bound to
and from another host:  udp_remote client %[2]s
`, host, addr)
}

// ownAddresses returns this host's IPv4 addresses but loopback's.
func ownAddresses() []string {
	var own []string
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			own = append(own, n.IP.String())
		}
	}
	return own
}
