package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/evidence"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/mutate"
	"hostlab/lab/report"
	"hostlab/lab/stage"
)

func mutateCommand(c *console) *cobra.Command {
	m := &mutation{console: c}
	var o engineFlags
	cmd := &cobra.Command{
		Use:   "mutate [LESSON[#CLAIM]...]",
		Short: "Change one thing of a lesson at a time; it has to notice.",
		Long: `A lesson that is always right proves nothing. mutate changes one thing, of one
of the kinds ` + kindNames() + `,
and requires the lesson to differ. What only changes an expectation is held
against a recording of one run; the others are run. Survivors are printed, and
the status is 1. docs/cli.md says how a lesson excuses one for a reason.`,
		Example: `  hostlab mutate ./mine.md
  hostlab mutate --only bind,port two-servers#2.5
  hostlab mutate --list two-servers`,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := m.check(); err != nil {
				return err
			}
			if len(args) == 0 {
				args = lessons.Names()
			}
			if m.engine.Engine, err = o.engine(); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.stage.Close()) }()
			return m.run(cmd.Context(), args)
		},
	}
	o.add(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&m.only, "only", nil, "only mutants of these `KINDS`, as in bind,port")
	f.IntVar(&m.most, "max", 0, "at most N mutants of each lesson, spread evenly")
	f.IntVarP(&m.parallel, "labs", "j", runtime.NumCPU(), "how many labs run side by side at most")
	f.BoolVar(&m.list, "list", false, "print the mutants, and judge none")
	f.BoolVar(&m.json, "json", false, "print the findings as JSON")
	return cmd
}

