package docker

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// TestDeadLabs is the rule of Sweep, as a table.
func TestDeadLabs(t *testing.T) {
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	other := func(change func(*owner)) string {
		o := me
		change(&o)
		return o.String()
	}
	otherMachine := other(func(o *owner) { o.machine = "another" })
	for _, test := range []struct {
		name    string
		owner   string
		state   string // of its container; "" for none
		age     time.Duration
		active  bool
		deadLab bool
	}{
		{"this process, at work", me.String(), container.StateRunning, time.Second, true, false},
		{"this process, could not remove it", me.String(), container.StateCreated, time.Second, false, true},
		{"the parent process runs", ownerOf(t, os.Getppid()), container.StateRunning, time.Hour, false, false},
		{"the number has another process", other(func(o *owner) { o.start = "1" }), container.StateRunning, time.Second, false, true},
		{"no such process", other(func(o *owner) { o.pid = "4194305" }), container.StateRunning, time.Second, false, true},
		{"no such process, only a network", other(func(o *owner) { o.pid = "4194305" }), "", time.Second, false, true},
		{"another boot, running", otherMachine, container.StateRunning, time.Hour, false, false},
		{"another boot, paused", otherMachine, container.StatePaused, time.Hour, false, false},
		{"another boot, young", otherMachine, container.StateCreated, 9 * time.Minute, false, false},
		{"another boot, old", otherMachine, container.StateCreated, 11 * time.Minute, false, true},
		{"another boot, old, ended", otherMachine, container.StateExited, 11 * time.Minute, false, true},
		{"another boot, old network", otherMachine, "", 11 * time.Minute, false, true},
		{"another namespace, young", other(func(o *owner) { o.namespace = "pid:[1]" }), "", time.Minute, false, false},
		{"a label of no sense, old", "someone", "", time.Hour, false, true},
		{"a label of no sense, young", "someone", "", time.Second, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			labels := map[string]string{labelLab: "1a2b3c4d", labelOwner: test.owner}
			born := now.Add(-test.age)
			found := things{networks: []network.Summary{{Labels: labels, Created: born.Add(-time.Second)}}}
			if test.state == "" {
				found.networks[0].Created = born
			} else {
				found.containers = []container.Summary{{Labels: labels, Created: born.Unix(), State: test.state}}
			}
			if test.active {
				activeLabs.add("1a2b3c4d")
				defer activeLabs.remove("1a2b3c4d")
			}
			got := slices.Equal(found.deadLabs(now), []string{"1a2b3c4d"})
			if got != test.deadLab {
				t.Errorf("swept: %v; want %v", got, test.deadLab)
			}
		})
	}
	if dead := (things{networks: []network.Summary{{Labels: map[string]string{labelOwner: me.String()}}}}).deadLabs(now); len(dead) > 0 {
		t.Errorf("a network without a lab's label is swept as %q", dead)
	}
}

// ownerOf returns the label that a process of this computer would have.
func ownerOf(t *testing.T, pid int) string {
	t.Helper()
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		return me.String() // the rule is the same, the clock is not
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	// The name in the second field may have spaces; it ends with the last ")".
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	me.pid, me.start = strconv.Itoa(pid), fields[19]
	return me.String()
}

func TestOwnerLabel(t *testing.T) {
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	back, ok := parseOwner(me.String())
	if !ok || back != me {
		t.Errorf("parseOwner(%q) = %+v, %v; want %+v", me, back, ok, me)
	}
	if lifeOf(me.String()) != alive {
		t.Errorf("lifeOf(%q): this process is not seen to be alive", me)
	}
	if again, err := currentOwner(); err != nil || again != me {
		t.Errorf("currentOwner() = %v, %v; want %v each time", again, err, me)
	}
}
