package docker

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

// foreignImage makes an image that is as unlike the lab image as can be: a
// program of its own in a directory of its own, another user, an exposed port,
// an entrypoint that does not exist.
func foreignImage(t *testing.T, c *connection) (ref string) {
	t.Helper()
	path, err := standin()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []*tar.Header{
		{Name: "own/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "own/speak", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			w.Write(program)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ref = "hostlab-test/foreign:" + newID()
	out, err := c.api.ImageImport(t.Context(), image.ImportSource{Source: &b, SourceName: "-"}, ref, image.ImportOptions{
		Changes: []string{"ENV PATH=/own", "USER 1000", "EXPOSE 80", `ENTRYPOINT ["/none"]`, "WORKDIR /own"},
	})
	t.Cleanup(func() { c.api.ImageRemove(t.Context(), ref, image.RemoveOptions{Force: true}) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatal(err)
	}
	out.Close()
	return ref
}

func TestForeignImage(t *testing.T) {
	e := newEngine(t)
	c, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ref := foreignImage(t, c)
	defer c.api.ImageRemove(t.Context(), ref, image.RemoveOptions{Force: true})
	top := pair()
	top.Hosts[1].Image = ref
	l := up(t, e, top)
	k := newTalk(t, l)
	for _, test := range []struct{ ask, want string }{
		{"args", "/opt/hostlab/bin/host agent"},
		{"run speak", "program speak"},           // its own
		{"run udp_remote", "program udp_remote"}, // ours
		{"write /opt/x", "ok"},
		{"write /tmp/x", "ok"},
	} {
		if got := k.ask("h2", test.ask); got != test.want {
			t.Errorf("%s: %s; want %s", test.ask, got, test.want)
		}
	}
	in, err := c.api.ContainerInspect(t.Context(), l.hosts["h2"].id)
	if err != nil {
		t.Fatal(err)
	}
	if len(in.HostConfig.PortBindings) > 0 || in.Config.User != "0:0" {
		t.Errorf("ports %v, user %q; want no port published and root", in.HostConfig.PortBindings, in.Config.User)
	}
	if err := l.Down(t.Context()); err != nil { // before the image is removed
		t.Error(err)
	}
}

func TestForeignImageIsNotPulled(t *testing.T) {
	e := newEngine(t)
	top := pair()
	top.Hosts[1].Image = "hostlab-test/never:made"
	_, err := e.Up(t.Context(), top, engine.Options{})
	if err == nil || !strings.Contains(err.Error(), "docker: host h2: image hostlab-test/never:made: the engine does not have it") || hint.Of(err) != "docker pull hostlab-test/never:made" {
		t.Errorf("Up: %v, hint %q", err, hint.Of(err))
	}
}
