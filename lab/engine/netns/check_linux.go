package netns

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hostlab/image"
	"hostlab/lab/agent"
	"hostlab/lab/engine"
	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// Check implements engine.Engine. It makes a lab of two hosts and ends it:
// nothing else tells whether a security module lets it.
func (e *Engine) Check(ctx context.Context) []engine.Finding {
	source := checkSource()
	if !source.OK {
		return []engine.Finding{source}
	}
	findings := append([]engine.Finding{source}, e.try(ctx)...)
	return append(findings, checkLimits(), engine.Finding{
		Name: "differences", OK: true,
		Detail: "from containers: no limit of memory and processes per host, no seccomp filter, no name server, no other images; docs/engines.md",
	})
}

func checkSource() engine.Finding {
	where, err := image.Source(runtime.GOARCH)
	if err != nil {
		return failed("host binary", err)
	}
	return engine.Finding{Name: "host binary", OK: true, Detail: "linux/" + runtime.GOARCH + ", " + where}
}

// failed is the finding that an error is.
func failed(name string, err error) engine.Finding {
	return engine.Finding{Name: name, Detail: strings.Join(strings.Fields(err.Error()), " "), Mend: hint.Of(err)}
}

// try makes a lab, runs a program in it and asks for a fault.
func (e *Engine) try(ctx context.Context) []engine.Finding {
	if _, err := e.hostBinary(ctx); err != nil {
		return []engine.Finding{failed("host binary", err)}
	}
	lan := topology.Network{Name: "lan", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.5.0/24")}}
	at := []topology.Interface{{Network: lan.Name}}
	begin := time.Now()
	l, err := e.Up(ctx, &topology.Topology{
		Networks: []topology.Network{lan},
		Hosts:    []topology.Host{{Name: "one", Interfaces: at}, {Name: "two", Interfaces: at}},
	}, engine.Options{})
	if err != nil {
		return []engine.Finding{failed("namespaces", err)}
	}
	took := time.Since(begin)
	defer l.Down(ctx)
	findings := []engine.Finding{{Name: "namespaces", OK: true,
		Detail: fmt.Sprintf("%s; as %s, two hosts ready in %.0f ms", l.Describe(), who(), took.Seconds()*1000)}}
	return append(findings, tryPrograms(ctx, l)...)
}

func who() string {
	if os.Geteuid() == 0 {
		return "root, whose labs run as nobody"
	}
	return fmt.Sprintf("user %d", os.Geteuid())
}

func tryPrograms(ctx context.Context, l engine.Instance) []engine.Finding {
	stream, err := l.Dial(ctx, "one")
	if err != nil {
		return []engine.Finding{failed("programs", err)}
	}
	c, err := agent.Dial(stream)
	if err != nil {
		return []engine.Finding{failed("programs", err)}
	}
	defer c.Close()
	run := func(args ...string) string {
		var said strings.Builder
		p, err := c.Start(ctx, agent.Command{Args: args, Stdout: &said, Stderr: &said})
		if err != nil {
			return err.Error()
		}
		if status, err := p.Wait(); err != nil || status.Code != 0 {
			return fmt.Sprintf("%s: status %d: %s", strings.Join(args, " "), status.Code, said.String())
		}
		return ""
	}
	programs := engine.Finding{Name: "programs", OK: true, Detail: "a host runs the lab's programs"}
	if said := run("host", "true"); said != "" {
		programs = engine.Finding{Name: "programs", Detail: strings.TrimSpace(said)}
	}
	faults := engine.Finding{Name: "faults", OK: true, Detail: "nf_tables drops and rejects packets in hosts"}
	if said := run("host", "fault", "drop", "udp/1"); said != "" {
		faults.Detail = "labs run without: " + strings.TrimSpace(said)
		faults.Mend = "sudo modprobe -a nf_tables nft_limit nft_numgen nft_reject_inet nft_log"
	}
	return []engine.Finding{programs, faults}
}

// checkLimits says how large a lab may be.
func checkLimits() engine.Finding {
	c := lookAround()
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return failed("limits", err)
	}
	detail := fmt.Sprintf("%d open files", files.Max)
	if n, ok := c.limits["net"]; ok {
		detail = fmt.Sprintf("%d network namespaces, ", n) + detail
	}
	f := engine.Finding{Name: "limits", OK: true, Detail: detail + "; a host takes one of each, or two files in a lab of more than 20"}
	if files.Max < 4096 {
		f.Mend = "ulimit -n 65536"
	}
	return f
}
