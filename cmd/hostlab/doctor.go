package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"hostlab/lab/engine"
)

func doctorCommand(c *console) *cobra.Command {
	var o engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this computer can do, and why not.",
		Long: `Each line is one thing that labs need: what is there, and where it is not
as it should be the command that mends it. Nothing is changed.`,
		Example: "  hostlab doctor",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := o.engine()
			if err != nil {
				return err
			}
			findings := e.Check(cmd.Context())
			if asJSON {
				err = json.NewEncoder(c.out).Encode(map[string]any{"engine": e.Name(), "findings": findings})
			} else {
				c.findings(e.Name(), findings)
			}
			if err != nil {
				return err
			}
			for _, f := range findings {
				if !f.OK {
					return statusError(statusNoEngine)
				}
			}
			return nil
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func (c *console) findings(name string, findings []engine.Finding) {
	fmt.Fprintf(c.out, "engine %s\n", name)
	for _, f := range findings {
		sign := c.paint(green, "ok")
		if !f.OK {
			sign = c.paint(red, "no")
		}
		fmt.Fprintf(c.out, "  %s  %-16s %s\n", sign, f.Name, f.Detail)
		if f.Mend != "" {
			fmt.Fprintf(c.out, "      %-16s %s\n", "", c.paint(bold, f.Mend))
		}
	}
}
