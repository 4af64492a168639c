package image

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hostlab/lab/hint"
)

// TestDiskFull builds into a file system of 64 KiB.
func TestDiskFull(t *testing.T) {
	cache := t.TempDir()
	if err := syscall.Mount("tmpfs", cache, "tmpfs", 0, "size=64k"); err != nil {
		skipUnlessCI(t, "a small file system cannot be mounted here: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(cache, 0); err != nil {
			t.Error(err)
		}
	})
	kept := filepath.Join(cache, "host")
	tool, dir := goTool(t), t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module hostlab\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "cmd/host/main.go"), "package main\n\nfunc main() {}\n")
	_, err := update(t.Context(), kept, func(out string) error {
		return compile(t.Context(), tool, dir, "amd64", out)
	})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(hint.Of(err), "df -h "+cache) {
		t.Errorf("update: %v, hint %q; want that the disk is full, and where", err, hint.Of(err))
	}
	left, _ := os.ReadDir(cache)
	if len(left) > 0 {
		t.Errorf("left on the full disk: %v", left)
	}
}

// skipUnlessCI skips a test that this computer does not permit, and fails it
// where nobody would see that.
func skipUnlessCI(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("HOSTLAB_STRICT") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
