package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"hostlab/lab/agent"
	"hostlab/lab/control"
	"hostlab/lab/hint"
	"hostlab/lab/verb"
)

// runningCommands act on a lab that runs in another terminal.
func runningCommands(c *console) []*cobra.Command {
	return []*cobra.Command{psCommand(c), faultCommand(c), waitCommand(c), captureCommand(c), execCommand(c), shellCommand(c)}
}

// labFlag chooses among running labs.
type labFlag struct{ name string }

func (o *labFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.name, "lab", "", "which running lab, by name or process number\n(default the only one)")
	cmd.RegisterFlagCompletionFunc("lab", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		var all []string
		for _, l := range runningLabs(cmd.Context()) {
			all = append(all, l.Name)
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	})
}

// A runningLab is what verbs act on.
type runningLab interface {
	Hosts() []control.Host
	Run(ctx context.Context, words []string, out io.Writer) error
	Agent(ctx context.Context, host string) (*agent.Client, error)
}

// find returns the lab: one of another terminal, or else one that docker
// compose has up. That there is none, or no such one, is a misuse.
func (o *labFlag) find(ctx context.Context) (runningLab, error) {
	l, err := control.Find(ctx, o.name)
	if err == nil {
		return l, nil
	}
	if o.name != "" || len(control.List(ctx)) == 0 {
		if l, err := findComposed(ctx, o.name); l != nil || err != nil {
			return l, err
		}
	}
	return nil, given(err)
}

// take takes --lab out of words that are otherwise read in the lab.
func (o *labFlag) take(words []string) ([]string, error) {
	var rest []string
	for i := 0; i < len(words); i++ {
		value, joined := strings.CutPrefix(words[i], "--lab=")
		switch {
		case joined:
			o.name = value
		case words[i] == "--lab" && i+1 == len(words):
			return nil, errors.New("--lab: want a name behind it")
		case words[i] == "--lab":
			i++
			o.name = words[i]
		default:
			rest = append(rest, words[i])
		}
	}
	return rest, nil
}

// hosts completes the names of the lab's hosts.
func (o *labFlag) hosts(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	l, err := o.find(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, h := range l.Hosts() {
		names = append(names, h.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// oneHost completes a host as the first argument.
func (o *labFlag) oneHost(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return o.hosts(cmd, args, word)
}

// runWords does what the words say in the running lab.
func (c *console) runWords(ctx context.Context, o *labFlag, words []string) (err error) {
	l, err := o.find(ctx)
	if err != nil {
		return err
	}
	words, out, err := verb.Output(words, c.out)
	if err != nil {
		return c.refused(ctx, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return c.refused(ctx, l.Run(ctx, words, out))
}

// refused gives an error of a verb its exit status: 1 when the host could not
// do it, 2 when the words made no sense.
func (c *console) refused(ctx context.Context, err error) error {
	var refused *control.Error
	status, _, _ := verb.Status(err) // of a lab in this process
	if errors.As(err, &refused) {
		status = refused.Status
	}
	switch {
	case err == nil:
		return nil
	case status == verb.Misuse:
		return given(err)
	case ctx.Err() != nil:
		fmt.Fprintln(c.err, "hostlab: interrupted")
		return statusError(statusCanceled)
	case status == verb.Failed:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(c.err, "hostlab: error:", line)
		}
		if way := hint.Of(err); way != "" {
			fmt.Fprintln(c.err, "hostlab: hint:", way)
		}
		return statusError(verb.Failed)
	}
	return err
}
