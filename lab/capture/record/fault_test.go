package record

import (
	"strings"
	"testing"

	"hostlab/lab/capture"
)

// A capture that can't know what faults take proves nothing once there is one.
func TestFaultUnseen(t *testing.T) {
	l, streams := newFakeLab(t)
	r := start(t, Options{}, streams)
	doubt := func() string {
		t.Helper()
		tr, err := r.Fence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return tr.Doubt()
	}
	l.do(func() { l.hosts["guinness"].say(capture.Noted + capture.NoLosses + ": all groups are taken") })
	if d := doubt(); d != "" {
		t.Errorf("without a fault there is a doubt: %s", d)
	}
	r.Fault("laptop")
	if d := doubt(); d != "" {
		t.Errorf("with a fault on a host that sees it there is a doubt: %s", d)
	}
	r.Fault("guinness")
	if d := doubt(); !strings.HasPrefix(d, "guinness: "+capture.NoLosses) {
		t.Errorf("with a fault that nobody sees the doubt is %q", d)
	}
}
