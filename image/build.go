package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/mod/modfile"

	"hostlab/lab/hint"
)

const (
	module      = "hostlab"
	hostPackage = module + "/cmd/host"
)

// build makes the host binary with the Go toolchain, or finds it made.
//
// The linker is not told to leave out the build ID: by it "go build" sees that
// the file is up to date and does not link again, which is the difference
// between 0.13 s and 0.5 s. With -trimpath the ID depends on the source and the
// toolchain alone, so the binary is reproducible all the same.
func build(ctx context.Context, arch string) ([]byte, error) {
	tool, source, err := toolchain()
	if err != nil {
		return nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	place := sha256.Sum256([]byte(source)) // each clone keeps its own
	kept := filepath.Join(cache, fmt.Sprintf("host-linux-%s-%x", arch, place[:6]))
	unlock := lock(ctx, kept+".lock")
	defer unlock()
	return update(ctx, kept, func(out string) error {
		return compile(ctx, tool, source, arch, out)
	})
}

// update brings the file kept up to date by make, which is given a copy to
// work on, and returns its content. The file is replaced as a whole or not at
// all.
func update(ctx context.Context, kept string, make func(path string) error) ([]byte, error) {
	cache := filepath.Dir(kept)
	removeStale(cache)
	dir, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return nil, diskError(cache, err)
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "host")
	before, err := os.ReadFile(kept)
	if err == nil {
		err = os.WriteFile(out, before, 0o755)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		os.Remove(out) // no more than a saving of time
	}
	if err := make(out); err != nil {
		return nil, diskError(cache, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("image: build host binary: %w", err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("image: build host binary: %w", err)
	}
	if !bytes.Equal(before, data) {
		if err := os.Rename(out, kept); err != nil {
			return nil, diskError(cache, fmt.Errorf("image: build host binary: %w", err))
		}
	}
	return data, nil
}

// compile runs the Go toolchain in the directory source.
func compile(ctx context.Context, tool, source, arch, out string) error {
	cmd := exec.CommandContext(ctx, tool, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, hostPackage)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "PWD="+source)
	cmd.WaitDelay = 5 * time.Second
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("image: build host binary: %w", ctx.Err())
	}
	err = fmt.Errorf("image: build host binary in %s: %w: %s", source, err, firstComplaint(text.String()))
	return hint.Add(err, "cd %s && CGO_ENABLED=0 GOOS=linux GOARCH=%s go build -o /dev/null %s", source, arch, hostPackage)
}

// firstComplaint is the first line of the toolchain's output that says what is
// wrong; lines with "#" name the package that follows.
func firstComplaint(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Contains(text, noSpace) && !strings.Contains(line, noSpace) {
			continue
		}
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "go: downloading") {
			return line
		}
	}
	return "no output"
}

// noSpace is the text of ENOSPC, which the toolchain only prints.
const noSpace = "no space left on device"

func diskError(dir string, err error) error {
	if err == nil || !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), noSpace) {
		return err
	}
	return hint.Add(fmt.Errorf("image: host binary: the disk is full: %w", err),
		"df -h %s %s   # then make room, or set XDG_CACHE_HOME and TMPDIR to a place with 200 MB", dir, os.TempDir())
}

// cacheDir returns the directory of kept binaries, made when missing.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir() // no HOME, as in some service managers
	}
	dir := filepath.Join(base, module)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", hint.Add(fmt.Errorf("image: cache: %w", diskError(dir, err)), "export XDG_CACHE_HOME=/a/writable/directory")
	}
	return dir, nil
}

// removeStale removes what a killed build left in the cache an hour ago.
func removeStale(cache string) {
	stale, _ := filepath.Glob(filepath.Join(cache, "build-*")) // the pattern is a good one
	for _, dir := range stale {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.RemoveAll(dir)
		}
	}
}

// toolchain returns the go command and a directory in which it knows
// hostlab's module: the source that this very program was compiled from, so
// that both ends of the agent's stream are of one age; else the module around
// the working directory.
func toolchain() (tool, source string, err error) {
	source, found := sourceDir()
	if !found {
		return "", "", hint.Add(
			errors.New("image: host binary: none is embedded in this program, and its source is not here to build one"),
			"cd into a clone of hostlab, or use a release of hostlab, or: export %s=/path/to/host", BinaryVariable)
	}
	tool, err = exec.LookPath("go")
	if err != nil {
		return "", source, hint.Add(fmt.Errorf("image: host binary: none is embedded in this program, and there is no Go toolchain to build one: %w", err),
			"install Go from https://go.dev/dl/, or use a release of hostlab, or: export %s=/path/to/host", BinaryVariable)
	}
	return tool, source, nil
}

func sourceDir() (string, bool) {
	if _, self, _, ok := runtime.Caller(0); ok && filepath.IsAbs(self) { // not absolute with -trimpath
		if dir := filepath.Dir(filepath.Dir(self)); knowsModule(dir) {
			return dir, true
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if knowsModule(dir) {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// knowsModule says whether dir has a go.mod of hostlab itself or of a module
// that requires it.
func knowsModule(dir string) bool {
	path := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	mod, err := modfile.ParseLax(path, data, nil)
	if err != nil {
		return false
	}
	if mod.Module != nil && mod.Module.Mod.Path == module {
		return true
	}
	for _, r := range mod.Require {
		if r.Mod.Path == module {
			return true
		}
	}
	return false
}
