package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/file"
	"hostlab/lab/lesson"
	"hostlab/lab/stage"
)

func updateCommand(c *console) *cobra.Command {
	u := &lessonUpdate{console: c}
	var o engineFlags
	cmd := &cobra.Command{
		Use:   "update FILE...",
		Short: "Run lessons twice and write down what both runs showed.",
		Long: `Lines, statuses and diagrams that differ from what both runs agree on are
replaced in the file; the rest stays as it is, byte for byte. Names such as
{port} stay where they fit, and what differs from run to run becomes one.
Commands, prose and "console book" blocks are never touched, verdicts only with
--verdict. Standard output has the changes as a diff, standard error what
differs and was left: then the status is 1.`,
		Example: `  hostlab update --dry-run ./mine.md
  hostlab update --verdict ./mine.md`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if u.options.Engine, err = o.engine(); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, u.stage.Close()) }()
			return u.all(cmd.Context(), args)
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&u.verdicts, "verdict", false, "write verdicts, too")
	cmd.Flags().BoolVarP(&u.dry, "dry-run", "n", false, "print the diff and write nothing")
	return cmd
}

// A lessonUpdate is one call of the verb update.
type lessonUpdate struct {
	*console
	verdicts, dry bool
	options       lab.Options
	stage         stage.Stage
}

// all reads every file before the first one is run.
func (u *lessonUpdate) all(ctx context.Context, files []string) error {
	var all []*lesson.Lesson
	for _, file := range files {
		les, err := lesson.Load(ctx, file, os.ReadFile)
		if err != nil {
			return given(err)
		}
		all = append(all, les)
	}
	same := true
	for i, les := range all {
		ok, err := u.one(ctx, files[i], les)
		if err != nil {
			return err
		}
		same = same && ok
	}
	if !same {
		return errDiffers
	}
	return nil
}

// one updates a file. It reports whether the file says then what the runs
// showed.
func (u *lessonUpdate) one(ctx context.Context, name string, les *lesson.Lesson) (ok bool, err error) {
	rev, err := u.revise(ctx, les)
	if err != nil {
		return false, err
	}
	revised := rev.Apply(les.Source())
	if _, err := io.WriteString(u.out, rev.Diff(name, les.Source())); err != nil {
		return false, err
	}
	for _, p := range rev.Left {
		fmt.Fprintln(u.err, "hostlab: left:", p)
	}
	for _, p := range rev.Notes {
		fmt.Fprintln(u.err, "hostlab: note:", p)
	}
	switch {
	case len(rev.Edits) == 0:
		return len(rev.Left) == 0, nil
	case u.dry:
		return false, nil
	}
	return len(rev.Left) == 0, given(file.Replace(name, les.Source(), revised))
}

// revise runs a lesson twice, and tells so.
func (u *lessonUpdate) revise(ctx context.Context, les *lesson.Lesson) (*lesson.Revision, error) {
	tell, done := u.progress()
	defer done()
	told := func(line string) { tell(les.File + ": " + line) }
	o := stage.Options{Lab: u.options, Event: follow(told)}
	o.Lab.Progress = told
	return u.stage.Revise(ctx, les, u.verdicts, &o)
}
