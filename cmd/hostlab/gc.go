package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func gcCommand(c *console) *cobra.Command {
	var o engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what a killed run left.",
		Long: `Hosts end with the run that started them, and every start sweeps. This
sweeps without starting anything. A lab whose owner still runs is never
touched.`,
		Example: "  hostlab gc",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := o.engine()
			if err != nil {
				return err
			}
			swept, err := e.Sweep(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.out).Encode(swept)
			}
			if len(swept.Labs) == 0 {
				fmt.Fprintln(c.out, "nothing was left")
				return nil
			}
			fmt.Fprintf(c.out, "removed %d containers and %d networks of %d labs\n", swept.Containers, swept.Networks, len(swept.Labs))
			return nil
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
