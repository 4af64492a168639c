package netns_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hostlab/lab/engine"
)

// BenchmarkUp is how long it takes until the hosts of a network are ready, in
// turn with the same network made by ip(8) and by Mininet where these are
// installed and the user is root:
//
//	go test -run '^$' -bench Up -benchtime 5x ./lab/engine/netns
//
// It reports medians in milliseconds.
func BenchmarkUp(b *testing.B) {
	for _, n := range []int{2, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e, took := newEngine(), map[string][]time.Duration{}
			if _, err := upOnce(e, n); err != nil { // the host binary is built
				b.Fatal(err)
			}
			for b.Loop() {
				for name, way := range ways(e, n) {
					d, err := way()
					if err != nil {
						b.Fatalf("%s: %v", name, err)
					}
					took[name] = append(took[name], d)
					settle(b)
				}
			}
			for name, d := range took {
				b.ReportMetric(milliseconds(median(d)), name+"-ms")
				if name != "netns" {
					b.ReportMetric(float64(median(d))/float64(median(took["netns"])), name+"/netns")
				}
			}
		})
	}
}

// ways are those that can make n hosts here.
func ways(e engine.Engine, n int) map[string]func() (time.Duration, error) {
	all := map[string]func() (time.Duration, error){"netns": func() (time.Duration, error) { return upOnce(e, n) }}
	if n > 100 || os.Geteuid() != 0 {
		return all // the others take a minute
	}
	if _, err := exec.LookPath("ip"); err == nil {
		all["ip"] = func() (time.Duration, error) { return scriptOnce("sh", "-c", ipScript, "sh", strconv.Itoa(n)) }
	}
	if _, err := exec.LookPath("mn"); err == nil {
		all["mininet"] = func() (time.Duration, error) {
			return scriptOnce("/usr/bin/python3", "-c", mininetScript, strconv.Itoa(n))
		}
	}
	return all
}

func upOnce(e engine.Engine, n int) (time.Duration, error) {
	begin := time.Now()
	l, err := e.Up(context.Background(), lan("10.7.0.0/16", n), engine.Options{})
	if err != nil {
		return 0, err
	}
	took := time.Since(begin)
	return took, l.Down(context.Background())
}

// ipScript makes the network with one command for each step, as a person would.
const ipScript = `set -e
mount -t tmpfs tmpfs /run
ip link add br0 type bridge; ip link set br0 up
i=1; while [ $i -le $1 ]; do
  ip netns add h$i
  ip link add p$i master br0 type veth peer name eth0 netns h$i
  ip link set p$i up
  ip -n h$i addr add 10.7.$((i / 250)).$((i % 250 + 1))/16 dev eth0
  ip -n h$i link set eth0 up
  ip -n h$i link set lo up
  i=$((i + 1))
done
echo ready
`

const mininetScript = `import sys, time
from mininet.net import Mininet
from mininet.topo import SingleSwitchTopo
from mininet.nodelib import LinuxBridge
begin = time.time()
net = Mininet(topo=SingleSwitchTopo(int(sys.argv[1])), switch=LinuxBridge, controller=None, build=True)
net.start()
print("ready %f" % (time.time() - begin), flush=True)
net.stop()
`

// scriptOnce runs a script in namespaces of its own. It prints "ready", and
// how many seconds that took where that is not since its start.
func scriptOnce(args ...string) (time.Duration, error) {
	cmd := exec.Command("unshare", append([]string{"--net", "--mount", "--propagation", "private"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	took := time.Since(begin)
	if seconds, ok := strings.CutPrefix(strings.TrimSpace(line), "ready "); ok {
		s, parseErr := strconv.ParseFloat(seconds, 64)
		took, err = time.Duration(s*float64(time.Second)), errors.Join(err, parseErr)
	}
	io.Copy(io.Discard, out)
	return took, errors.Join(err, cmd.Wait())
}

// BenchmarkExchange dials 1000 hosts and has each ping 20 others, and reports
// what was lost, and the memory that hosts take:
//
//	go test -run '^$' -bench Exchange -benchtime 1x ./lab/engine/netns
func BenchmarkExchange(b *testing.B) {
	const hosts, peers = 1000, 20
	for b.Loop() {
		kernel := kernelMemory(b)
		l := up(b, lan("10.7.0.0/16", hosts))
		b.ReportMetric(float64(kernelMemory(b)-kernel)/1024/hosts, "MB/host")
		free := freeMemory(b)
		begin := time.Now()
		clients := make([]client, hosts)
		for i := range clients {
			clients[i] = dial(b, l, fmt.Sprintf("h%d", i))
		}
		b.ReportMetric(milliseconds(time.Since(begin))/hosts, "dial-ms")
		b.ReportMetric(float64(free-freeMemory(b))/1024/hosts, "MB/agent")
		var lost, answered int
		var mu sync.Mutex
		var all sync.WaitGroup
		atOnce := make(chan struct{}, 4)
		for i, c := range clients {
			all.Go(func() {
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				var script strings.Builder
				for k := 1; k <= peers; k++ {
					fmt.Fprintf(&script, "ping -c 1 h%d; ", (i+k*47)%hosts)
				}
				out := c.run(0, "sh", "-c", script.String()+"true")
				got := strings.Count(out, " 1 received")
				mu.Lock()
				defer mu.Unlock()
				answered += got
				lost += peers - got
			})
		}
		all.Wait()
		b.ReportMetric(float64(lost), "lost")
		b.ReportMetric(float64(answered), "answered")
	}
}

// kernelMemory and freeMemory are what the kernel itself uses, and what the
// computer could still give, in kB (proc_meminfo(5)).
func kernelMemory(b *testing.B) int { return meminfo(b, "Slab") + meminfo(b, "Percpu") }
func freeMemory(b *testing.B) int   { return meminfo(b, "MemAvailable") }

// settle returns when the kernel has taken apart the namespaces of a lab that
// has ended. It does so in its own time, and what comes next should not pay for it.
func settle(b *testing.B) {
	const enough = 1 << 10 // kB that others may need meanwhile
	for last, now := 1<<41, 1<<40; last-now > enough; time.Sleep(300 * time.Millisecond) {
		last, now = now, kernelMemory(b)
	}
}

func meminfo(b *testing.B, name string) int {
	b.Helper()
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var kB int
		if n, _ := fmt.Sscanf(line, name+": %d kB", &kB); n == 1 {
			return kB
		}
	}
	b.Fatalf("no %s", name)
	return 0
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
