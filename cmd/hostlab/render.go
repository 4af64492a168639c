package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/evidence"
	"hostlab/lab/file"
	"hostlab/lab/handout"
	"hostlab/lab/lesson"
	"hostlab/lab/report"
	"hostlab/lab/stage"
)

// renderFlags are the choices of the verb render.
type renderFlags struct {
	engineFlags
	out      string
	run      bool
	evidence string
}

func renderCommand(c *console) *cobra.Command {
	var o renderFlags
	cmd := &cobra.Command{
		Use:   "render [LESSON]",
		Short: "Make a lesson one HTML page, to read and to print.",
		Long: `The page holds all that it needs, in light and dark, with pictures of the lab
and of the packets. It shows what the lesson states, and says so; with --run
what came of a run on real hosts, and with --evidence what came of the run that
is kept in a bundle, judged again. A bundle of one lesson needs no LESSON.`,
		Example: `  hostlab render page-30
  hostlab render page-30 --run -o page-30.html
  hostlab render two-servers --evidence run.zip -o - | less`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && o.evidence == "":
				return misuse(cmd, errors.New("which lesson?"))
			case o.run && o.evidence != "":
				return misuse(cmd, errors.New("--run or --evidence: the page shows one run"))
			}
			return c.render(cmd.Context(), &o, strings.Join(args, ""))
		},
	}
	o.add(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "the page's `FILE`, \"-\" for standard output\n(default LESSON.html)")
	f.BoolVar(&o.run, "run", false, "run the lesson first, and show what came of it")
	f.StringVar(&o.evidence, "evidence", "", "show the run that is kept in this bundle, a zip `FILE`")
	return cmd
}

// render writes the page of a lesson. What came of a run has its exit status,
// too, when the page is there.
func (c *console) render(ctx context.Context, o *renderFlags, name string) error {
	if err := checkFolder("output", o.out); err != nil {
		return err
	}
	les, h, err := c.shown(ctx, o, name)
	if err != nil {
		return err
	}
	if o.out == "-" {
		err = handout.Write(c.out, les, h)
	} else {
		if o.out == "" {
			o.out = (&report.Lesson{File: les.File}).Name() + ".html"
		}
		err = file.Save(o.out, func(w io.Writer) error { return handout.Write(w, les, h) })
		if err == nil {
			fmt.Fprintln(c.err, "hostlab: wrote", o.out)
		}
	}
	if err == nil && h.Outcome != nil {
		err = outcomeError(&report.Run{Lessons: []*report.Lesson{h.Outcome}})
	}
	return err
}

// shown returns the lesson and what is to be shown of it.
func (c *console) shown(ctx context.Context, o *renderFlags, name string) (*lesson.Lesson, *handout.Options, error) {
	if o.evidence != "" {
		return kept(ctx, o.evidence, name)
	}
	les, err := findLesson(ctx, name)
	if err != nil || !o.run {
		return les, &handout.Options{}, err
	}
	h, err := c.played(ctx, o, les)
	return les, h, err
}

// played runs a lesson on hosts.
func (c *console) played(ctx context.Context, o *renderFlags, les *lesson.Lesson) (*handout.Options, error) {
	e, err := o.engine()
	if err != nil {
		return nil, err
	}
	tell, done := c.progress()
	defer done()
	p, err := stage.Play(ctx, les, &stage.Options{Lab: lab.Options{Engine: e, Progress: tell}, Event: follow(tell)})
	if p == nil || p.Result == nil {
		return nil, err
	}
	l := &report.Lesson{File: les.File, Result: p.Result, Err: err, Notes: p.Notes(), Start: p.Starting, Attempts: p.Attempts}
	return &handout.Options{Outcome: l, Ran: p.Topology, Engine: p.Engine, When: time.Now()}, nil
}

// kept judges a bundle again, and returns the lesson of that name in it.
func kept(ctx context.Context, bundle, name string) (*lesson.Lesson, *handout.Options, error) {
	b, err := evidence.Open(bundle)
	if err != nil {
		return nil, nil, given(err)
	}
	defer b.Close()
	v, err := b.Replay(ctx)
	if err != nil {
		return nil, nil, given(err)
	}
	if len(v.Contradictions) > 0 {
		return nil, nil, given(fmt.Errorf("%s: %s", bundle, strings.Join(v.Contradictions, "\n")))
	}
	var names []string
	for i, l := range v.Run.Lessons {
		if l.Result == nil {
			continue
		}
		if l.Name() == name || l.File == name || name == "" && len(v.Run.Lessons) == 1 {
			return l.Result.Lesson, &handout.Options{
				Outcome: l, Ran: v.Ran[i], Engine: b.Manifest.Engine, When: b.Manifest.Created, Evidence: b.Manifest.SHA256,
			}, nil
		}
		names = append(names, l.Name())
	}
	return nil, nil, &misuseError{fmt.Errorf("%s: no lesson %q in it; there are %s", bundle, name, strings.Join(names, ", ")), "hostlab replay " + bundle}
}
