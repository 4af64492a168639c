package netns_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hostlab/lab/engine"
)

// The computer is the same before a lab, while it runs and after: its
// interfaces, routes, firewall, settings, mounts and /etc. The computer is a
// network and a mount namespace here, in which nothing else goes on meanwhile.
func TestComputerUntouched(t *testing.T) {
	play(t, "computer", unix.CLONE_NEWNET|unix.CLONE_NEWNS)
}

func compareComputer() error {
	// What others mount meanwhile is not this computer's.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	mountsBefore, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	before, err := look()
	if err != nil {
		return err
	}
	if len(before) < 500 {
		return fmt.Errorf("only %d things are looked at", len(before))
	}
	if err := os.Setenv("HOME", "/"); err != nil {
		return err
	}
	ctx := context.Background()
	l, err := newEngine().Up(ctx, lan("192.168.5.0/24", 30), engine.Options{})
	if err != nil {
		return err
	}
	defer l.Down(ctx)
	c, err := connect(ctx, l, "h0")
	if err != nil {
		return err
	}
	defer c.Close()
	during, err := look()
	if err != nil {
		return err
	}
	if err := l.Down(ctx); err != nil {
		return err
	}
	after, err := look()
	if err != nil {
		return err
	}
	if diff := cmp.Diff(before, during) + cmp.Diff(before, after); diff != "" {
		return errors.New("the computer differs: " + diff)
	}
	// Mounts of others may go, with the directory that they were on.
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		if !strings.Contains(string(mountsBefore), line) {
			return errors.New("a mount of ours is left: " + line)
		}
	}
	return nil
}

// look returns what can be seen of the computer, by name.
func look() (map[string]string, error) {
	seen := map[string]string{}
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		seen["interface "+i.Name] = fmt.Sprint(i, addrs)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	seen["routes"] = fmt.Sprint(routes)
	c, err := nftables.New()
	if err != nil {
		return nil, err
	}
	tables, err := c.ListTables()
	if err != nil {
		return nil, err
	}
	seen["firewall"] = fmt.Sprint(len(tables))
	return seen, errors.Join(read(seen, "/proc/sys/net"), read(seen, "/etc"))
}

// read adds the content of all files below a directory that may be read.
func read(seen map[string]string, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			if errors.Is(err, fs.ErrPermission) {
				return nil
			}
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			data = []byte(err.Error())
		}
		seen[path] = fmt.Sprint(info.Mode(), len(data), string(data[:min(len(data), 4096)]))
		return nil
	})
}
