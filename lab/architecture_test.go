package lab_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The house, bottom to top. A package imports only from lines above its own;
// tests of a package too, but for those in wholeHouse.
var house = []string{
	"lab/hint",
	"lab/file",
	"lab/program",
	"lab/host/rootfs",
	"lab/mark",
	"lab/topology",
	"lab/wire/pcapng",
	"lab/wire",
	"lab/book",
	"lab/capture",
	"lab/fault",
	"lab/capture/record",
	"lab/state",
	"lab/tools",
	"lab/shell",
	"lab/agent",
	"lab/engine/netns/holder",
	"lab/host",
	"image",
	"lab/engine",
	"lab/engine/docker",
	"lab/engine/netns",
	"lab",
	"lab/verb",
	"lab/control",
	"lab/lesson",
	"lab/lessons",
	"lab/report",
	"lab/mutate",
	"lab/predict",
	"lab/evidence",
	"lab/handout",
	"lab/narrate",
	"lab/stage",
	"lab/labtest",
	"lab/prompt",
	"cmd/host",
	"cmd/hostlab",
	"scripts/steady",
}

// wholeHouse are the packages whose tests try the finished thing, and may
// therefore import what stands above them.
var wholeHouse = []string{"lab", "lab/stage", "lab/verb", "lab/control"}

// keptOut names what must not be reached from a package by any way.
var keptOut = map[string][]string{
	"cmd/host":   {"lab/engine", "lab/engine/docker", "lab", "image", "lab/wire"},
	"lab/lesson": {"lab", "lab/agent", "lab/engine"},
}

// onlyIn names the one package that may import a library.
var onlyIn = map[string]string{
	"github.com/docker/":         "lab/engine/docker",
	"github.com/testcontainers/": "lab/engine/docker",
}

const maxLines = 400

// A source is one Go file of the repository.
type source struct {
	dir, name string // "lab/book", "udp_remote.go"
	test      bool
	lines     int
	imports   []string
	file      *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name == "dist" || len(name) > 2 && name[0] == '.') {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{
			dir: filepath.ToSlash(filepath.Dir(path))[len("../"):], name: name, file: f,
			test: strings.HasSuffix(name, "_test.go"), lines: bytes.Count(text, []byte("\n")),
		}
		for _, i := range f.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			s.imports = append(s.imports, p)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found %d Go files; the walk must be wrong", len(all))
	}
	return all
}

func TestImportsPointDownwards(t *testing.T) {
	reach := map[string]map[string]bool{}
	for _, s := range sources(t) {
		floor := slices.Index(house, s.dir)
		if floor < 0 {
			t.Errorf("%s/%s: %s is no room of the house; name its floor here and in docs/architecture.md", s.dir, s.name, s.dir)
			continue
		}
		for _, path := range s.imports {
			for library, room := range onlyIn {
				if strings.HasPrefix(path, library) && s.dir != room {
					t.Errorf("%s/%s imports %s, which only %s may", s.dir, s.name, path, room)
				}
			}
			to, ours := strings.CutPrefix(path, "hostlab/")
			if !ours || to == s.dir || s.test && slices.Contains(wholeHouse, s.dir) {
				continue
			}
			if below := slices.Index(house, to); below < 0 || below > floor {
				t.Errorf("%s/%s imports %s, which stands above it", s.dir, s.name, path)
			}
			if !s.test {
				if reach[s.dir] == nil {
					reach[s.dir] = map[string]bool{}
				}
				reach[s.dir][to] = true
			}
		}
	}
	for from, never := range keptOut {
		for _, to := range never {
			if way := route(reach, from, to); way != nil {
				t.Errorf("%s must not reach %s, and does: %s", from, to, strings.Join(way, " -> "))
			}
		}
	}
}

// route returns the packages on the way from one to another, or nil.
func route(reach map[string]map[string]bool, from, to string) []string {
	for next := range reach[from] {
		if next == to {
			return []string{from, to}
		}
		if way := route(reach, next, to); way != nil {
			return append([]string{from}, way...)
		}
	}
	return nil
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > maxLines {
			t.Errorf("%s/%s has %d lines; %d are the most", s.dir, s.name, s.lines, maxLines)
		}
	}
}

func TestOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if _, seen := comments[s.dir]; !seen {
			comments[s.dir] = nil
		}
		if s.file.Doc != nil {
			comments[s.dir] = append(comments[s.dir], s.name)
		}
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("%s: package comments in %v; want exactly one", dir, files)
		}
	}
}

// Tests wait for a line, an end or a state, never for time to pass: all that
// may sleep is the pause between two looks of a poll, in a for statement's
// post, and a delay of which the test says that it must not matter.
func TestNoTestSleeps(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test || s.name == "architecture_test.go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", s.dir, s.name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			poll, idle := strings.HasPrefix(line, "for "), strings.HasSuffix(line, "it must not matter")
			if strings.Contains(line, "time.Sleep(") && !poll && !idle {
				t.Errorf("%s/%s sleeps: %s", s.dir, s.name, line)
			}
		}
	}
}
