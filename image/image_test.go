package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/hint"
)

// tiny builds a static program for linux/arch, small enough to be built in
// each test run.
func tiny(t *testing.T, arch string) []byte {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module hostlab\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "cmd/host/main.go"), "package main\n\nfunc main() {}\n")
	out := filepath.Join(dir, "out")
	if err := compile(t.Context(), goTool(t), dir, arch, out); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func goTool(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("no Go toolchain to build a host binary with: %v", err)
	}
	return tool
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// untar returns the headers and contents of a tar file in their order.
func untar(t *testing.T, data []byte) (heads []*tar.Header, files map[string][]byte) {
	t.Helper()
	files = map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return heads, files
		}
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, h)
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArchive(t *testing.T) {
	binary := tiny(t, "amd64")
	i, err := New(binary, []string{"udp_remote", "sh", "sh"}, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	n, err := i.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v; wrote %d", n, err, b.Len())
	}
	_, files := untar(t, b.Bytes())
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 1 {
		t.Fatalf("manifest.json: %v: %s", err, files["manifest.json"])
	}
	m := manifest[0]
	if got := "sha256:" + digest(files[m.Config]); got != i.ID {
		t.Errorf("the configuration's digest is %s; the ID says %s", got, i.ID)
	}
	if want := []string{"hostlab/host:" + i.ID[7:19]}; !slices.Equal(m.RepoTags, want) || i.Tag != want[0] {
		t.Errorf("tags %q, Tag %q; want %q", m.RepoTags, i.Tag, want)
	}
	var config struct {
		Architecture, OS string
		Config           struct {
			Entrypoint, Cmd, Env []string
			WorkingDir           string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(files[m.Config], &config); err != nil {
		t.Fatal(err)
	}
	layer := files[m.Layers[0]]
	if want := []string{"sha256:" + digest(layer)}; !slices.Equal(config.RootFS.DiffIDs, want) {
		t.Errorf("diff IDs %q; want %q", config.RootFS.DiffIDs, want)
	}
	if config.Architecture != "amd64" || config.OS != "linux" || config.Config.WorkingDir != "/root" ||
		!slices.Equal(config.Config.Entrypoint, []string{"/bin/host"}) || !slices.Equal(config.Config.Cmd, []string{"init"}) ||
		!slices.Equal(config.Config.Env, []string{"PATH=/bin", "HOME=/root"}) {
		t.Errorf("configuration %+v", config)
	}
	checkLayer(t, layer, binary)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func checkLayer(t *testing.T, layer, binary []byte) {
	t.Helper()
	heads, files := untar(t, layer)
	var got []string
	for _, h := range heads {
		got = append(got, strings.TrimSpace(h.FileInfo().Mode().String()+" "+h.Name+" "+h.Linkname))
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s: time %v, owner %d:%d %q; want zeros", h.Name, h.ModTime, h.Uid, h.Gid, h.Uname)
		}
	}
	want := []string{
		"drwxr-xr-x bin/",
		"-rwxr-xr-x bin/host",
		"Lrwxrwxrwx bin/sh host",
		"Lrwxrwxrwx bin/udp_remote host",
		"drwxr-xr-x etc/",
		"-rw-r--r-- etc/group",
		"-rw-r--r-- etc/passwd",
		"drwx------ root/",
		"drwxr-xr-x run/",
		"dtrwxrwxrwx tmp/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
	if !bytes.Equal(files["bin/host"], binary) {
		t.Error("bin/host is not the binary")
	}
}

func TestArchiveIsReproducible(t *testing.T) {
	binary := tiny(t, "arm64")
	var first, second, other bytes.Buffer
	a, err := Archive(&first, binary, []string{"b", "a"}, "arm64")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Archive(&second, binary, []string{"a", "b"}, "arm64")
	if err != nil {
		t.Fatal(err)
	}
	if a != b || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("two archives of the same binary differ: %s, %s", a, b)
	}
	c, err := Archive(&other, binary, []string{"a", "c"}, "arm64")
	if err != nil || c == a {
		t.Errorf("with another link: ID %s, %v; want one other than %s", c, err, a)
	}
}

func TestNewRefuses(t *testing.T) {
	binary := tiny(t, "amd64")
	for _, test := range []struct {
		name   string
		binary []byte
		arch   string
		link   string
		want   string
	}{
		{"other architecture", binary, "arm64", "sh", "the engine wants linux/arm64"},
		{"no executable", []byte("#!/bin/sh\n"), "amd64", "sh", "not an executable"},
		{"empty", nil, "amd64", "sh", "not an executable"},
		{"path as a name", binary, "amd64", "../sh", `"../sh"`},
		{"the binary's own name", binary, "amd64", "host", `"host"`},
		{"no name", binary, "amd64", "", `""`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.binary, []string{test.link}, test.arch)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New: %v; want an error with %q", err, test.want)
			}
		})
	}
}

func TestDynamicBinaryIsRefused(t *testing.T) {
	data, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skipf("no dynamically linked program to refuse: %v", err)
	}
	// An architecture without a known ELF machine: only the linking is looked at.
	if _, err := New(data, nil, "any"); err == nil || !strings.Contains(err.Error(), "dynamically linked") {
		t.Errorf("New of /bin/sh: %v; want that it is dynamically linked", err)
	}
}

func TestOverlay(t *testing.T) {
	var b bytes.Buffer
	if err := Overlay(&b, []byte("binary"), []string{"sh"}); err != nil {
		t.Fatal(err)
	}
	heads, files := untar(t, b.Bytes())
	last := heads[len(heads)-1]
	if string(files["opt/hostlab/bin/host"]) != "binary" || last.Name != "opt/hostlab/bin/sh" || last.Linkname != "host" {
		t.Errorf("files %q, last %q -> %q", files, last.Name, last.Linkname)
	}
}

func TestGivenBinary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host")
	binary := tiny(t, "arm64")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(BinaryVariable, path)
	got, err := Binary(t.Context(), "arm64")
	if err != nil || !bytes.Equal(got, binary) {
		t.Errorf("Binary: %d bytes, %v; want the %d of the file", len(got), err, len(binary))
	}
	if where, err := Source("arm64"); err != nil || !strings.HasPrefix(where, path) {
		t.Errorf("Source = %q, %v; want the path", where, err)
	}
	_, err = Binary(t.Context(), "amd64")
	if err == nil || hint.Of(err) != "unset HOSTLAB_HOST_BINARY" {
		t.Errorf("Binary for another architecture: %v, hint %q", err, hint.Of(err))
	}
	t.Setenv(BinaryVariable, path+".none")
	if _, err := Binary(t.Context(), "arm64"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Binary of no file: %v; want ErrNotExist", err)
	}
}

func TestCanceledBuild(t *testing.T) {
	if _, ok := embedded("amd64"); ok {
		t.Skip("nothing is built: this test binary carries the host binary")
	}
	goTool(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	delete(built, "amd64")
	if _, err := Binary(ctx, "amd64"); !errors.Is(err, context.Canceled) {
		t.Errorf("Binary: %v; want context.Canceled", err)
	}
}
