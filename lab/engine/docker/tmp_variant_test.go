package docker

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"

	"hostlab/lab/engine"
)

func TestVariants(t *testing.T) {
	if os.Getenv("VARIANTS") == "" {
		t.Skip("tmp")
	}
	e := newEngine(t)
	c, _ := e.connect(t.Context())
	own, err := e.labImage(t.Context(), c, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	times := map[string][]time.Duration{}
	variants := map[string]func(*container.Config, *container.HostConfig){
		"base":     func(*container.Config, *container.HostConfig) {},
		"ipcnone":  func(c *container.Config, h *container.HostConfig) { h.IpcMode = "none" },
		"nolimits": func(c *container.Config, h *container.HostConfig) { h.Memory = 0; h.PidsLimit = nil },
		"nosysctl": func(c *container.Config, h *container.HostConfig) { h.Sysctls = nil },
		"unconfined": func(c *container.Config, h *container.HostConfig) {
			h.SecurityOpt = append(h.SecurityOpt, "seccomp=unconfined")
		},
		"notmpfs":  func(c *container.Config, h *container.HostConfig) { h.Tmpfs = nil },
		"limit8":   func(*container.Config, *container.HostConfig) {},
		"limit3":   func(*container.Config, *container.HostConfig) {},
		"limit2":   func(*container.Config, *container.HostConfig) {},
		"noautorm": func(c *container.Config, h *container.HostConfig) { h.AutoRemove = false },
		"nolog":    func(c *container.Config, h *container.HostConfig) { h.LogConfig = container.LogConfig{} },
		"two":      func(*container.Config, *container.HostConfig) {},
	}
	want := strings.Split(os.Getenv("VARIANTS"), ",")
	for range 7 {
		for _, v := range want {
			l := newLab(e, c, lan(10), engine.Options{})
			activeLabs.add(l.id)
			c.reaper.hold(c.endpoint.host)
			l.work = t.Context()
			n := l.topology.Networks[0]
			w := &wire{spec: n, name: "hostlab-" + l.id, wished: n.Prefixes, prefixes: n.Prefixes}
			l.wires = []*wire{w}
			w.chooseGateways(l.topology)
			begin := time.Now()
			answer, err := l.c.api.NetworkCreate(l.work, w.name, l.networkOptions(w))
			if err != nil {
				t.Fatal(err)
			}
			w.id = answer.ID
			times["net"] = append(times["net"], time.Since(begin))
			var g errgroup.Group
			g.SetLimit(map[string]int{"limit8": 8, "limit3": 3, "limit2": 2}[v])
			if !strings.HasPrefix(v, "limit") {
				g.SetLimit(4)
			}
			for _, spec := range l.topology.Hosts {
				h := &host{spec: spec}
				l.hosts[spec.Name] = h
				g.Go(func() error {
					req := l.request(h, own, nil)
					config := &container.Config{Image: own.Tag, Cmd: req.Cmd, Labels: req.Labels}
					req.ConfigModifier(config)
					confined := &container.HostConfig{Tmpfs: req.Tmpfs}
					req.HostConfigModifier(confined)
					variants[v](config, confined)
					at := map[string]*network.EndpointSettings{w.name: l.endpoint(w, h.spec.Interfaces[0])}
					tt := time.Now()
					cc, err := l.c.api.ContainerCreate(l.work, config, confined, &network.NetworkingConfig{EndpointsConfig: at}, nil, "hostlab-"+l.id+"-"+h.spec.Name)
					if err != nil {
						return err
					}
					mu.Lock()
					times["create"] = append(times["create"], time.Since(tt))
					mu.Unlock()
					h.id = cc.ID
					if h.stream, err = attach(l.work, l.c.api, h.spec.Name, cc.ID); err != nil {
						return err
					}
					tt = time.Now()
					defer func() { mu.Lock(); times["start"] = append(times["start"], time.Since(tt)); mu.Unlock() }()
					return l.c.api.ContainerStart(l.work, cc.ID, container.StartOptions{})
				})
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			times[v] = append(times[v], time.Since(begin))
			l.Down(context.Background())
		}
	}
	for v, d := range times {
		t.Logf("%-10s %.0f ms  %v", v, ms(d), d[0])
	}
}
