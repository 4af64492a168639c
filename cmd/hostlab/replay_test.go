package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/evidence"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/report"
	"hostlab/lab/stage"
)

// TestReplayLessons runs the project's own lessons on hosts, keeps the
// evidence, and judges it again: the report is the same to the last line.
func TestReplayLessons(t *testing.T) {
	if ok, _ := condition("engine"); !ok {
		t.Skip("no engine can make hosts here")
	}
	if testing.Short() {
		t.Skip("plays lessons on hosts")
	}
	var c evidence.Collector
	run := &report.Run{}
	var s stage.Stage
	defer s.Close()
	for _, name := range []string{"page-30", "two-servers", "loss"} {
		les, err := lessons.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		run.Lessons = append(run.Lessons, recorded(t, &s, &c, run, les))
	}
	file := filepath.Join(t.TempDir(), "run.zip")
	if _, err := c.WriteFile(file, version(), run); err != nil {
		t.Fatal(err)
	}
	var was, is, said bytes.Buffer
	if err := (&console{out: &was}).results(run, true); err != nil {
		t.Fatal(err)
	}
	err := (&console{out: &is, err: &said}).replay(t.Context(), file, true)
	if err != outcomeError(run) {
		t.Errorf("replay ends with %v; the run with %v", err, outcomeError(run))
	}
	if d := cmp.Diff(was.String(), is.String()); d != "" {
		t.Errorf("the replay reports something else (-run +replay):\n%s\n%s", d, said.String())
	}
	if !strings.Contains(said.String(), "sha256 ") {
		t.Errorf("it says %q; want the hash of the bundle", said.String())
	}
}

// recorded plays a lesson and keeps the evidence.
func recorded(t *testing.T, s *stage.Stage, c *evidence.Collector, run *report.Run, les *lesson.Lesson) *report.Lesson {
	t.Helper()
	l, r := &report.Lesson{File: les.File}, c.Record()
	p, err := s.Play(context.Background(), les, &stage.Options{Around: r.Around})
	if err != nil {
		t.Fatal(err)
	}
	l.Result, l.Start, l.Notes, l.Attempts = p.Result, p.Starting, p.Notes(), 1
	run.Engine = p.Engine
	r.Done(l, p.Topology, p.Trace)
	return l
}
