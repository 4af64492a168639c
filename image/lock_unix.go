//go:build unix

package image

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lock waits until no other process builds the same binary, so that labs
// started side by side do not build it side by side (flock(2)). It is no more
// than a saving: where locking fails, the work is done twice.
func lock(ctx context.Context, path string) (unlock func()) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return func() {}
	}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		select {
		case <-again.C:
		case <-ctx.Done():
			f.Close()
			return func() {}
		}
	}
	return func() { f.Close() }
}
