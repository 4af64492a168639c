package image

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hostlab/lab/hint"
)

func TestUpdateReplacesWholeOrNotAtAll(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "host")
	made := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o755) }
	}
	if got, err := update(t.Context(), kept, made("one")); err != nil || string(got) != "one" {
		t.Fatalf("first update: %q, %v", got, err)
	}
	broken := errors.New("broken")
	_, err := update(t.Context(), kept, func(path string) error {
		if before, err := os.ReadFile(path); err != nil || string(before) != "one" {
			t.Errorf("make was given %q, %v; want a copy of the kept file", before, err)
		}
		if err := os.WriteFile(path, []byte("ha"), 0o755); err != nil {
			t.Error(err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("update with a make that fails: %v", err)
	}
	if got, err := os.ReadFile(kept); err != nil || string(got) != "one" {
		t.Errorf("after a failed make the kept file has %q, %v; want it untouched", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(kept), "build-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if got, err := update(t.Context(), kept, made("two")); err != nil || string(got) != "two" {
		t.Errorf("second update: %q, %v", got, err)
	}
	if got, _ := os.ReadFile(kept); string(got) != "two" {
		t.Errorf("kept file has %q; want the new one", got)
	}
}

func TestUpdatesSideBySide(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "host")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			want := bytes.Repeat([]byte{byte('a' + i)}, 1<<20)
			got, err := update(t.Context(), kept, func(path string) error { return os.WriteFile(path, want, 0o755) })
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("update %d: %d bytes, %v; want its own", i, len(got), err)
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(kept)
	if err != nil || len(got) != 1<<20 || bytes.Count(got, got[:1]) != len(got) {
		t.Errorf("the kept file is a mixture: %d bytes, %v", len(got), err)
	}
}

func TestStaleBuildsAreRemoved(t *testing.T) {
	cache := t.TempDir()
	for name, age := range map[string]time.Duration{"build-old": 2 * time.Hour, "build-new": time.Minute} {
		dir := filepath.Join(cache, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(dir, then, then); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(cache)
	left, _ := filepath.Glob(filepath.Join(cache, "build-*"))
	if len(left) != 1 || filepath.Base(left[0]) != "build-new" {
		t.Errorf("left %q; want build-new, which may be at work", left)
	}
}

func TestCompileErrorNamesTheCauseAndTheWayOut(t *testing.T) {
	tool, dir := goTool(t), t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module hostlab\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "cmd/host/main.go"), "package main\n\nfunc main() { undefinedName() }\n")
	err := compile(t.Context(), tool, dir, "amd64", filepath.Join(dir, "out"))
	if err == nil || !strings.Contains(err.Error(), "undefined: undefinedName") || strings.Contains(err.Error(), "\n") {
		t.Errorf("compile: %v; want one line with the compiler's complaint", err)
	}
	if !strings.Contains(hint.Of(err), "go build") {
		t.Errorf("hint %q; want the command to see it all", hint.Of(err))
	}
}

func TestKnowsModule(t *testing.T) {
	t.Chdir(t.TempDir())
	if knowsModule(".") {
		t.Error("an empty directory knows the module")
	}
	write(t, "go.mod", "module example.com/class\n\nrequire hostlab v0.1.0\n")
	if !knowsModule(".") {
		t.Error("a module that requires hostlab does not know it")
	}
	write(t, "go.mod", "module example.com/class\n")
	if knowsModule(".") {
		t.Error("a module without hostlab knows it")
	}
}

func TestNoToolchain(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, _, err := toolchain()
	if err == nil || !strings.Contains(err.Error(), "no Go toolchain") || !strings.Contains(hint.Of(err), "https://go.dev/dl/") {
		t.Errorf("toolchain: %v, hint %q", err, hint.Of(err))
	}
}

func TestDiskErrorText(t *testing.T) {
	err := diskError("/cache", fmt.Errorf("image: build host binary: exit status 1: write /tmp/x: %s", noSpace))
	if !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(hint.Of(err), "df -h /cache") {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
	if other := errors.New("other"); diskError("/cache", other) != other {
		t.Error("another error was changed")
	}
}

// TestBinary builds the real thing, the image that a reader gets.
func TestBinary(t *testing.T) {
	if _, ok := embedded("amd64"); !ok {
		goTool(t)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		begin := time.Now()
		binary, err := Binary(t.Context(), arch)
		if err != nil {
			t.Fatalf("%v; %s", err, hint.Of(err))
		}
		first := time.Since(begin)
		delete(built, arch) // as another process
		begin = time.Now()
		again, err := Binary(t.Context(), arch)
		if err != nil || !bytes.Equal(again, binary) {
			t.Fatalf("the second Binary differs from the first: %d and %d bytes, %v", len(again), len(binary), err)
		}
		t.Logf("linux/%s: %d bytes; %v, then %v", arch, len(binary), first, time.Since(begin))
		i, err := New(binary, []string{"sh"}, arch)
		if err != nil {
			t.Fatal(err)
		}
		if most := int64(15_000_000); i.Size > most {
			t.Errorf("linux/%s: the image has %d bytes; want at most %d", arch, i.Size, most)
		}
	}
}
