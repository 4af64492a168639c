// Package report writes down how lessons came out: for a terminal, lesson by
// lesson with what really came out and a verdict for each claim, a table of
// them all, JSON for programs, and the JUnit XML that CI systems read.
//
// Everything goes to a writer that the caller gives. Nothing is detected here:
// whether there are colours, the caller says.
package report

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hostlab/lab/lesson"
)

// A Run is what was run together, and on what.
type Run struct {
	Engine  string // "docker 20.10.24"
	Kernel  string // "linux 6.18"; "" when Engine says it too
	Lessons []*Lesson
}

// A Lesson is one lesson of a Run: a Result, a reason why there is none, or
// both when the lab broke in the middle.
type Lesson struct {
	// File is the lesson's file. "" means the Result's.
	File string

	Result   *lesson.Result // nil when it was not run
	Err      error          // there was no lab, or it broke; nil when neither
	Skipped  string         // why it was left out; "" when it was not
	Attempts int            // labs it was run on; 0 means 1. More: see lesson.Result.Inconclusive
	Start    time.Duration  // until every host of the lab answered
	Notes    []string       // what else the reader should know, a line each: "192.168.5.0/24 is in use, …"
}

// Name returns the file's name without folder and ".md": "page-30".
func (l *Lesson) Name() string {
	return strings.TrimSuffix(path.Base(filepath.ToSlash(l.file())), ".md")
}

func (l *Lesson) file() string {
	if l.File == "" && l.Result != nil {
		return l.Result.Lesson.File
	}
	return l.File
}

func (l *Lesson) title() string {
	if l.Result != nil {
		return l.Result.Lesson.Title
	}
	return l.Name()
}

// Outcome is how a lesson came out, in one word or two.
type Outcome string

// The outcomes. Where several apply, the one that is listed last counts.
const (
	AsStated     Outcome = "as stated"
	Differs      Outcome = "differs"
	Inconclusive Outcome = "inconclusive" // the machine stood still; see lesson.Result.Inconclusive
	Broken       Outcome = "broken"       // the lab, not the lesson
	Skipped      Outcome = "skipped"
)

// Outcome returns how the lesson came out.
func (l *Lesson) Outcome() Outcome {
	switch {
	case l.Skipped != "":
		return Skipped
	case l.Err != nil || l.Result == nil || l.Result.Broken != nil:
		return Broken
	case l.Result.Inconclusive():
		return Inconclusive
	case !l.Result.OK():
		return Differs
	}
	return AsStated
}

// OK reports whether every lesson came out as stated. A skipped lesson does
// not count against it.
func (r *Run) OK() bool {
	return !slices.ContainsFunc(r.Lessons, func(l *Lesson) bool {
		o := l.Outcome()
		return o != AsStated && o != Skipped
	})
}

// Verdict returns what a claim of the lesson came to: "confirmed",
// "contradicted", or, when that cannot be said, "differs", "inconclusive" or
// "not run".
func (l *Lesson) Verdict(c *lesson.ClaimResult) string {
	switch {
	case c.Verdict != "":
		return string(c.Verdict)
	case len(c.Problems) == 0:
		return "not run"
	case l.Outcome() == Inconclusive:
		return string(Inconclusive)
	}
	return string(Differs)
}

// unchecked counts the parts that were not checked, by reason, in the order
// of their first appearance.
func unchecked(lessons []*Lesson) (reasons []string, count map[string]int) {
	count = map[string]int{}
	for _, l := range lessons {
		if l.Result == nil {
			continue
		}
		for _, u := range l.Result.NotChecked() {
			if count[u.Why] == 0 {
				reasons = append(reasons, u.Why)
			}
			count[u.Why]++
		}
	}
	return reasons, count
}
