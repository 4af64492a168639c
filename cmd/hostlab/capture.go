package main

import "github.com/spf13/cobra"

func captureCommand(c *console) *cobra.Command {
	var o labFlag
	var file string
	var all bool
	cmd := &cobra.Command{
		Use:   "capture [HOST...]",
		Short: "Show the packets of a running lab as they cross its wires.",
		Long: `Each packet is a line in the words of a lesson's diagrams, with the fault that
took it: ->> arrived, -x did not. With -w, all frames of all interfaces go to
one pcapng file, which Wireshark reads. Ctrl-C ends it.`,
		Example: `  hostlab capture
  hostlab capture guinness -w guinness.pcapng
  hostlab capture -w - | wireshark -k -i -`,
		ValidArgsFunction: o.hosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			words := []string{"capture"}
			if cmd.Flags().Changed("write") {
				words = append(words, "-w", file)
			}
			if all {
				words = append(words, "--all")
			}
			return c.runWords(cmd.Context(), &o, append(words, args...))
		},
	}
	o.add(cmd)
	cmd.Flags().StringVarP(&file, "write", "w", "", "write pcapng to `FILE`; - is standard output")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "what hosts say by themselves, too: ARP, neighbour\ndiscovery, TCP's acknowledgements, loopback")
	return cmd
}
