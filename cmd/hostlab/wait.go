package main

import "github.com/spf13/cobra"

func waitCommand(c *console) *cobra.Command {
	var o labFlag
	cmd := &cobra.Command{
		Use:   "wait HOST [gone] PROTOCOL/[ADDRESS:]PORT",
		Short: "Wait until a socket of a host is bound, or gone.",
		Long: `The host's kernel is asked for its sockets; nothing is sent. A server is ready
when its socket is bound.`,
		Example: `  hostlab wait guinness udp/1060
  hostlab wait guinness gone tcp/80 --timeout 2s`,
		DisableFlagParsing: true, // the host reads them
		ValidArgsFunction:  o.oneHost,
	}
	o.add(cmd)
	cmd.Flags().Duration("timeout", 0, "how long to wait at most (default 10s)")
	cmd.RunE = c.wordsOf(cmd, &o)
	return cmd
}
