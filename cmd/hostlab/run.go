package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/engine"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/report"
	"hostlab/lab/stage"
)

func runCommand(c *console) *cobra.Command {
	var o engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run [LESSON...]",
		Short: "Check lessons on real hosts, and give each claim its verdict.",
		Long: `A lesson is one that hostlab brings, by its name, or a Markdown file. Without
a name, all that hostlab brings are run. Every lesson is read and checked whole
before any host starts.`,
		Example: `  hostlab run page-30
  hostlab run
  hostlab run --json ./mine.md`,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = lessons.Names()
			}
			e, err := o.engine()
			if err != nil {
				return err
			}
			r := &lessonRun{console: c, json: asJSON, engine: e}
			return r.run(cmd.Context(), args)
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the results as JSON")
	return cmd
}

// A lessonRun is one call of the verb run.
type lessonRun struct {
	*console
	json   bool
	engine engine.Engine
	report report.Run
}

// mostTries is on how many labs a lesson is run when the machine stood still
// in it: on one, and on two more.
const mostTries = 3

func (r *lessonRun) run(ctx context.Context, names []string) error {
	var all []*lesson.Lesson
	for _, name := range names {
		les, err := findLesson(ctx, name)
		if err != nil {
			return err
		}
		all = append(all, les)
	}
	for _, les := range all {
		l, err := r.play(ctx, les)
		if err != nil && l.Result == nil {
			return err
		}
		r.report.Lessons = append(r.report.Lessons, l)
		if !r.json {
			if err := report.WriteLesson(r.out, l, r.color); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return r.finish()
}

// play plays one lesson. A difference that was found while the machine stood
// still says nothing, so the lesson is played again on a fresh lab.
func (r *lessonRun) play(ctx context.Context, les *lesson.Lesson) (*report.Lesson, error) {
	tell, done := r.progress()
	defer done()
	l := &report.Lesson{File: les.File}
	for {
		l.Attempts++
		p, err := stage.Play(ctx, les, &stage.Options{Lab: lab.Options{Engine: r.engine, Progress: tell}, Event: follow(tell)})
		l.Err = err
		if p != nil {
			l.Result, l.Start, l.Notes = p.Result, p.Starting, p.Notes()
			r.report.Engine = p.Engine
		}
		if err != nil || !p.Result.Inconclusive() || l.Attempts == mostTries {
			return l, err
		}
		tell(fmt.Sprintf("%s: this machine stood still in it; again, %d of %d", les.File, l.Attempts+1, mostTries))
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

func (r *lessonRun) finish() error {
	var err error
	if r.json {
		err = report.WriteJSON(r.out, &r.report)
	} else {
		fmt.Fprintln(r.out)
		err = report.WriteTable(r.out, &r.report, r.color)
	}
	if err == nil && !r.report.OK() {
		err = errDiffers
	}
	return err
}
