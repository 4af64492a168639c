package docker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"

	"hostlab/image"
	"hostlab/lab/engine"
)

// The benchmarks start the same lab in three ways, by turns, so that whatever
// else the computer does slows all of them alike:
//
//	up       Engine.Up, until every host's process 1 answers
//	bare     no more requests to the engine's API than that takes
//	compose  docker-compose up -d, where that command is here
//
//	go test ./lab/engine/docker -run '^$' -bench Up -benchtime 5x
//
// The figures are medians in milliseconds; x-bare and x-compose are up
// divided by the other, so lower is better for us.

func BenchmarkUp2(b *testing.B)  { benchmarkUp(b, 2) }
func BenchmarkUp10(b *testing.B) { benchmarkUp(b, 10) }
func BenchmarkUp40(b *testing.B) { benchmarkUp(b, 40) }

func benchmarkUp(b *testing.B, hosts int) {
	e := newEngine(b)
	c, own := warm(b, e)
	var up, down, bare, compose []time.Duration
	for b.Loop() {
		begin := time.Now()
		in, err := e.Up(b.Context(), lan(hosts), engine.Options{})
		if err != nil {
			b.Fatal(err)
		}
		l := in.(*lab)
		l.answer(b)
		up = append(up, time.Since(begin))
		down = append(down, l.timeDown(b))

		begin = time.Now()
		l = e.bare(b, c, hosts, own)
		l.answer(b)
		bare = append(bare, time.Since(begin))
		l.timeDown(b)

		if path, err := exec.LookPath("docker-compose"); err == nil {
			compose = append(compose, composeUp(b, path, hosts, own))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(up), "up-ms")
	b.ReportMetric(ms(down), "down-ms")
	b.ReportMetric(ms(bare), "bare-ms")
	b.ReportMetric(ms(up)/ms(bare), "x-bare")
	if len(compose) > 0 {
		b.ReportMetric(ms(compose), "compose-ms")
		b.ReportMetric(ms(up)/ms(compose), "x-compose")
	}
}

func ms(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

// answer waits until every host has answered.
func (l *lab) answer(b *testing.B) {
	k := newTalk(b, l)
	for _, h := range l.Topology().Hosts {
		k.ask(h.Name, "echo")
	}
}

func (l *lab) timeDown(b *testing.B) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := l.Down(context.Background()); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// warm makes sure that the image is there and the client connected.
func warm(b *testing.B, e *Engine) (*connection, *image.Image) {
	b.Helper()
	c, err := e.connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	own, err := e.labImage(b.Context(), c, func(string, ...any) {})
	if err != nil {
		b.Fatal(err)
	}
	return c, own
}

// bare starts a lab with no more requests than the engine needs.
func (e *Engine) bare(b *testing.B, c *connection, hosts int, own *image.Image) *lab {
	l := newLab(e, c, lan(hosts), engine.Options{})
	activeLabs.add(l.id)
	if err := c.reaper.hold(c.endpoint.host); err != nil {
		b.Fatal(err)
	}
	l.work = b.Context()
	n := l.topology.Networks[0]
	w := &wire{spec: n, name: "hostlab-" + l.id, wished: n.Prefixes, prefixes: n.Prefixes}
	l.wires = []*wire{w}
	if err := w.chooseGateways(l.topology); err != nil {
		b.Fatal(err)
	}
	answer, err := l.c.api.NetworkCreate(l.work, w.name, l.networkOptions(w))
	if err != nil {
		b.Fatal(err)
	}
	w.id = answer.ID
	var g errgroup.Group
	g.SetLimit(l.c.atOnce())
	for _, spec := range l.topology.Hosts {
		h := &host{spec: spec}
		l.hosts[spec.Name] = h
		g.Go(func() error { return l.bareHost(h, own, w) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	return l
}

func (l *lab) bareHost(h *host, own *image.Image, w *wire) error {
	req := l.request(h, own, nil)
	config := &container.Config{Image: own.Tag, Cmd: req.Cmd, Labels: req.Labels}
	req.ConfigModifier(config)
	confined := &container.HostConfig{Tmpfs: req.Tmpfs}
	req.HostConfigModifier(confined)
	at := map[string]*network.EndpointSettings{w.name: l.endpoint(w, h.spec.Interfaces[0])}
	c, err := l.c.api.ContainerCreate(l.work, config, confined, &network.NetworkingConfig{EndpointsConfig: at}, nil, "hostlab-"+l.id+"-"+h.spec.Name)
	if err != nil {
		return err
	}
	h.id = c.ID
	if h.stream, err = attach(l.work, l.c.api, h.spec.Name, c.ID); err != nil {
		return err
	}
	return l.c.api.ContainerStart(l.work, c.ID, container.StartOptions{})
}

// composeUp times "docker-compose up -d" of the same lab.
func composeUp(b *testing.B, path string, hosts int, own *image.Image) time.Duration {
	b.Helper()
	dir := b.TempDir()
	file := filepath.Join(dir, "docker-compose.yaml")
	if err := os.WriteFile(file, composeFile(hosts, own), 0o644); err != nil {
		b.Fatal(err)
	}
	project := "hostlabbench" + newID()
	run := func(args ...string) {
		b.Helper()
		args = append([]string{"-p", project, "-f", file}, args...)
		if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
			b.Errorf("docker-compose %v: %v: %s", args, err, out)
		}
	}
	defer run("down", "-t", "0")
	begin := time.Now()
	run("up", "-d")
	return time.Since(begin)
}

// composeFile is the lab as a reader would write it for docker-compose.
func composeFile(hosts int, own *image.Image) []byte {
	t := lan(hosts)
	var b bytes.Buffer
	fmt.Fprintf(&b, "version: '3.7'\nnetworks:\n  lan:\n    internal: true\n    ipam:\n      config:\n        - subnet: %s\nservices:\n", t.Networks[0].Prefixes[0])
	for _, h := range t.Hosts {
		fmt.Fprintf(&b, "  %s:\n    image: %s\n    command: [agent]\n    hostname: %s\n    stdin_open: true\n    read_only: true\n", h.Name, own.Tag, h.Name)
		fmt.Fprintf(&b, "    tmpfs: [/tmp, /root, /run]\n    cap_drop: [ALL]\n    cap_add: [NET_ADMIN, NET_RAW, NET_BIND_SERVICE]\n")
		fmt.Fprintf(&b, "    networks:\n      lan:\n        ipv4_address: %s\n", h.Interfaces[0].Addrs[0])
	}
	return b.Bytes()
}
