package labtest

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"hostlab/lab"
	"hostlab/lab/file"
	"hostlab/lab/lesson"
	"hostlab/lab/stage"
)

// Lessons runs the lessons whose files match the patterns, each as a subtest
// with one subtest per claim:
//
//	func TestLessons(t *testing.T) { labtest.Lessons(t, "testdata/*.md") }
//
//	$ go test -run TestLessons/two-servers/2.5
//
// They run side by side, as many as -parallel allows; those of the same hosts
// share labs. Every lesson is linted before the first host starts.
//
// When the test has a flag -update and it is set, or HOSTLAB_UPDATE=1 is, the
// files are given what two runs of them showed, verdicts aside, as "hostlab
// update" does.
func Lessons(t *testing.T, patterns ...string) {
	t.Helper()
	var all []*lesson.Lesson
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("labtest: %s: no file, and lessons were expected (%v)", pattern, err)
		}
		for _, file := range files {
			les, err := lesson.Load(t.Context(), file, os.ReadFile)
			if err != nil {
				t.Error(err)
				continue
			}
			all = append(all, les)
		}
	}
	if t.Failed() {
		return
	}
	s := &stage.Stage{Labs: 2 * runtime.NumCPU()} // whatever -parallel says
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, les := range all {
		t.Run(strings.TrimSuffix(filepath.Base(les.File), ".md"), func(t *testing.T) {
			t.Parallel()
			if updating() {
				update(t, s, les)
			}
			play(t, s, les)
		})
	}
}

// updating reports whether the lessons' files are to be written.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true" || os.Getenv("HOSTLAB_UPDATE") == "1"
}

// update writes what a lesson shows, and reads it again.
func update(t *testing.T, s *stage.Stage, les *lesson.Lesson) {
	t.Helper()
	rev, err := s.Revise(t.Context(), les, false, nil)
	Require(t, err)
	for _, left := range rev.Left {
		t.Errorf("not updated: %v", left)
	}
	if len(rev.Edits) == 0 {
		return
	}
	if err := file.Replace(les.File, les.Source(), rev.Apply(les.Source())); err != nil {
		t.Fatal(err)
	}
	now, err := lesson.Load(t.Context(), les.File, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	*les = *now
	t.Logf("%s: updated in %d places", les.File, len(rev.Edits))
}

// play plays a lesson and gives each claim a subtest.
func play(t *testing.T, s *stage.Stage, les *lesson.Lesson) {
	t.Helper()
	var mu sync.Mutex // what the lab tells comes from other goroutines
	log := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		t.Log(line)
	}
	p, err := s.Play(t.Context(), les, &stage.Options{Lab: lab.Options{Progress: log}})
	if p == nil || p.Result == nil {
		Require(t, err)
	}
	if p.Attempts > 1 {
		t.Logf("this machine stood still in it: played on %d labs", p.Attempts)
	}
	for _, c := range p.Result.Claims {
		t.Run(c.Claim.ID, func(t *testing.T) { judged(t, p, c) })
	}
	for _, problem := range p.Result.Problems {
		t.Error(problem)
	}
	if err != nil && !errors.Is(err, p.Result.Broken) {
		t.Error(err)
	}
	if p.Result.Broken != nil {
		t.Error(p.Result.Broken)
	}
	for _, u := range p.Result.NotChecked() {
		t.Logf("%s:%d: %s", les.File, u.Pos.Line, u.Why)
	}
}

// judged fails the subtest of a claim that did not come out as stated.
func judged(t *testing.T, p *stage.Performance, c *lesson.ClaimResult) {
	t.Helper()
	for _, problem := range c.Problems {
		t.Error(problem)
	}
	if len(c.Problems) == 0 && !c.OK() {
		t.Errorf("%s:%d: claim %s was not put to the test: %v", p.Result.Lesson.File, c.Claim.Pos.Line, c.Claim.ID, p.Result.Stopped)
	}
}
