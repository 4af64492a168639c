package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hostlab/lab"
	"hostlab/lab/engine"
	"hostlab/lab/lesson"
	"hostlab/lab/narrate"
	"hostlab/lab/report"
	"hostlab/lab/stage"
)

func narrateCommand(c *console) *cobra.Command {
	var o engineFlags
	v := &narration{console: c}
	var noColor bool
	cmd := &cobra.Command{
		Use:   "narrate LESSON[#CLAIM]",
		Short: "Type a lesson out for an audience, with a window for each host.",
		Long: `The lesson is played on real hosts while it is told: its prose, its commands
letter by letter, what came of them, and the verdicts. The lab works ahead, so
that nobody waits for it. Keys: space or enter goes on at once, p pauses, + and
- change the speed, q or Ctrl-C ends everything. Where the output is no
terminal, the narration is plain text. With a claim, the lesson is told as far
as that claim.`,
		Example: `  hostlab narrate page-30
  hostlab narrate --speed 2 ./mine.md
  hostlab narrate --fast page-30 > page-30.txt`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.speed < narrate.MinSpeed || v.speed > narrate.MaxSpeed {
				return misuse(cmd, fmt.Errorf("--speed %v: expected %v to %v", v.speed, narrate.MinSpeed, narrate.MaxSpeed))
			}
			les, err := findClaim(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if v.engine, err = o.engine(); err != nil {
				return err
			}
			v.color = c.color && !noColor
			return v.run(cmd.Context(), les)
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&v.fast, "fast", false, "plain text without pauses, after the lesson was played")
	cmd.Flags().BoolVar(&v.plain, "plain", false, "plain text on a terminal too, as screen readers like it")
	cmd.Flags().Float64Var(&v.speed, "speed", 1, "how fast, 1 being 15 letters per second")
	cmd.Flags().BoolVar(&noColor, "no-color", false, "no colours, as with NO_COLOR")
	return cmd
}

// A narration is one call of the verb narrate.
type narration struct {
	*console
	color       bool
	fast, plain bool
	speed       float64
	engine      engine.Engine
}

func (v *narration) run(ctx context.Context, les *lesson.Lesson) error {
	told, l := v.live, &report.Lesson{File: les.File}
	if v.fast {
		told = v.after
	}
	results := &report.Run{Lessons: []*report.Lesson{l}}
	if err := told(ctx, les, l, results); err != nil {
		return err
	}
	if l.Result == nil {
		return l.Err
	}
	fmt.Fprintln(v.out)
	if err := report.WriteTable(v.out, results, v.color); err != nil || l.Err != nil {
		return errors.Join(err, l.Err)
	}
	if !results.OK() {
		return errDiffers
	}
	return nil
}

// live narrates a lesson while it is played. The lab has ended when it returns.
func (v *narration) live(ctx context.Context, les *lesson.Lesson, l *report.Lesson, run *report.Run) error {
	n := v.narrate(les)
	ctx, cancel := context.WithCancel(ctx)
	played := make(chan struct{})
	go func() {
		defer close(played)
		v.play(ctx, les, l, run, n, n.Progress)
	}()
	err := v.show(ctx, n)
	cancel()
	<-played
	return err
}

// after narrates a lesson that has been played.
func (v *narration) after(ctx context.Context, les *lesson.Lesson, l *report.Lesson, run *report.Run) error {
	n := v.narrate(les)
	tell, done := v.progress()
	v.play(ctx, les, l, run, n, tell)
	done()
	return n.Plain(ctx, v.out, nil)
}

func (v *narration) narrate(les *lesson.Lesson) *narrate.Narration {
	return narrate.New(les, &narrate.Options{Speed: v.speed, Fast: v.fast, Color: v.color})
}

// play plays the lesson and tells a narration of it.
func (v *narration) play(ctx context.Context, les *lesson.Lesson, l *report.Lesson, run *report.Run, n *narrate.Narration, tell func(string)) {
	p, err := stage.Play(ctx, les, &stage.Options{
		Lab:   lab.Options{Engine: v.engine, Progress: tell},
		Event: n.Event,
		Again: n.Again,
		Around: func(r lesson.Runner) lesson.Runner {
			n.Ready(r.Rewrite)
			return r
		},
	})
	l.Err = err
	if p != nil {
		l.Result, l.Start, l.Notes, l.Attempts = p.Result, p.Starting, p.Notes(), p.Attempts
		run.Engine = p.Engine
	}
	n.Done(narrate.Outcome{Result: l.Result, Err: err})
}

// show plays a narration back: on a full screen where there is one.
func (v *narration) show(ctx context.Context, n *narrate.Narration) error {
	in, out := terminalFile(v.in), terminalFile(v.out)
	if v.plain || in == nil || out == nil || os.Getenv("TERM") == "dumb" {
		return n.Plain(ctx, v.out, func(line string) { fmt.Fprintln(v.err, "hostlab:", line) })
	}
	return n.Screen(ctx, in, out)
}

// terminalFile returns the terminal that a stream is; nil when it is none.
func terminalFile(stream any) *os.File {
	if f, ok := stream.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
