package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"hostlab/lab/engine"
)

// watch runs lessons, and again those whose files are saved, until ctx ends:
// that is no error. Their labs stay, so that the next run begins at once.
func (r *lessonRun) watch(ctx context.Context, names []string) (err error) {
	defer func() { err = errors.Join(err, r.stage.Close()) }()
	for _, name := range names {
		if file, _, _ := strings.Cut(name, "#"); !isFile(file) {
			return &misuseError{fmt.Errorf("run: --watch: %q is a lesson that hostlab brings, and can't be saved; a file was expected", name), "hostlab run " + name}
		}
	}
	saved, stop, err := watchFiles(names)
	if err != nil {
		return err
	}
	defer stop()
	for again := names; ; {
		if err := r.once(ctx, again); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		fmt.Fprintf(r.err, "hostlab: watching %s; Ctrl-C ends\n", strings.Join(names, ", "))
		if again, err = saved(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		fmt.Fprintf(r.err, "hostlab: %s: saved\n", strings.Join(again, ", "))
	}
}

// once runs lessons and tells what is wrong with them. The error says that
// there is no use in going on.
func (r *lessonRun) once(ctx context.Context, names []string) error {
	all, err := readLessons(ctx, names)
	if err == nil {
		if err = r.play(ctx, all); err == nil {
			err = r.finish()
		}
	}
	if errors.Is(err, engine.ErrUnavailable) {
		return err
	}
	if ctx.Err() == nil {
		r.console.report(err)
	}
	return nil
}

// quiet is how long nothing more must have been written before a file counts
// as saved: editors write in several steps.
const quiet = 50 * time.Millisecond

// watchFiles watches the files of names. The function that it returns waits
// until some of them have another content than when it was last asked, and
// returns their names.
func watchFiles(names []string) (saved func(context.Context) ([]string, error), stop func() error, err error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil, fmt.Errorf("watch: %w", err)
	}
	contents := map[string]string{}
	for _, name := range names {
		contents[name] = content(name)
		// The folder, for editors put a new file in the old one's place.
		if err := w.Add(filepath.Dir(fileOf(name))); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("watch: %s: %w", name, err), w.Close())
		}
	}
	return func(ctx context.Context) ([]string, error) {
		pause := time.NewTimer(0)
		defer pause.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case err := <-w.Errors:
				return nil, fmt.Errorf("watch: %w", err)
			case <-w.Events:
				pause.Reset(quiet)
			case <-pause.C:
				changed := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
					now := content(name)
					if now == "" || now == contents[name] {
						return true
					}
					contents[name] = now
					return false
				})
				if len(changed) > 0 {
					return changed, nil
				}
			}
		}
	}, w.Close, nil
}

func fileOf(name string) string {
	file, _, _ := strings.Cut(name, "#")
	return file
}

// content returns what stands in a lesson's file; "" while it is not there.
func content(name string) string {
	data, _ := os.ReadFile(fileOf(name)) // a file that is being replaced comes back
	return string(data)
}
