package docker

import (
	"strings"
	"testing"

	"hostlab/image"
	"hostlab/lab/engine"
	"hostlab/lab/topology"
)

func TestCheck(t *testing.T) {
	path, err := standin()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(image.BinaryVariable, path)
	e := newEngine(t)
	l := up(t, e, lan(1)) // so that the image is there
	findings := map[string]engine.Finding{}
	for _, f := range e.Check(t.Context()) {
		findings[f.Name] = f
		if strings.Contains(f.Detail, "\n") || f.Detail == "" {
			t.Errorf("%s: detail %q; want one line", f.Name, f.Detail)
		}
		if !f.OK && f.Mend == "" {
			t.Errorf("%s: %s: no way out", f.Name, f.Detail)
		}
	}
	for name, want := range map[string]string{
		"engine":      l.Describe(),
		"machine":     "linux/" + l.c.arch,
		"limits":      "",
		"host binary": "(HOSTLAB_HOST_BINARY)",
		"image":       ", loaded",
		"subnet":      "the book's 192.168.5.0/24",
		"leftovers":   "",
	} {
		f, ok := findings[name]
		if !ok || !f.OK || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %+v; want it well, with %q", name, f, want)
		}
	}
}

// TestCheckSubnet: the network that has the book's prefix is named, with the
// command that frees it.
func TestCheckSubnet(t *testing.T) {
	e := newEngine(t)
	top := lan(1)
	top.Networks[0].Prefixes[0] = bookPrefix
	top.Hosts[0].Interfaces = []topology.Interface{{Network: "lan"}}
	l := up(t, e, top) // in the book's subnet, or another where it is in use already
	f := l.c.checkSubnet(t.Context())
	if !f.OK || !strings.Contains(f.Detail, "is in use by") || !strings.Contains(f.Detail, "labs take 192.168.") {
		t.Errorf("%+v; want that the book's subnet is in use", f)
	}
}
