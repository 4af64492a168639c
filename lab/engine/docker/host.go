package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/testcontainers/testcontainers-go"

	"hostlab/image"
	"hostlab/lab/hint"
	"hostlab/lab/topology"
)

// A host is one container.
type host struct {
	spec   topology.Host
	name   string // the container's: "hostlab-1a2b3c4d-laptop"
	id     string // the container's
	stream *stream
	dialed bool // the stream has been given away
}

// startHost creates a container, attaches to it, puts it on its networks and
// starts it.
func (l *lab) startHost(ctx context.Context, spec topology.Host, own *image.Image, other *foreign) error {
	h := &host{spec: spec, name: "hostlab-" + l.id + "-" + spec.Name}
	err := l.run(ctx, h, l.request(h, own, other))
	if err != nil && other == nil && imageGone(err) {
		l.reload.Do(func() {
			l.say("image %s is gone; loading it again", own.Tag)
			if err := l.c.load(l.work, own); err != nil {
				l.say("%v", err)
			}
		})
		err = l.run(ctx, h, l.request(h, own, other))
		if err != nil && imageGone(err) {
			err = hint.Add(fmt.Errorf("image %s is deleted as fast as it is loaded: %w", own.Tag, err), "docker events --filter type=image")
		}
	}
	if err != nil && withoutIPv6(err) && !l.c.noIPv6.Swap(true) {
		l.say("the engine's kernel has no IPv6: hosts go without ::1")
		err = errors.Join(ignoreGone(l.remove(h.id)), l.run(ctx, h, l.request(h, own, other)))
	}
	if err != nil {
		if h.stream != nil {
			h.stream.Close()
		}
		return l.c.wrap("host "+spec.Name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hosts[spec.Name] = h
	return nil
}

// withoutIPv6 recognises the start of a container that failed since the kernel
// was booted with ipv6.disable=1.
func withoutIPv6(err error) bool {
	return strings.Contains(err.Error(), "/proc/sys/net/ipv6") && strings.Contains(err.Error(), "no such file")
}

// run creates and starts one container by testcontainers-go. A context that
// has ended stops it between two requests and not in the middle of one.
func (l *lab) run(ctx context.Context, h *host, req testcontainers.ContainerRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	work, cancel := context.WithTimeout(l.work, callTimeout)
	defer cancel()
	c, err := l.c.starter.provider.CreateContainer(work, req)
	if c != nil {
		h.id = c.GetContainerID()
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Start(work)
}

// request describes a host's container to testcontainers-go.
func (l *lab) request(h *host, own *image.Image, other *foreign) testcontainers.ContainerRequest {
	req := testcontainers.ContainerRequest{
		Name:   h.name,
		Image:  own.Tag,
		Cmd:    []string{"agent"},
		Labels: l.labels(labelHost, h.spec.Name),
		// Programs that a reader brings along by SFTP may run from here.
		Tmpfs: map[string]string{
			"/tmp":  "rw,exec,nosuid,nodev,mode=1777,size=64m",
			"/root": "rw,exec,nosuid,nodev,mode=0700,size=64m",
			"/run":  "rw,noexec,nosuid,nodev,mode=0755,size=16m",
		},
		ConfigModifier:     func(c *container.Config) { l.configure(c, h, other) },
		HostConfigModifier: func(c *container.HostConfig) { l.confine(c, h, other) },
		LifecycleHooks: []testcontainers.ContainerLifecycleHooks{{
			PreStarts: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				return l.beforeStart(ctx, h, c.GetContainerID(), other)
			}},
		}},
	}
	if other != nil {
		req.Image = other.ref
		req.Entrypoint = []string{image.OverlayDir + "/host"}
	}
	first := h.spec.Interfaces[0] // Validate: there is one
	w := l.wire(first.Network)
	req.Networks = []string{w.name}
	req.EndpointSettingsModifier = func(e map[string]*network.EndpointSettings) {
		e[w.name] = l.endpoint(w, first)
	}
	return req
}

// configure says what runs in the container: process 1 with a standard input
// that ends with the connection to it.
func (l *lab) configure(c *container.Config, h *host, other *foreign) {
	c.Hostname = h.spec.Name
	c.User = "0:0"
	c.WorkingDir = "/root"
	c.AttachStdin, c.AttachStdout, c.AttachStderr = true, true, true
	c.OpenStdin, c.StdinOnce = true, true
	if other != nil {
		c.Env = append(c.Env, "PATH="+image.OverlayDir+":"+other.path, "HOME=/root")
		c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	}
}

// confine says what the container may do and use.
func (l *lab) confine(c *container.HostConfig, h *host, other *foreign) {
	c.AutoRemove = true
	c.ReadonlyRootfs = other == nil // the binary is copied into any other
	c.CapDrop = []string{"ALL"}
	c.CapAdd = []string{"NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"}
	c.SecurityOpt = []string{"no-new-privileges"}
	c.Memory = l.engine.config.Memory
	c.PidsLimit = &l.engine.config.Processes
	c.Sysctls = l.sysctls(h.spec)
	c.LogConfig = container.LogConfig{Type: "none"} // its output is the agent's stream, not a log
	c.ExtraHosts = extraHosts(l.Topology(), h.spec)
	// The engine's name server sends a name that it does not know out of an
	// internal network, where nobody answers (before engine 26). With ndots
	// given it refuses names without a dot at once; the others take a second.
	c.DNSOptions = []string{"ndots:1", "timeout:1", "attempts:1"}
	c.DNSSearch = []string{"."}   // none, instead of the computer's own
	c.DNS = []string{"127.0.0.1"} // the host itself: no question leaves the lab
	c.NetworkMode = container.NetworkMode(l.wire(h.spec.Interfaces[0].Network).name)
}

// sysctls are the host's kernel parameters. They say what a kernel would do
// that was never told anything, for a host inherits IPv4's from the computer:
// one that runs an engine forwards packets.
func (l *lab) sysctls(spec topology.Host) map[string]string {
	forward := "0"
	if spec.Forward {
		forward = "1"
	}
	s := map[string]string{
		"net.ipv4.ip_forward": forward,
		// Every ICMP error is sent, however many (icmp(7)): the rate is per
		// destination, the mask names what else counts against a rate.
		"net.ipv4.icmp_ratelimit": "0",
		"net.ipv4.icmp_ratemask":  "0",
	}
	if !l.c.noIPv6.Load() {
		// The engine takes ::1 from hosts without an IPv6 network.
		s["net.ipv6.conf.lo.disable_ipv6"] = "0"
		if slices.ContainsFunc(spec.Interfaces, func(i topology.Interface) bool { return l.wire(i.Network).hasIPv6() }) {
			s["net.ipv6.icmp.ratelimit"] = "0"
			s["net.ipv6.conf.all.forwarding"] = forward
		}
	}
	for name, value := range spec.Sysctls {
		s[name] = value
	}
	return s
}

// extraHosts are the lines of a host's /etc/hosts. The host's own name the
// engine adds by itself.
func extraHosts(t *topology.Topology, spec topology.Host) []string {
	var lines []string
	for _, n := range t.NamesFor(spec) {
		lines = append(lines, n.Name+":"+n.Addr.String())
	}
	return lines
}

// endpoint is a host's place on a network. It is made afresh for each request:
// the client library writes into it.
func (l *lab) endpoint(w *wire, i topology.Interface) *network.EndpointSettings {
	e := &network.EndpointSettings{NetworkID: w.id, IPAMConfig: &network.EndpointIPAMConfig{}}
	for _, a := range i.Addrs {
		if a.Is6() {
			e.IPAMConfig.IPv6Address = a.String()
			continue
		}
		e.IPAMConfig.IPv4Address = a.String()
		if l.c.newer("1.44") {
			// As older engines have it by themselves: the same after Join.
			b := a.As4()
			e.MacAddress = fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
		}
	}
	return e
}

// beforeStart is called when the container is created and not yet started.
func (l *lab) beforeStart(ctx context.Context, h *host, id string, other *foreign) error {
	if other != nil {
		if err := other.install(ctx, l.c.api, id); err != nil {
			return err
		}
	}
	for _, i := range h.spec.Interfaces[1:] {
		w := l.wire(i.Network)
		if err := l.c.api.NetworkConnect(ctx, w.id, id, l.endpoint(w, i)); err != nil {
			return fmt.Errorf("connect to network %s: %w", i.Network, err)
		}
	}
	var err error
	h.stream, err = attach(ctx, l.c.api, h.spec.Name, id)
	return err
}
