package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hostlab/lab/prompt"
)

func shellCommand(c *console) *cobra.Command {
	var o labFlag
	cmd := &cobra.Command{
		Use:   "shell HOST [PROGRAM...]",
		Short: "Open a shell on a host of a running lab, on your terminal.",
		Long: `Or run another program there on a terminal. It follows your terminal in size;
Ctrl-D ends the shell.`,
		Example: `  hostlab shell laptop
  hostlab shell guinness udp_remote server ''`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: o.oneHost,
		RunE: func(cmd *cobra.Command, args []string) error {
			in, ok := c.in.(*os.File)
			if !ok || !term.IsTerminal(int(in.Fd())) {
				return &misuseError{errors.New("standard input is no terminal"), "hostlab exec " + args[0] + " sh"}
			}
			client, err := c.agent(cmd.Context(), &o, args[0])
			if err != nil {
				return err
			}
			defer client.Close()
			program := args[1:]
			if len(program) == 0 {
				program = []string{"sh"}
			}
			status, err := prompt.Attach(cmd.Context(), client, program, in, in, c.out)
			if err == nil && status.Code != 0 {
				err = statusError(status.Code)
			}
			return err
		},
	}
	o.add(cmd)
	cmd.Flags().SetInterspersed(false)
	return cmd
}
