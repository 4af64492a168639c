package verb_test

import (
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
}