func kindNames() string {
	var names []string
	for _, k := range mutate.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// A mutation is one call of the verb mutate.
type mutation struct {
	*console
	only       []string
	most       int
	parallel   int
	list, json bool
	engine     lab.Options
	stage      stage.Stage
}

// check refuses flags that make no sense.
func (m *mutation) check() error {
	for _, k := range m.only {
		if !slices.Contains(mutate.Kinds(), mutate.Kind(k)) {
			return &misuseError{fmt.Errorf("--only %q: expected some of %s", k, kindNames()), "hostlab mutate --only bind,port page-30"}
		}
	}
	if m.most < 0 || m.parallel < 1 {
		return &misuseError{errors.New("--max is 0 or more, -j 1 or more"), "hostlab mutate -j 2 --max 20 page-30"}
	}
	return nil
}

func (m *mutation) run(ctx context.Context, names []string) error {
	all, err := readLessons(ctx, names)
	if err != nil {
		return err
	}
	d := mutateDocument{OK: true}
	for i, les := range all {
		_, claim, _ := strings.Cut(names[i], "#")
		l, err := m.lesson(ctx, les, claim)
		if err != nil {
			return err
		}
		d.add(l)
		if err := m.show(l); err != nil {
			return err
		}
	}
	return m.finish(&d)
}

// lesson judges the mutants of one lesson.
func (m *mutation) lesson(ctx context.Context, les *lesson.Lesson, claim string) (*mutateLesson, error) {
	began := time.Now()
	all, idle := mutate.Of(les)
	all = m.choose(all)
	l := newMutateLesson(les.File, all)
	for _, e := range idle {
		l.Idle = append(l.Idle, complaint{les.File, e.Pos.Line, e.Pos.Column, e.Idle()})
	}
	if m.list {
		return l, nil
	}
	tell, done := m.progress()
	defer done()
	recording, res, err := m.record(ctx, les, tell)
	if err != nil {
		return nil, err
	}
	judged := 0
	found, err := mutate.Run(ctx, les, all, mutate.Options{
		Replay:   func() (lesson.Runner, error) { return recording.Again(les.Topology) },
		Play:     m.play,
		Until:    claim,
		Patience: mutate.Patience(res),
		Parallel: m.parallel,
		Judged: func(f mutate.Finding) {
			judged++
			tell(fmt.Sprintf("%s: %d of %d: %s:%d: %s -> %s: %s", les.File, judged, len(all), f.Kind, f.Pos.Line, f.Was, strings.TrimSpace(f.Is), f.Outcome))
		},
	})
	if err != nil {
		return nil, err
	}
	l.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	l.findings(found)
	return l, nil
}

// choose takes the mutants that the flags ask for.
func (m *mutation) choose(all []*mutate.Mutant) []*mutate.Mutant {
	all = slices.DeleteFunc(all, func(x *mutate.Mutant) bool {
		return len(m.only) > 0 && !slices.Contains(m.only, string(x.Kind))
	})
	if m.most == 0 || len(all) <= m.most {
		return all
	}
	some := make([]*mutate.Mutant, m.most)
	for i := range some {
		some[i] = all[i*len(all)/m.most]
	}
	return some
}

// record plays the lesson itself, which must come out as it states.
func (m *mutation) record(ctx context.Context, les *lesson.Lesson, tell func(string)) (*evidence.Recording, *lesson.Result, error) {
	o := stage.Options{Lab: m.engine}
	o.Lab.Progress = tell
	recording := &evidence.Recording{}
	o.Around = recording.Around
	p, err := m.stage.Play(ctx, les, &o)
	if err != nil {
		return nil, nil, err
	}
	if !p.Result.OK() {
		fmt.Fprintln(m.err, "hostlab: error:", p.Result.All()[0])
		fmt.Fprintf(m.err, "hostlab: error: %s differs from what it states, so its mutants mean nothing\nhostlab: hint: hostlab run %s\n", les.File, les.File)
		return nil, nil, errDiffers
	}
	recording.Done(&report.Lesson{File: les.File, Result: p.Result}, p.Topology, p.Trace)
	return recording, p.Result, nil
}

// errNoticed ends the run of a mutant at its first difference.
var errNoticed = errors.New("noticed")

// play plays a mutant as far as its first difference.
func (m *mutation) play(ctx context.Context, les *lesson.Lesson) (*lesson.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var noticed *lesson.Problem
	p, err := m.stage.Play(ctx, les, &stage.Options{Lab: m.engine, Event: func(e lesson.Event) {
		if e.Kind == lesson.ProblemFound && e.Problem.Stall == 0 && e.Problem.Doubt == "" && noticed == nil {
			noticed = e.Problem
			cancel(errNoticed)
		}
	}})
	if noticed != nil {
		return &lesson.Result{Lesson: les, Problems: []*lesson.Problem{noticed}}, nil
	}
	if err != nil {
		return nil, err
	}
	return p.Result, nil
}

// show prints what is to be said of a lesson before the others are done.
func (m *mutation) show(l *mutateLesson) error {
	if m.json {
		return nil
	}
	for _, x := range l.Mutants {
		at := fmt.Sprintf("%s:%d:%d: %s: %s -> %s", l.File, x.Line, x.Column, x.Kind, cmp.Or(x.Was, "(default)"), cmp.Or(strings.TrimSpace(x.Is), "(none)"))
		switch {
		case m.list:
			fmt.Fprintln(m.out, at)
		case x.Outcome == mutate.Survived:
			fmt.Fprintf(m.out, "%s: %s\n    if that must be: %s\n", at, m.paint(red, "survived"), x.comment)
		case x.Outcome == mutate.Broken:
			fmt.Fprintf(m.out, "%s: not judged: %s\n", at, x.Why)
		case x.Outcome == mutate.Excused:
			fmt.Fprintf(m.out, "%s: excused: %s\n", at, x.Why)
		}
	}
	for _, p := range l.Idle {
		fmt.Fprintln(m.out, p)
	}
	return nil
}

// finish prints the summary.
func (m *mutation) finish(d *mutateDocument) error {
	switch {
	case m.json:
		e := json.NewEncoder(m.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(d); err != nil {
			return err
		}
	case !m.list:
		t := tabwriter.NewWriter(m.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "\nlesson\tmutants\tby lint\tby replay\tby lab\tsurvived\texcused\tseconds")
		for _, l := range d.Lessons {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\n", l.File, len(l.Mutants), l.killed(mutate.Lint), l.killed(mutate.Replay), l.killed(mutate.Lab),
				l.Survived, l.Excused, l.Seconds)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if d.OK {
		return nil
	}
	return errDiffers
}
