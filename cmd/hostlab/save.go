package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// checkFolder reports early that a file cannot be written where it is wanted.
// The empty path means that none is.
func checkFolder(flag, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return &misuseError{fmt.Errorf("--%s %s: no such folder", flag, path), "mkdir -p " + filepath.Dir(path)}
	}
	return nil
}
