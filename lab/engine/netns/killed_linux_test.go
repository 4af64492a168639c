package netns_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hostlab/lab/agent"
	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

// Killed is how often TestKilled kills.
const kills = 30

// goneWithin is how long something of a lab may be there after its end.
const goneWithin = time.Second

// Whoever is killed, whenever: the orchestrator or process 1 of its lab, while
// it starts, runs or ends, no process of the lab is there a second later.
// Without a process no namespace stays, and no mount.
func TestKilled(t *testing.T) {
	// Orphans of the orchestrator become children of this process, so that
	// none can hide.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	victims := map[string]int{}
	var longest time.Duration
	for range kills {
		victim, took := killOnce(t, random)
		victims[victim]++
		longest = max(longest, took)
	}
	t.Logf("killed %v; all was gone after %v at the longest", victims, longest)
	if victims["orchestrator"] == 0 || victims["holder"] == 0 {
		t.Errorf("killed only %v", victims)
	}
}

func killOnce(t *testing.T, random *rand.Rand) (victim string, took time.Duration) {
	t.Helper()
	cmd := self(t, "orchestrator")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil { // it begins
		t.Fatal(err)
	}
	// At any moment of the first labs, whose beginning, work and end take some
	// 100 ms together.
	moment := time.Duration(random.Int64N(int64(100 * time.Millisecond)))
	for begin := time.Now(); time.Since(begin) < moment; time.Sleep(time.Millisecond) {
	}
	victim = "orchestrator"
	if holder := childOf(cmd.Process.Pid); holder != 0 && random.IntN(2) == 0 {
		// An orchestrator whose next lab's holder was killed goes on.
		victim, took = "holder", killTree(t, holder)
	}
	begin := time.Now()
	cmd.Process.Kill()
	cmd.Wait()
	for time.Since(begin) < goneWithin {
		if none := reapOrphans(); none {
			return victim, max(took, time.Since(begin))
		}
	}
	t.Fatalf("%v after the orchestrator was killed there are processes: %v", goneWithin, children(os.Getpid()))
	return victim, 0
}

// killTree kills a process and returns after how long it and all below it were
// gone.
func killTree(t *testing.T, pid int) time.Duration {
	t.Helper()
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		tree = slices.AppendSeq(tree, maps.Keys(children(tree[i])))
	}
	begin := time.Now()
	unix.Kill(pid, unix.SIGKILL)
	for _, pid := range tree {
		for ; unix.Kill(pid, 0) == nil; time.Sleep(time.Millisecond) {
			if time.Since(begin) > goneWithin {
				t.Fatalf("%v after a holder was killed, process %d of %v is there", goneWithin, pid, tree)
			}
		}
	}
	return time.Since(begin)
}

// reapOrphans reports whether this process has no children any more.
func reapOrphans() (none bool) {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.ECHILD) {
			return true
		}
		if pid <= 0 {
			return false
		}
	}
}

// children returns the processes whose parent a process is (proc_pid_stat(5)).
func children(parent int) map[int]string {
	found := map[int]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		text := string(data)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(text[:strings.IndexByte(text, ' ')])
			found[pid] = text[:strings.LastIndexByte(text, ')')+1] + " " + fields[0]
		}
	}
	return found
}

func childOf(parent int) int {
	for pid := range children(parent) {
		return pid
	}
	return 0
}

// orchestrate starts and ends labs until it is killed, or its lab is.
func orchestrate() error {
	top := lan("192.168.5.0/24", 3)
	top.Hosts[0].Interfaces = append(top.Hosts[0].Interfaces, topology.Interface{Network: "wan"})
	top.Networks = append(top.Networks, topology.Network{Name: "wan", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	e := newEngine()
	if f := e.Check(context.Background()); len(f) < 3 { // and the binary is in memory
		return fmt.Errorf("%+v", f)
	}
	fmt.Println("begin")
	for {
		if err := oneLab(e, top); err != nil {
			return nil // it was killed
		}
	}
}

func oneLab(e engine.Engine, top *topology.Topology) error {
	ctx := context.Background()
	l, err := e.Up(ctx, top, engine.Options{})
	if err != nil {
		return err
	}
	defer l.Down(ctx)
	for _, host := range []string{"h0", "h1"} {
		c, err := connect(ctx, l, host)
		if err != nil {
			return err
		}
		if _, err := c.Start(ctx, agent.Command{Args: []string{"sh", "-c", "sleep 1000 & sleep 1000"}}); err != nil {
			return err
		}
	}
	return errors.Join(l.Cut(ctx, "h0", "lan"), l.Pause(ctx, "h1"), l.Join(ctx, "h0", "lan"), l.Kill(ctx, "h0"))
}
