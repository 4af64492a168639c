package main

import (
	"github.com/spf13/cobra"

	"hostlab/lab/lesson"
)

func schemaCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON schema of a lesson's front matter, for editors.",
		Example: `  hostlab schema > lesson.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.out.Write(lesson.Schema)
			return err
		},
	}
}
