package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hostlab/lab/evidence"
	"hostlab/lab/report"
)

func replayCommand(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "replay FILE.zip",
		Short: "Judge a bundle of evidence again, without any engine.",
		Long: `A bundle is what "hostlab run --evidence FILE.zip" wrote. Every byte of it is
checked, and every lesson is run again on what was recorded: what the windows
showed, and the packets of the capture. The verdicts are computed anew. Where
they are not those of the bundle, replay says so and ends with status 1.`,
		Example: `  hostlab run page-30 --evidence page-30.zip
  hostlab replay page-30.zip
  hostlab replay --json page-30.zip`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.replay(cmd.Context(), args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the results as JSON")
	return cmd
}

// replay judges a bundle again and prints it as the verb run does.
func (c *console) replay(ctx context.Context, name string, asJSON bool) error {
	b, err := evidence.Open(name)
	if err != nil {
		return given(err)
	}
	defer b.Close()
	v, err := b.Replay(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return given(err)
	}
	if err := c.results(v.Run, asJSON); err != nil {
		return err
	}
	m := b.Manifest
	fmt.Fprintf(c.err, "hostlab: recorded %s by hostlab %s on %s\nhostlab: sha256 %s\n", m.Created.Format("2006-01-02 15:04:05 MST"), m.Hostlab, m.Platform, m.SHA256)
	for _, line := range v.Contradictions {
		fmt.Fprintf(c.err, "hostlab: error: %s\n", line)
	}
	if len(v.Contradictions) > 0 {
		return errDiffers
	}
	return outcomeError(v.Run)
}

// results prints a run on standard output: lessons and a table, or JSON.
func (c *console) results(r *report.Run, asJSON bool) error {
	if asJSON {
		return report.WriteJSON(c.out, r)
	}
	for _, l := range r.Lessons {
		if err := report.WriteLesson(c.out, l, c.color); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.out)
	return report.WriteTable(c.out, r, c.color)
}

// outcomeError returns the error that makes the exit status of a run: that of
// the first lab that broke, or errDiffers.
func outcomeError(r *report.Run) error {
	for _, l := range r.Lessons {
		switch {
		case l.Err != nil:
			return l.Err
		case l.Result != nil && l.Result.Broken != nil:
			return l.Result.Broken
		case l.Outcome() == report.Broken:
			return errors.New("hostlab: " + l.Name() + ": the lab broke")
		}
	}
	if !r.OK() {
		return errDiffers
	}
	return nil
}
