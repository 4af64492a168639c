package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.md"), filepath.Join(dir, "link.md")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(real, []byte("old"), 0o600))
	must(os.Symlink("real.md", link))
	must(Replace(link, []byte("old"), []byte("new")))
	if text, _ := os.ReadFile(real); string(text) != "new" {
		t.Errorf("the file has %q; want the new text", text)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v; want that it stays one", info.Mode(), err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; want that it keeps 0600", info.Mode(), err)
	}
	if err := Replace(link, []byte("old"), []byte("newer")); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v; want ErrChanged", err)
	}
	alone(t, dir, 2)
}

// What fails in the middle leaves the old file, and nothing beside it.
func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.md")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Save(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v; want the writer's", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "old" {
		t.Errorf("the file has %q; want the old text", text)
	}
	alone(t, dir, 1)
	if err := Save(filepath.Join(dir, "nowhere", "a"), func(io.Writer) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v; want that the folder is not there", err)
	}
}

func alone(t *testing.T, dir string, want int) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != want {
		t.Errorf("the folder has %v, %v; want %d files", entries, err, want)
	}
}
