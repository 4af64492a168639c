package verb_test

import (
	"slices"
	"strings"
	"testing"

	"hostlab/lab"
)

// After every fault a lab can be proven to be as it was, so that the next
// lesson may have it.
func testRestore(t *testing.T, l *lab.Lab) {
	before, err := l.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range []string{
		"drop guinness udp/1060 --first 2", "drop guinness udp --fragment last --from laptop",
		"reject guinness tcp/80", "partition laptop,tower guinness", "pause guinness",
	} {
		say(t, l, "fault "+order)
		if order != "pause guinness" {
			if now, err := l.Snapshot(t.Context()); err != nil || len(now["guinness"].Since(before["guinness"])) == 0 {
				t.Errorf("%s: guinness is as it was, %v", order, err)
			}
		}
		if err := l.Restore(t.Context(), before); err != nil {
			t.Errorf("%s: %v", order, err)
		}
		if list := say(t, l, "fault list"); !strings.HasPrefix(list, "no faults") {
			t.Errorf("%s: %s", order, list)
		}
	}
	testRestoreTCP(t, l, before)
}

// The kernel keeps the port of a connection that has ended for a minute. The
// next lesson does not wait that long.
func testRestoreTCP(t *testing.T, l *lab.Lab, before lab.Snapshot) {
	server, err := l.Host("guinness").Start(t.Context(), "tcp_sixteen", "server", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.WaitLine(t.Context(), "Listening at"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Host("laptop").Run(t.Context(), "tcp_sixteen", "client", "guinness"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	now, err := l.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := slices.Concat(now["guinness"].Since(before["guinness"]), now["laptop"].Since(before["laptop"]))
	if !slices.ContainsFunc(left, func(d string) bool { return strings.HasSuffix(d, "TIME-WAIT") }) {
		t.Errorf("after a connection, left: %q; want TIME-WAIT among it", left)
	}
	if err := l.Restore(t.Context(), before); err != nil {
		for _, name := range []string{"guinness", "laptop"} {
			if res, err := l.Host(name).Run(t.Context(), "state", "--forget"); err != nil {
				t.Skipf("this kernel forgets no connections: %s", res.Stderr)
			}
		}
		t.Error(err)
	}
}
