package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"hostlab/lab"
	"hostlab/lab/engine"
	"hostlab/lab/evidence"
	"hostlab/lab/file"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/report"
	"hostlab/lab/stage"
)

// A lessonRun is one call of the verb run.
type lessonRun struct {
	*console
	flags  *runFlags
	engine engine.Engine
	stage  stage.Stage         // keeps its labs from one play to the next
	keep   *evidence.Collector // nil when no evidence is wanted

	mu     sync.Mutex
	report report.Run
	shown  int // how many lessons of the report were printed
}

// run reads all lessons, plays them and reports, while the last labs end. That
// one does not is told behind the report.
func (r *lessonRun) run(ctx context.Context, names []string) error {
	all, err := readLessons(ctx, names)
	if err != nil {
		return err
	}
	if err := r.play(ctx, all); err != nil {
		return errors.Join(err, r.stage.Close())
	}
	closed := make(chan error, 1)
	go func() { closed <- r.stage.Close() }()
	err = r.finish()
	if left := <-closed; left != nil {
		return left
	}
	return err
}

// readLessons reads every lesson before the first one is played, and tells of
// all that is wrong with them.
func readLessons(ctx context.Context, names []string) ([]*lesson.Lesson, error) {
	var all []*lesson.Lesson
	var errs []error
	for _, name := range names {
		les, err := findClaim(ctx, name)
		all, errs = append(all, les), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// play plays lessons side by side and shows each as soon as those before it
// are shown. The error says that a lab did not start; then the rest is not
// tried. A lab that breaks ends its own lesson only, and the report says so.
func (r *lessonRun) play(ctx context.Context, all []*lesson.Lesson) error {
	tell, done := r.progress()
	defer done()
	r.report, r.shown = report.Run{Lessons: make([]*report.Lesson, len(all))}, 0
	parts := make([]stage.Part, len(all))
	recordings := make([]*evidence.Recording, len(all))
	for i, les := range all {
		recordings[i] = r.keep.Record()
		parts[i] = stage.Part{Lesson: les, Options: r.options(les, recordings[i], tell)}
	}
	err := r.stage.PlayAll(ctx, parts, func(i int, p *stage.Performance, err error) error {
		l := &report.Lesson{File: all[i].File, Err: err}
		if p == nil {
			return err
		}
		l.Result, l.Start, l.Notes, l.Attempts = p.Result, p.Starting, p.Notes(), p.Attempts
		recordings[i].Done(l, p.Topology, p.Trace)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.report.Engine = p.Engine
		r.report.Lessons[i] = l
		done()
		return r.show()
	})
	if err != nil {
		return err
	}
	return context.Cause(ctx) // what was cut short is not to be judged
}

// options are the choices of one lesson's play.
func (r *lessonRun) options(les *lesson.Lesson, recording *evidence.Recording, tell func(string)) stage.Options {
	said := func(line string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		tell(les.File + ": " + line)
	}
	return stage.Options{
		Lab:    lab.Options{Engine: r.engine, Progress: said},
		Event:  follow(said),
		Takes:  lessons.Estimate(les),
		Last:   lessons.Spoils(les),
		Fresh:  r.flags.fresh,
		Around: recording.Around,
		Again: func(attempt int) {
			said(fmt.Sprintf("this machine stood still in it; again, %d of %d", attempt, stage.MostAttempts))
		},
	}
}

// follow tells each command of a lesson as it is typed.
func follow(tell func(string)) func(lesson.Event) {
	return func(e lesson.Event) {
		if e.Kind == lesson.EntryTaken && e.Entry.Kind == lesson.Typed {
			tell(e.Entry.String())
		}
	}
}

// show prints the lessons that have been played, up to the first one that has
// not. It is called with mu held.
func (r *lessonRun) show() error {
	for ; r.shown < len(r.report.Lessons) && r.report.Lessons[r.shown] != nil; r.shown++ {
		if r.flags.json {
			continue
		}
		if err := report.WriteLesson(r.out, r.report.Lessons[r.shown], r.color); err != nil {
			return err
		}
	}
	return nil
}

// finish writes and prints what all lessons came to. What came of them is the
// exit status.
func (r *lessonRun) finish() error {
	if err := r.files(); err != nil {
		return err
	}
	var err error
	if r.flags.json {
		err = report.WriteJSON(r.out, &r.report)
	} else {
		fmt.Fprintln(r.out)
		err = report.WriteTable(r.out, &r.report, r.color)
	}
	if err == nil {
		err = outcomeError(&r.report)
	}
	return err
}

// files writes the files that were asked for.
func (r *lessonRun) files() error {
	if r.flags.junit != "" {
		if err := file.Save(r.flags.junit, func(w io.Writer) error { return report.WriteJUnit(w, &r.report) }); err != nil {
			return err
		}
	}
	if r.flags.evidence == "" {
		return nil
	}
	m, err := r.keep.WriteFile(r.flags.evidence, version(), &r.report)
	if err == nil {
		fmt.Fprintf(r.err, "hostlab: wrote %s, sha256 %s\n", r.flags.evidence, m.SHA256)
	}
	return err
}
