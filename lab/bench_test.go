package lab_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hostlab/image"
	"hostlab/lab"
	"hostlab/lab/labtest"
)

// BenchmarkRun is what it costs to start a program in a host and to have its
// output and its status back, beside the same program run directly and, where
// hosts are containers, beside "docker exec", in turn in one run:
//
//	go test -run '^$' -bench Run -benchtime 200x ./lab
//	HOSTLAB_ENGINE=netns go test -run '^$' -bench Run -benchtime 200x ./lab
//
// It reports medians in milliseconds; agent-direct is the one that
// docs/measurements.md quotes.
func BenchmarkRun(b *testing.B) {
	l := labtest.Start(b, labtest.Load(b, "../compose.yaml"))
	laptop := l.Host("laptop")
	ctx := context.Background()
	binary := hostBinary(b)

	type way struct {
		name string
		run  func() error
	}
	ways := []way{
		{"direct", func() error { return exec.Command(binary, "hostname").Run() }},
		{"agent", func() error { _, err := laptop.Run(ctx, "hostname"); return err }},
	}
	if strings.HasPrefix(l.Describe(), "docker") {
		container := containerOf(b, laptop)
		ways = append(ways, way{"docker-exec", func() error { return exec.Command("docker", "exec", container, "hostname").Run() }})
	}
	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, way := range ways {
			begin := time.Now()
			if err := way.run(); err != nil {
				b.Fatalf("%s: %v", way.name, err)
			}
			took[way.name] = append(took[way.name], time.Since(begin))
		}
	}
	for _, way := range ways {
		b.ReportMetric(milliseconds(median(took[way.name])), way.name+"-ms")
	}
	b.ReportMetric(milliseconds(median(took["agent"])-median(took["direct"])), "agent-direct-ms")
}

// hostBinary returns the path of the binary that the hosts run.
func hostBinary(b *testing.B) string {
	b.Helper()
	data, err := image.Binary(context.Background(), runtime.GOARCH)
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "host")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		b.Fatal(err)
	}
	return path
}

// containerOf returns the container of a host, for the docker command.
func containerOf(b *testing.B, h *lab.Host) string {
	b.Helper()
	res, err := h.Run(context.Background(), "cat", "/proc/self/mountinfo")
	if err != nil {
		b.Fatal(err)
	}
	out, err := exec.Command("docker", "ps", "-q", "--no-trunc", "--filter", "name=-"+h.Name+"$").Output()
	if err != nil {
		b.Fatal(err)
	}
	for id := range strings.FieldsSeq(string(out)) {
		if strings.Contains(res.Stdout, id) { // Docker's own /etc/hosts is mounted from the container's folder
			return id
		}
	}
	b.Fatalf("no container of %s among %q", h.Name, out)
	return ""
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
