package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const exitStatus = `0 all as stated, 1 a lesson differs, 2 misuse,
  3 no engine, 4 the lab itself broke`

func root(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hostlab",
		Short: "Separate machines on one computer, and a book that checks itself on them.",
		Example: `  hostlab doctor            what this computer can do
  hostlab run page-30       check the book's page on real hosts
  hostlab lab               a prompt on the page's machines`,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		Args:                       cobra.NoArgs,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetIn(c.in)
	cmd.SetOut(c.out)
	cmd.SetErr(c.err)
	cmd.SetUsageTemplate(usageTemplate)
	cmd.SetHelpTemplate("{{.Short}}\n\n{{with .Long}}{{.}}\n\n{{end}}{{.UsageString}}")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return misuse(cmd, flagError(err)) })
	cmd.CompletionOptions.HiddenDefaultCmd = false
	cmd.AddGroup(&cobra.Group{ID: groupLab, Title: "Labs:"}, &cobra.Group{ID: groupRunning, Title: "A running lab, from another terminal:"}, &cobra.Group{ID: groupBook, Title: "The book's programs, on this machine:"})
	cmd.SetHelpCommandGroupID(groupLab)
	cmd.SetCompletionCommandGroupID(groupLab)
	for _, verb := range []*cobra.Command{runCommand(c), narrateCommand(c), lintCommand(c), updateCommand(c), mutateCommand(c), predictCommand(c), replayCommand(c), renderCommand(c), labCommand(c), doctorCommand(c), gcCommand(c), schemaCommand(c), versionCommand(c)} {
		verb.GroupID = groupLab
		wrapArgs(verb)
		cmd.AddCommand(verb)
	}
	for _, verb := range runningCommands(c) {
		verb.GroupID = groupRunning
		wrapArgs(verb)
		cmd.AddCommand(verb)
	}
	for _, verb := range bookCommands(c) {
		verb.GroupID = groupBook
		cmd.AddCommand(verb)
	}
	wrapArgs(cmd)
	return cmd
}

const (
	groupLab     = "lab"
	groupRunning = "running"
	groupBook    = "book"
)

// wrapArgs makes a wrong number of arguments a misuse, with the verb's usage.
func wrapArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		if cmd == cmd.Root() && len(args) > 0 {
			err = fmt.Errorf("%q is not one of its verbs", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return &misuseError{err, "hostlab " + near[0]}
			}
		}
		return misuse(cmd, err)
	}
}

// misuse is err with the way to the verb's help.
func misuse(cmd *cobra.Command, err error) error {
	return &misuseError{err, strings.TrimSpace(cmd.CommandPath()) + " --help"}
}

const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} VERB{{$cmds := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .GroupID | eq "book" | not}}

Exit status:
  ` + exitStatus + `{{end}}
`

// flagError says of a wrong value what was expected, in place of the words of
// Go's parsers.
func flagError(err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	flag := invalid.GetFlag()
	want, known := map[string]string{"bool": "true or false", "float64": "a number", "int": "a whole number"}[flag.Value.Type()]
	if !known {
		return err
	}
	return fmt.Errorf("--%s: %q: %s was expected", flag.Name, invalid.GetValue(), want)
}
