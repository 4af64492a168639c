package topology

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// A Problem is one thing that is wrong with a topology. Parse, Validate and LAN
// join all that they find with errors.Join.
type Problem struct {
	Pos  Pos    // zero for a Go literal
	Text string // "host guinness: ...": what is wrong and what was expected
}

// Error returns "topology: compose.yaml:12: host guinness: ...".
func (p *Problem) Error() string {
	if p.Pos == (Pos{}) {
		return "topology: " + p.Text
	}
	return fmt.Sprintf("topology: %s: %s", p.Pos, p.Text)
}

func problem(at Pos, format string, args ...any) error {
	return &Problem{Pos: at, Text: fmt.Sprintf(format, args...)}
}

// join returns the problems as one error in the order of their lines, or nil.
func join(problems []error) error {
	line := func(err error) int {
		if p, ok := errors.AsType[*Problem](err); ok {
			return p.Pos.Line
		}
		return 0
	}
	slices.SortStableFunc(problems, func(a, b error) int { return cmp.Compare(line(a), line(b)) })
	return errors.Join(problems...)
}

// near returns the candidate that name was probably meant to be, as
// "; did you mean lan?", or "" when none is alike.
func near(name string, candidates []string) string {
	best, found := 3, "" // up to two edits, and fewer than half of the letters
	for _, c := range candidates {
		if d := distance(name, c); d < best && 2*d <= len(c) {
			best, found = d, c
		}
	}
	if found == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", found)
}

// distance is the Levenshtein distance: the least number of inserted, removed
// or changed bytes that makes b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
