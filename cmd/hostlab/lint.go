package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"hostlab/lab/hint"
	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/topology"
)

func lintCommand(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [LESSON...]",
		Short: "Read lessons whole and report all that is wrong with them.",
		Long: `Nothing is started: no engine is needed. Every complaint is one line on standard
output, FILE:LINE:COLUMN: TEXT, as editors read it. A lesson is one that hostlab
brings, by its name, or a Markdown file; without a name, all that hostlab brings
are read. A lesson that is not right is misuse, as for "hostlab run".`,
		Example: `  hostlab lint ./mine.md
  hostlab lint --json ./lessons/*.md`,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = lessons.Names()
			}
			return c.lint(cmd.Context(), args, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the complaints as JSON")
	return cmd
}

// lintDocument is what "lint --json" prints. Its fields are a contract.
type lintDocument struct {
	OK      bool         `json:"ok"`
	Lessons []lintLesson `json:"lessons"`
}

type lintLesson struct {
	Lesson   string      `json:"lesson"` // as it was named on the command line
	OK       bool        `json:"ok"`
	Problems []complaint `json:"problems"`
}

// A complaint is one thing that is wrong, in the lesson or in the Compose file
// that it names.
type complaint struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 when it is of the whole file
	Column int    `json:"column,omitempty"` // from 1, in bytes; 0 when it is of the whole line
	Text   string `json:"text"`
}

// String returns "file:line:column: text".
func (p complaint) String() string {
	switch {
	case p.Line == 0:
		return fmt.Sprintf("%s: %s", p.File, p.Text)
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

func (c *console) lint(ctx context.Context, names []string, asJSON bool) error {
	d := lintDocument{OK: true}
	for _, name := range names {
		_, err := findLesson(ctx, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if way := hint.Of(err); way != "" { // no such lesson: the name is wrong, not the file
			return err
		}
		l := lintLesson{Lesson: name, OK: err == nil, Problems: append([]complaint{}, complaints(name, err)...)}
		d.Lessons, d.OK = append(d.Lessons, l), d.OK && l.OK
	}
	if err := c.writeLint(&d, asJSON); err != nil || d.OK {
		return err
	}
	return statusError(statusMisuse)
}

func (c *console) writeLint(d *lintDocument, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(d)
	}
	said := map[complaint]bool{} // two lessons may name one Compose file
	for _, l := range d.Lessons {
		for _, p := range l.Problems {
			if !said[p] {
				fmt.Fprintln(c.out, p)
			}
			said[p] = true
		}
	}
	if d.OK {
		fmt.Fprintf(c.err, "hostlab: %s, nothing wrong\n", count(len(d.Lessons), "lesson"))
	}
	return nil
}

// count returns "1 lesson", "2 lessons".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// complaints returns what an error of reading a lesson is about.
func complaints(name string, err error) []complaint {
	var path *fs.PathError
	switch e := err.(type) {
	case nil:
		return nil
	case *lesson.Problem:
		return []complaint{{e.File, e.Pos.Line, e.Pos.Column, e.Text}}
	case *topology.Problem:
		return []complaint{{File: e.Pos.File, Line: e.Pos.Line, Text: e.Text}}
	case interface{ Unwrap() []error }:
		var all []complaint
		for _, err := range e.Unwrap() {
			all = append(all, complaints(name, err)...)
		}
		return all
	case interface{ Unwrap() error }:
		if errors.As(err, &path) && !errors.As(err, new(*lesson.Problem)) {
			return []complaint{{File: path.Path, Text: path.Err.Error()}}
		}
		return complaints(name, e.Unwrap())
	}
	return []complaint{{File: name, Text: err.Error()}}
}
