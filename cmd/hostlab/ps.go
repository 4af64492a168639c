package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func psCommand(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "List the running labs.",
		Long: `These are the labs that you started in other terminals, each of which ends with
its terminal, and those of docker compose up.`,
		Example: "  hostlab ps",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			labs := runningLabs(cmd.Context())
			if asJSON {
				return json.NewEncoder(c.out).Encode(labs)
			}
			if len(labs) == 0 {
				fmt.Fprintln(c.out, "no lab is running")
				return nil
			}
			w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
			fmt.Fprintln(w, "LAB\tPROCESS\tOF\tSINCE\tHOSTS\tENGINE")
			for _, l := range labs {
				var hosts []string
				for _, h := range l.Hosts {
					hosts = append(hosts, h.Name)
				}
				process := "compose"
				if l.PID != 0 {
					process = strconv.Itoa(l.PID)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, process, l.Source, l.Since.Local().Format("15:04:05"), few(hosts), l.Engine)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

// few lists names, not all when they are many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
