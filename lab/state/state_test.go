package state

import (
	"slices"
	"testing"
)

func TestSince(t *testing.T) {
	for _, c := range []struct {
		before, after State
		want          []string
	}{
		{nil, nil, nil},
		{State{"a", "b"}, State{"a", "b"}, nil},
		{State{"a", "b"}, State{"a", "c"}, []string{"- b", "+ c"}},
		{State{"b"}, State{"a", "b", "c"}, []string{"+ a", "+ c"}},
		{State{"a", "a"}, State{"a"}, []string{"- a"}},
		{State{"x"}, nil, []string{"- x"}},
	} {
		if got := c.after.Since(c.before); !slices.Equal(got, c.want) {
			t.Errorf("%q since %q: %q; want %q", c.after, c.before, got, c.want)
		}
	}
	if got := Parse("b\n\na\n"); !slices.Equal(got, State{"a", "b"}) {
		t.Errorf("parsed %q", got)
	}
}

func TestLasting(t *testing.T) {
	for difference, want := range map[string]bool{
		`+ process 12 "udp_remote server"`:                             false,
		`- process 12 "udp_remote server"`:                             true,
		"+ socket udp 00000000:0424 00000000:0000 07":                  false,
		"+ socket tcp 192.168.5.10:1060 192.168.5.130:59634 state 1":   false,
		"+ socket tcp 192.168.5.10:1060 192.168.5.130:59634 TIME-WAIT": true,
		"+ socket tcp [fd00:5::1]:1060 [fd00:5::2]:59634 TIME-WAIT":    true,
		"+ address eth0 192.168.5.131/24":                              true,
		`+ file "/tmp/left" -rw-r--r-- 5 bytes 1.00000`:                true,
	} {
		if Lasting(difference) != want {
			t.Errorf("%s: lasting %v; want %v", difference, !want, want)
		}
	}
}

func TestCounted(t *testing.T) {
	for difference, want := range map[string]bool{
		"+ count Udp:InErrors 3":              true,
		"- count Udp:InErrors 2":              true,
		`+ process 12 "count Udp:InErrors 3"`: false,
		"+ address eth0 192.168.5.131/24":     false,
		"":                                    false,
	} {
		if Counted(difference) != want {
			t.Errorf("%q: counted %v; want %v", difference, !want, want)
		}
	}
}
