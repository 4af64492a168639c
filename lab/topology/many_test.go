package topology

import (
	"testing"
)

func TestMany(t *testing.T) {
	for _, n := range []int{1, 300, MaxMany} {
		data, err := Many(n)
		if err != nil {
			t.Fatal(err)
		}
		top, err := Parse(t.Context(), "many.yaml", data)
		if err != nil {
			t.Fatalf("%d hosts: %v", n, err)
		}
		if len(top.Hosts) != n || len(top.Networks) != 1 {
			t.Errorf("%d hosts on %d networks; want %d on 1", len(top.Hosts), len(top.Networks), n)
		}
		if err := top.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, n := range []int{-1, 0, MaxMany + 1} {
		if _, err := Many(n); err == nil {
			t.Errorf("%d hosts: no error", n)
		}
	}
}
