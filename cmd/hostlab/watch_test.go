package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A file counts as saved when its content is another one, however the editor
// wrote it; one that was only touched does not.
func TestWatchFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.md"), filepath.Join(dir, "b.md")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(a, "1")
	write(b, "1")
	saved, stop, err := watchFiles([]string{a + "#2.5", b})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	want := func(names ...string) {
		t.Helper()
		got, err := saved(t.Context())
		if err != nil || !slices.Equal(got, names) {
			t.Fatalf("saved %q, %v; want %q", got, err, names)
		}
	}
	write(a, "2")
	want(a + "#2.5")

	write(filepath.Join(dir, "new"), "2") // as editors do: a new file in the old one's place
	if err := os.Rename(filepath.Join(dir, "new"), b); err != nil {
		t.Fatal(err)
	}
	want(b)

	write(a, "2") // the same again, and another file: neither counts
	write(filepath.Join(dir, "c.md"), "3")
	write(b, "3")
	want(b)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := saved(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want that it was canceled", err)
	}
}
