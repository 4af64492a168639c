package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hostlab/lab"
	"hostlab/lab/lesson"
	"hostlab/lab/predict"
	"hostlab/lab/stage"
)

func predictCommand(c *console) *cobra.Command {
	var o engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "predict LESSON[#CLAIM]",
		Short: "Ask a student for each outcome before it happens, then compare.",
		Long: `Before a command is typed, predict asks what it will do, and before a claim is
put to the test, what will become of it. Then it shows what really came out. At
the end it says how many predictions were right; Ctrl-D and Ctrl-C end early.
Answers may come from a pipe, a line each. With --json the questions go to
standard error, and standard output has all answers for an instructor.`,
		Example: `  hostlab predict page-30
  hostlab predict page-30 --json > answers.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			les, err := findClaim(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			e, err := o.engine()
			if err != nil {
				return err
			}
			return c.predict(cmd.Context(), les, lab.Options{Engine: e}, asJSON)
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answers as JSON")
	return cmd
}

// predict plays the lesson with questions, and sums up.
func (c *console) predict(ctx context.Context, les *lesson.Lesson, o lab.Options, asJSON bool) error {
	dialog := c.out
	if asJSON {
		dialog = c.err
	}
	playing, end := context.WithCancelCause(ctx)
	defer end(nil)
	quiz := predict.New(playing, les, predict.Options{In: c.in, Out: dialog, Echo: !isTerminal(c.in), End: end})
	still := false
	p, err := c.playQuiz(playing, les, quiz, o, func(int) { // nobody is asked everything again
		still = true
		end(predict.ErrEnded)
	})
	if err != nil && playing.Err() == nil {
		return err
	}
	sheet := quiz.Sheet(still || err == nil && p.Result.Stopped == nil)
	if asJSON {
		out := json.NewEncoder(c.out)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		if err := out.Encode(sheet); err != nil {
			return err
		}
	}
	err = sheet.Write(dialog)
	if still {
		fmt.Fprintln(c.err, "hostlab: this machine stood still in the lesson; what surprised you may be due to that")
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil: // Ctrl-C
		return ctx.Err()
	case playing.Err() == nil && !p.Result.OK():
		fmt.Fprintf(c.err, "hostlab: error: %v\n", p.Result.All()[0])
		return errDiffers
	}
	return nil
}

// playQuiz plays the lesson.
func (c *console) playQuiz(ctx context.Context, les *lesson.Lesson, quiz *predict.Quiz, o lab.Options, again func(int)) (*stage.Performance, error) {
	tell, done := c.progress()
	defer done()
	o.Progress = tell
	return stage.Play(ctx, les, &stage.Options{Lab: o, Event: quiz.Event, Again: again, Around: func(r lesson.Runner) lesson.Runner {
		done() // the dialogue begins
		return quiz.Around(r)
	}})
}

func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
