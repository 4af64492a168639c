package shell

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// builtinNames are the builtins worth completing.
var builtinNames = []string{
	"alias", "bg", "cd", "command", "echo", "eval", "exec", "exit", "export", "fg", "help", "history", "jobs",
	"kill", "printf", "pwd", "read", "set", "shift", "source", "test", "trap", "type", "unset", "wait",
}

// A completer knows the words that fit at the cursor.
type completer struct{ s *shell }

// Do is readline's AutoCompleter: it returns what may be added at pos, and how
// many runes before pos belong to the word.
func (c *completer) Do(line []rune, pos int) ([][]rune, int) {
	head := string(line[:pos])
	at := strings.LastIndexAny(head, " \t;|&<>()=") + 1
	word := head[at:]
	before := strings.TrimRight(head[:at], " \t")
	first := before == "" || strings.ContainsAny(before[len(before)-1:], ";|&(")

	var names []string
	switch {
	case first && !strings.Contains(word, "/"):
		names = c.s.programs()
	default:
		names = c.files(word)
		if !strings.Contains(word, "/") {
			names = append(names, hostNames()...)
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, word) })
	slices.Sort(names)
	names = slices.Compact(names)
	var ends [][]rune
	for _, name := range names {
		end := strings.ReplaceAll(name[len(word):], " ", `\ `)
		if len(names) == 1 && !strings.HasSuffix(end, "/") {
			end += " "
		}
		ends = append(ends, []rune(end))
	}
	return ends, len([]rune(word))
}

// files returns the paths that continue word, directories with a slash.
func (c *completer) files(word string) []string {
	dir, _ := filepath.Split(word)
	look := dir
	switch {
	case strings.HasPrefix(dir, "~/"):
		look = os.Getenv("HOME") + dir[1:]
	case !filepath.IsAbs(dir):
		look = filepath.Join(c.s.runner.Dir, dir)
	}
	entries, err := os.ReadDir(look)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(filepath.Base(word), ".") {
			continue
		}
		name := dir + e.Name()
		if info, err := os.Stat(filepath.Join(look, e.Name())); err == nil && info.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return names
}

// programs returns the names that can be typed as a command.
func (s *shell) programs() []string {
	return append(executables(expand.ListEnviron(os.Environ()...)), builtinNames...)
}

// executables returns the names of the programs in PATH.
func executables(env expand.Environ) []string {
	var names []string
	for _, dir := range filepath.SplitList(env.Get("PATH").String()) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				names = append(names, e.Name())
			}
		}
	}
	return names
}

// hostNames returns the names of /etc/hosts: every host of the lab.
func hostNames() []string {
	f, err := os.Open("/etc/hosts")
	if err != nil {
		return nil
	}
	defer f.Close()
	var names []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if fields := strings.Fields(text); len(fields) > 1 {
			names = append(names, fields[1:]...)
		}
	}
	return names
}

// prompt is "laptop:~$ ".
func (s *shell) prompt() string {
	host, err := os.Hostname()
	if err != nil {
		host = s.opts.name
	}
	dir := s.runner.Dir
	if home := os.Getenv("HOME"); home != "" && home != "/" {
		if rest, ok := strings.CutPrefix(dir, home); ok && (rest == "" || rest[0] == '/') {
			dir = "~" + rest
		}
	}
	return host + ":" + dir + "$ "
}

// near returns the one name that was probably meant, or "".
func (s *shell) near(hc interp.HandlerContext, name string) string {
	best, limit := "", 1
	switch {
	case len(name) < 3:
		return ""
	case len(name) > 7:
		limit = 2
	}
	for _, candidate := range append(executables(hc.Env), builtinNames...) {
		if d := distance(name, candidate, limit); d <= limit {
			if d < limit || best == "" {
				best = candidate
			}
			limit = d
		}
	}
	return best
}

// distance counts the letters to insert, delete, change or swap with their
// neighbour that make b of a; more than limit is any larger number.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	var older, old []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		older, old, row = old, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(old[j+1]+1, row[j]+1, old[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
