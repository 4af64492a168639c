package docker

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/docker/docker/api/types/filters"

	"hostlab/image"
	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

// bookPrefix is the network of the book's page.
var bookPrefix = netip.MustParsePrefix("192.168.5.0/24")

// Check implements engine.Engine. It asks the engine and the computer, and
// builds the host binary to see whether it can be built; nothing is loaded,
// made or removed.
func (e *Engine) Check(ctx context.Context) []engine.Finding {
	c, err := e.connect(ctx)
	if err != nil {
		return []engine.Finding{failed("engine", err), e.checkSource(runtime.GOARCH)}
	}
	findings := []engine.Finding{
		{Name: "engine", OK: true, Detail: fmt.Sprintf("%s at %s, API %s", c.describe(), c.endpoint, c.api.ClientVersion())},
		c.checkMachine(),
		c.checkLimits(),
	}
	source := e.checkSource(c.arch)
	findings = append(findings, source)
	if source.OK {
		findings = append(findings, e.checkImage(ctx, c))
	}
	findings = append(findings, c.checkSubnet(ctx), c.checkLeftovers(ctx))
	if f, ok := c.checkIPv6(); ok {
		findings = append(findings, f)
	}
	return findings
}

// failed is the finding that an error is.
func failed(name string, err error) engine.Finding {
	return engine.Finding{Name: name, Detail: strings.Join(strings.Fields(err.Error()), " "), Mend: hint.Of(err)}
}

func (c *connection) checkMachine() engine.Finding {
	i := c.info
	where := "this computer"
	if c.remote() {
		where = i.Name
	}
	return engine.Finding{Name: "machine", OK: true, Detail: fmt.Sprintf("%s: %s, linux/%s %s, %d processors, %.1f GiB, storage %s, cgroup v%s",
		where, i.OperatingSystem, c.arch, i.KernelVersion, i.NCPU, float64(i.MemTotal)/(1<<30), i.Driver, i.CgroupVersion)}
}

// checkLimits: without the limits labs run, and one host may eat the computer.
func (c *connection) checkLimits() engine.Finding {
	f := engine.Finding{Name: "limits", OK: true, Detail: "memory and processes of each host are limited"}
	var missing []string
	if !c.info.MemoryLimit {
		missing = append(missing, "memory")
	}
	if !c.info.PidsLimit {
		missing = append(missing, "processes")
	}
	if len(missing) > 0 {
		f.Detail = "the engine cannot limit the " + strings.Join(missing, " and ") + " of a host; labs run without"
		f.Mend = "docker info   # its warnings say which kernel option is missing"
	}
	return f
}

func (e *Engine) checkSource(arch string) engine.Finding {
	where, err := image.Source(arch)
	if err != nil {
		return failed("host binary", err)
	}
	return engine.Finding{Name: "host binary", OK: true, Detail: "linux/" + arch + ", " + where}
}

func (e *Engine) checkImage(ctx context.Context, c *connection) engine.Finding {
	i, err := e.makeImage(ctx, c.arch, func(string, ...any) {})
	if err != nil {
		return failed("image", err)
	}
	present, err := c.hasImage(ctx, i.Tag)
	if err != nil {
		return failed("image", err)
	}
	f := engine.Finding{Name: "image", OK: true, Detail: fmt.Sprintf("%s, %.1f MB, loaded", i.Tag, float64(i.Size)/1e6)}
	if !present {
		f.Detail = fmt.Sprintf("%s, %.1f MB, not loaded yet: the first start does it", i.Tag, float64(i.Size)/1e6)
	}
	return f
}

// checkSubnet: with the book's subnet in use labs run, in another one.
func (c *connection) checkSubnet(ctx context.Context) engine.Finding {
	free, err := c.takenPrefixes(ctx)
	if err != nil {
		return failed("subnet", err)
	}
	by, ok := free.claim(bookPrefix)
	if ok {
		return engine.Finding{Name: "subnet", OK: true, Detail: fmt.Sprintf("the book's %s is free", bookPrefix)}
	}
	other, err := free.claimOther(bookPrefix)
	if err != nil {
		return failed("subnet", err)
	}
	return engine.Finding{Name: "subnet", OK: true, Mend: by.mend,
		Detail: fmt.Sprintf("the book's %s is in use by %s; labs take %s and rewrite the addresses", bookPrefix, by.by, other)}
}

func (c *connection) checkLeftovers(ctx context.Context) engine.Finding {
	found, err := c.list(ctx, filters.NewArgs(filters.Arg("label", labelOwner)))
	if err != nil {
		return failed("leftovers", err)
	}
	dead := found.deadLabs(time.Now())
	if len(dead) == 0 {
		return engine.Finding{Name: "leftovers", OK: true, Detail: "none of killed runs"}
	}
	return engine.Finding{Name: "leftovers", OK: true, Mend: "hostlab gc",
		Detail: "of killed runs, lab " + strings.Join(dead, ", ") + "; the next start removes it"}
}

// checkIPv6 looks at this computer's kernel where the engine runs on it.
func (c *connection) checkIPv6() (engine.Finding, bool) {
	if runtime.GOOS != "linux" || c.remote() {
		return engine.Finding{}, false
	}
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		return engine.Finding{Name: "IPv6", OK: true, Detail: "this computer's kernel has none; hosts go without ::1",
			Mend: "remove ipv6.disable=1 from the kernel's command line"}, true
	}
	return engine.Finding{Name: "IPv6", OK: true, Detail: "the kernel has it"}, true
}
