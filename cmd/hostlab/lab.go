package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hostlab/lab"
	"hostlab/lab/control"
	"hostlab/lab/prompt"
	"hostlab/lab/topology"
)

// labFlags are the choices of the verb lab.
type labFlags struct {
	engineFlags
	hosts int
	print bool
}

func labCommand(c *console) *cobra.Command {
	var o labFlags
	cmd := &cobra.Command{
		Use:   "lab [LESSON|COMPOSE]",
		Short: "Start a lab and give a prompt on its hosts.",
		Long: `The lab is the one of a lesson, or of a Compose file; without either, the
machines of the book's page, or as many as --hosts says. It stays as long as
the prompt does, and everything ends with it.`,
		Example: `  hostlab lab
  hostlab lab compose.yaml
  hostlab lab --hosts 1000 --engine netns
  hostlab lab router --print > router.yaml
  echo "laptop ip addr" | hostlab lab two-servers`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.lab(cmd.Context(), &o, args)
		},
	}
	o.add(cmd)
	cmd.Flags().IntVar(&o.hosts, "hosts", 0, "a lab of `N` hosts on one network: h1, h2, …")
	cmd.Flags().BoolVar(&o.print, "print", false, "print the lab's Compose file and start nothing")
	return cmd
}

// lab starts a lab and works on it until the person, or their input, ends.
func (c *console) lab(ctx context.Context, o *labFlags, args []string) error {
	top, name, err := o.topology(ctx, args)
	if err != nil {
		return err
	}
	if o.print && o.hosts > 0 {
		data, err := topology.Many(o.hosts)
		return errors.Join(err, c.write(data))
	}
	if o.print {
		return c.write(top.Compose())
	}
	e, err := o.engine()
	if err != nil {
		return err
	}
	tell, done := c.progress()
	l, err := lab.Start(ctx, top, &lab.Options{Engine: e, Progress: tell})
	done()
	if err != nil {
		return err
	}
	door := c.openDoor(l, name)
	p := &prompt.Prompt{Lab: l, In: os.Stdin, Out: c.out, Err: c.err}
	if len(top.Hosts) <= mostListed {
		p.Hosts()
	}
	fmt.Fprintln(c.err, `"help" says what one can type; Ctrl-D ends the lab`)
	return errors.Join(p.Run(ctx), door(), l.Close())
}

func (c *console) write(data []byte) error {
	_, err := c.out.Write(data)
	return err
}

// mostListed is how many hosts are listed without being asked.
const mostListed = 40

// topology returns the hosts that are wanted, and what to call them.
func (o *labFlags) topology(ctx context.Context, args []string) (*topology.Topology, string, error) {
	switch {
	case o.hosts != 0 && len(args) > 0:
		return nil, "", &misuseError{fmt.Errorf("lab: --hosts %d and %s: want one of them", o.hosts, args[0]), "hostlab lab --help"}
	case o.hosts != 0:
		data, err := topology.Many(o.hosts)
		if err != nil {
			return nil, "", given(err)
		}
		name := fmt.Sprintf("many-%d", o.hosts)
		top, err := topology.Parse(ctx, name+".yaml", data)
		return top, name, err
	}
	name := "page-30"
	if len(args) > 0 {
		name = args[0]
	}
	top, err := topologyOf(ctx, name)
	return top, name, err
}

// openDoor lets other terminals come to a lab, which runs without that too.
// The name is what the user called its lesson or Compose file.
func (c *console) openDoor(l *lab.Lab, name string) (shut func() error) {
	base := filepath.Base(name)
	s, err := control.Serve(l, control.Options{Name: strings.TrimSuffix(base, filepath.Ext(base)), Source: name})
	if err != nil {
		fmt.Fprintf(c.err, "hostlab: other terminals can't reach this lab: %v\n", err)
		return func() error { return nil }
	}
	return s.Close
}
