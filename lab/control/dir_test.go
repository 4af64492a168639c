//go:build unix

package control

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// inDir gives the test a directory of doors of its own.
func inDir(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := makeDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func entriesOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// A sweep takes the doors of labs that were killed, and no others: not one at
// which somebody listens, not one that is just being made, not what is no door.
func TestSweep(t *testing.T) {
	dir := inDir(t)
	open := func(name string, alive bool) {
		l, err := listen(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if alive {
			t.Cleanup(func() { l.Close() })
		} else {
			l.Close() // as a kill does: the file stays
		}
	}
	open("1-1.sock", true)
	open("2-1.sock", false)
	for name, age := range map[string]time.Duration{"3-1.new": 0, "4-1.new": 2 * time.Minute} {
		open("x.sock", false)
		path := filepath.Join(dir, name)
		if err := os.Rename(filepath.Join(dir, "x.sock"), path); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sweep(dir)
	if got, want := entriesOf(t, dir), []string{"1-1.sock", "3-1.new", "notes.sock"}; !slices.Equal(got, want) {
		t.Errorf("a sweep left %q; want %q", got, want)
	}
}

// A door that is found takes connections, and nobody but its user sees it.
func TestListen(t *testing.T) {
	dir := inDir(t)
	l, err := listen(filepath.Join(dir, "1-1.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := entriesOf(t, dir); !slices.Equal(got, []string{"1-1.sock"}) {
		t.Errorf("there are %q", got)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "1-1.sock"): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	long := filepath.Join(dir, strings.Repeat("x", 120)+".sock")
	if _, err := listen(long); err == nil || !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
		t.Errorf("a path of %d bytes: %v", len(long), err)
	}
}

// A directory that others can use, that is a link, or a file, is refused, and
// what is in it not looked at.
func TestPrivate(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"open": func(dir string) error { return os.Chmod(dir, 0o755) },
		"link": func(dir string) error {
			return os.Symlink(filepath.Dir(filepath.Dir(dir)), dir)
		},
		"file": func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := inDir(t)
			l, err := listen(filepath.Join(dir, "1-1.sock"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if got := doors(); len(got) != 1 {
				t.Fatalf("doors: %q", got)
			}
			if name != "open" {
				if err := os.Rename(dir, dir+"-away"); err != nil {
					t.Fatal(err)
				}
			}
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := makeDir(); err == nil {
				t.Error("it was taken")
			}
			if got := doors(); len(got) != 0 {
				t.Errorf("doors: %q", got)
			}
		})
	}
}

// Without a directory of the system's there is one of our own, and labs are
// found in both.
func TestBothDirs(t *testing.T) {
	first := inDir(t)
	l, err := listen(filepath.Join(first, "1-1.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	os.Unsetenv("XDG_RUNTIME_DIR") // Setenv of inDir brings it back
	second, err := makeDir()
	if err != nil || filepath.Dir(second) != os.TempDir() {
		t.Fatalf("%s, %v", second, err)
	}
	k, err := listen(filepath.Join(second, "2-1.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	os.Setenv("XDG_RUNTIME_DIR", runtime)
	if got := doors(); len(got) != 2 {
		t.Errorf("doors: %q; want two", got)
	}
	// Nobody answers there, as when a lab was stopped: nobody waits for it long.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	began := time.Now()
	if labs := List(ctx); len(labs) != 0 {
		t.Errorf("labs: %v", labs)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v to find none", took)
	}
}
