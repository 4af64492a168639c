package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/prompt"
)

func labCommand(c *console) *cobra.Command {
	var o engineFlags
	cmd := &cobra.Command{
		Use:   "lab [LESSON|COMPOSE]",
		Short: "Start a lab and give a prompt on its hosts.",
		Long: `The lab is the one of a lesson, or of a Compose file; without either, the
machines of the book's page. It stays as long as the prompt does, and
everything ends with it.`,
		Example: `  hostlab lab
  hostlab lab compose.yaml
  echo "laptop ip addr" | hostlab lab two-servers`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "page-30"
			if len(args) > 0 {
				name = args[0]
			}
			top, err := topologyOf(cmd.Context(), name)
			if err != nil {
				return err
			}
			e, err := o.engine()
			if err != nil {
				return err
			}
			tell, done := c.progress()
			l, err := lab.Start(cmd.Context(), top, &lab.Options{Engine: e, Progress: tell})
			done()
			if err != nil {
				return err
			}
			p := &prompt.Prompt{Lab: l, In: os.Stdin, Out: c.out, Err: c.err}
			p.Hosts()
			fmt.Fprintln(c.err, `"help" says what one can type; Ctrl-D ends the lab`)
			return errors.Join(p.Run(cmd.Context()), l.Close())
		},
	}
	o.add(cmd)
	return cmd
}
