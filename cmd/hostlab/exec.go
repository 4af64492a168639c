package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"hostlab/lab/agent"
)

func execCommand(c *console) *cobra.Command {
	var o labFlag
	var noInput bool
	cmd := &cobra.Command{
		Use:   "exec HOST PROGRAM [ARGUMENT...]",
		Short: "Run a program on a host of a running lab.",
		Long: `It has your standard input, output and error, and ends with the program's own
exit status. Ctrl-C interrupts the program. For one that wants a terminal, see
hostlab shell.`,
		Example: `  hostlab exec guinness udp_remote server ''
  echo hello | hostlab exec laptop cat
  hostlab exec --lab page-30 laptop ip addr`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: o.oneHost,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.agent(cmd.Context(), &o, args[0])
			if err != nil {
				return err
			}
			defer client.Close()
			command := agent.Command{Args: args[1:], Stdin: c.in, Stdout: c.out, Stderr: c.err}
			if noInput {
				command.Stdin = nil
			}
			status, err := runRemote(cmd.Context(), client, command)
			if err == nil && status.Code != 0 {
				err = statusError(status.Code)
			}
			return err
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVarP(&noInput, "no-input", "n", false, "leave standard input alone, as in the background")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// agent connects to a host of the running lab.
func (c *console) agent(ctx context.Context, o *labFlag, host string) (*agent.Client, error) {
	l, err := o.find(ctx)
	if err != nil {
		return nil, err
	}
	client, err := l.Agent(ctx, host)
	return client, c.refused(ctx, err)
}

// interruptTime is how long a program has after Ctrl-C before it is killed.
const interruptTime = 2 * time.Second

// runRemote runs a program to its end. When ctx ends, it is interrupted first.
func runRemote(ctx context.Context, client *agent.Client, cmd agent.Command) (agent.Status, error) {
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	p, err := client.Start(work, cmd)
	if err != nil {
		return agent.Status{}, err
	}
	defer context.AfterFunc(ctx, func() {
		_ = p.Signal("INT") // one that has ended needs none
		time.AfterFunc(interruptTime, kill)
	})()
	status, err := p.Wait()
	if errors.Is(err, context.Canceled) {
		return agent.Status{Code: statusCanceled}, nil
	}
	return status, err
}
