package main

import (
	"os/signal"

	"github.com/spf13/cobra"

	"hostlab/lab/book"
	"hostlab/lab/program"
)

// bookCommands are the book's programs as verbs: the same code that a host
// runs, on the reader's own machine. They read their own arguments.
func bookCommands(c *console) []*cobra.Command {
	var cmds []*cobra.Command
	for _, p := range book.Programs() {
		cmds = append(cmds, &cobra.Command{
			Use:                p.Name,
			Short:              p.Summary,
			DisableFlagParsing: true,
			RunE: func(cmd *cobra.Command, args []string) error {
				signal.Reset() // Ctrl-C ends them as it does in a host: at once
				if status := p.Run(cmd.Context(), program.Stdio{In: c.in, Out: c.out, Err: c.err}, args...); status != 0 {
					return statusError(status)
				}
				return nil
			},
		})
	}
	return cmds
}
