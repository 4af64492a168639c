// Package lessons holds the project's own lessons, in the order in which one
// reads them. Each is a Markdown file beside this one, which GitHub shows as a
// handout.
package lessons

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"hostlab/lab/hint"
	"hostlab/lab/lesson"
)

//go:embed *.md
var files embed.FS

// names are the lessons in reading order.
var names = []string{"page-30", "loopback-only", "two-servers", "server-down", "loss"}

// Names returns the names of all lessons, in reading order: "page-30", …
func Names() []string { return append([]string(nil), names...) }

// Source returns the Markdown of a lesson; its name may end in ".md". The
// error of a name that is none carries a hint.
func Source(name string) ([]byte, error) {
	data, err := files.ReadFile(strings.TrimSuffix(name, ".md") + ".md")
	if err != nil {
		return nil, hint.Add(
			fmt.Errorf("lessons: %q: no such lesson; there are %s", name, strings.Join(names, ", ")),
			"hostlab run %s", names[0])
	}
	return data, nil
}

// Open returns a lesson by its name, which may end in ".md". Its messages name
// the file "page-30.md".
func Open(name string) (*lesson.Lesson, error) {
	data, err := Source(name)
	if err != nil {
		return nil, err
	}
	return lesson.Parse(strings.TrimSuffix(name, ".md")+".md", data)
}

// All returns every lesson, in reading order.
func All() ([]*lesson.Lesson, error) {
	var all []*lesson.Lesson
	var errs []error
	for _, name := range names {
		l, err := Open(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, l)
	}
	return all, errors.Join(errs...)
}
