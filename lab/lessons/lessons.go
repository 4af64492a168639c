// Package lessons holds the project's own lessons, in the order in which one
// reads them. Each is a Markdown file beside this one, which GitHub shows as a
// handout. Those that need more than one network name a Compose file, which
// stands here as well.
package lessons

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"hostlab/lab/hint"
	"hostlab/lab/lesson"
)

//go:embed *.md *.yaml
var files embed.FS

// names are the lessons in reading order.
var names = []string{
	"page-30", "loopback-only", "every-interface", "who-says-refused", "two-servers",
	"sharing-a-port", "server-down", "loss", "suspended-server", "promiscuous-client",
	"request-identifiers", "two-interfaces", "wrong-source", "broadcast", "router",
	"too-big", "path-mtu", "ipv6", "small-buffers", "tcp-bindings",
}

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
	if _, err := Source(name); err != nil {
		return nil, err // with a hint
	}
	return lesson.Load(context.Background(), strings.TrimSuffix(name, ".md")+".md", files.ReadFile)
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
