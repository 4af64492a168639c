package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/engine"
)

// engineFlags choose the engine of a verb.
type engineFlags struct{ name string }

func (o *engineFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.name, "engine", "", "makes the hosts: auto, docker, netns; or $HOSTLAB_ENGINE")
	cmd.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(lab.EngineNames(), cobra.ShellCompDirectiveNoFileComp))
}

func (o *engineFlags) engine() (engine.Engine, error) {
	e, err := lab.FindEngine(o.name)
	if err != nil {
		return nil, &misuseError{err, "hostlab doctor"}
	}
	return e, nil
}

// Colours of a terminal (ECMA-48 SGR).
const (
	bold  = "1"
	red   = "31"
	green = "32"
	dim   = "2"
)

func (c *console) paint(sgr, text string) string {
	if !c.color {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// progress returns a function that tells what takes time, on standard error:
// on a terminal each line takes the place of the one before, and the last one
// is wiped by done.
func (c *console) progress() (tell func(line string), done func()) {
	if !c.live {
		return func(line string) { fmt.Fprintf(c.err, "hostlab: %s\n", line) }, func() {}
	}
	return func(line string) { fmt.Fprintf(c.err, "\r\x1b[K%s", cut(line, c.columns-1)) },
		func() { fmt.Fprint(c.err, "\r\x1b[K") }
}

// cut returns the beginning of a line that fits into so many columns.
func cut(line string, columns int) string {
	if r := []rune(line); columns > 0 && len(r) > columns {
		return string(r[:columns-1]) + "…"
	}
	return line
}
