package main

import (
	"context"
	"errors"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"hostlab/lab/evidence"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
)

// runFlags are the choices of the verb run.
type runFlags struct {
	engineFlags
	json, watch, fresh bool
	labs               int    // side by side at most
	junit, evidence    string // files; "" means none
}

func runCommand(c *console) *cobra.Command {
	var o runFlags
	cmd := &cobra.Command{
		Use:   "run [LESSON[#CLAIM]...]",
		Short: "Check lessons on real hosts, and give each claim its verdict.",
		Long: `A lesson is one that hostlab brings, by its name, or a Markdown file. Without
a name, all that hostlab brings are run. With a claim, the lesson is run as far
as that claim. Every lesson is read and checked whole before any host starts.

Several labs run side by side. Lessons of the same hosts follow each other on
one lab, when it is proven to be as it was.`,
		Example: `  hostlab run page-30
  hostlab run two-servers#2.5
  hostlab run
  hostlab run --json ./mine/*.md
  hostlab run --watch ./mine.md`,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = lessons.Names()
			}
			if err := o.check(); err != nil {
				return err
			}
			e, err := o.engine()
			if err != nil {
				return err
			}
			r := &lessonRun{console: c, flags: &o, engine: e}
			r.stage.Labs, r.stage.Frugal = max(1, o.labs), !o.watch
			if o.evidence != "" {
				r.keep = &evidence.Collector{}
			}
			if o.watch {
				return r.watch(cmd.Context(), args)
			}
			return r.run(cmd.Context(), args)
		},
	}
	o.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the results as JSON")
	f.StringVar(&o.junit, "junit", "", "write the results to `FILE` as JUnit XML, too")
	f.StringVar(&o.evidence, "evidence", "", "keep what the verdicts rest on in `ZIP`; see replay")
	f.BoolVarP(&o.watch, "watch", "w", false, "run a file again when it is saved, until Ctrl-C")
	f.BoolVar(&o.fresh, "fresh", false, "give every lesson a lab of its own")
	f.IntVarP(&o.labs, "labs", "j", 4*runtime.NumCPU(), "how many labs run side by side at most")
	return cmd
}

// check reports flags that make no sense before anything starts.
func (o *runFlags) check() error {
	if o.watch && (o.json || o.evidence != "") {
		return &misuseError{errors.New("run: --watch goes on without end, and --json and --evidence are written at the end: want one of them"), "hostlab run --help"}
	}
	return errors.Join(checkFolder("junit", o.junit), checkFolder("evidence", o.evidence))
}

// findClaim reads a lesson, as far as a claim when the name ends in "#CLAIM".
func findClaim(ctx context.Context, name string) (*lesson.Lesson, error) {
	file, claim, wanted := strings.Cut(name, "#")
	les, err := findLesson(ctx, file)
	if err != nil || !wanted {
		return les, err
	}
	les, err = les.Until(claim)
	return les, given(err)
}
