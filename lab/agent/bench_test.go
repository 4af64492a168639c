//go:build linux

package agent

import (
	"context"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"
)

// newBenchHost is an agent in a process of its own over pipes, as process 1 of
// a host is.
func newBenchHost(b *testing.B) *Client {
	b.Helper()
	return dialTest(b, startAgent(b).stream)
}

// BenchmarkRun starts true(1), takes its output and its status, directly and
// through the agent in turns, so that both meet the same machine. It reports
// medians; "added-µs/op" is what the agent costs.
func BenchmarkRun(b *testing.B) {
	c := newBenchHost(b)
	path, err := exec.LookPath("true")
	if err != nil {
		b.Fatal(err)
	}
	var direct, through []time.Duration
	for b.Loop() {
		begin := time.Now()
		if _, err := exec.Command(path).Output(); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		p, err := c.Start(context.Background(), Command{Args: []string{path}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			b.Fatal(err)
		}
		direct = append(direct, between.Sub(begin))
		through = append(through, time.Since(between))
	}
	b.ReportMetric(micros(direct), "direct-µs/op")
	b.ReportMetric(micros(through), "agent-µs/op")
	b.ReportMetric(micros(through)-micros(direct), "added-µs/op")
}

// micros is the median in microseconds.
func micros(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]) / float64(time.Microsecond)
}

// BenchmarkOutput is a program that prints, to the writer at the other end.
func BenchmarkOutput(b *testing.B) {
	c := newBenchHost(b)
	const count = 64 << 20
	b.SetBytes(count)
	for b.Loop() {
		p, err := c.Start(context.Background(), Command{Args: []string{"bytes", strconv.Itoa(count)}, Stdout: io.Discard})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDial is the handshake, with an agent in this process.
func BenchmarkDial(b *testing.B) {
	for b.Loop() {
		x, y := socketPair(b)
		go Serve(context.Background(), x)
		c, err := Dial(y)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// BenchmarkWindow is one command in a window, from the key to the prompt.
func BenchmarkWindow(b *testing.B) {
	c := newBenchHost(b)
	w := newWindow(b, c)
	expect(b, w, prompt)
	for b.Loop() {
		typeLine(b, w, "say a b 0")
		expect(b, w, begin, line("ab"), end(0), prompt)
	}
}
