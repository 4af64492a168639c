package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func faultCommand(c *console) *cobra.Command {
	var o labFlag
	cmd := &cobra.Command{
		Use:   "fault VERB [HOST] [WHAT]",
		Short: "Break the network of a running lab on purpose, and mend it.",
		Long: `What a fault takes it takes at the receiver: a capture at the sender still
sees the packet, and the receiver's names the fault. PROTO is udp, tcp, icmp,
icmp6 or ip, PORT the destination's. Faults end with the lab, or with clear.

  fault drop HOST PROTO[/PORT]         packets for the host vanish
  fault reject HOST PROTO[/PORT]       they are refused, as a firewall does
  fault partition A[,B...] C[,D...]    no packet from one side to the other
  fault pause|resume HOST              its programs stand still; go on
  fault cut|join HOST NETWORK          its cable is out; in again
  fault list [HOST] [--json]           what is broken now
  fault clear [HOST]                   mend all of it`,
		Example: `  hostlab fault drop guinness udp/1060 --first 2
  hostlab fault drop guinness udp --from laptop --fragment last --first 1
  hostlab fault reject guinness tcp/80 --with admin-prohibited
  hostlab fault partition laptop guinness
  hostlab fault clear`,
		DisableFlagParsing: true, // the lab reads them
		ValidArgsFunction:  o.completeFault,
	}
	o.add(cmd)
	cmd.Flags().Int("first", 0, "drop only the first `N` packets")
	cmd.Flags().Int("every", 0, "drop the first of every `N` packets")
	cmd.Flags().String("from", "", "only packets from this `HOST`: names or addresses,\nwith commas between them")
	cmd.Flags().String("to", "", "what HOST sends to this `HOST`")
	cmd.Flags().String("fragment", "", "single fragments `F` of datagrams: first, middle,\nlast or any")
	cmd.Flags().String("with", "", "`ANSWER` of reject: port-unreachable,\nadmin-prohibited or tcp-reset")
	cmd.Flags().Bool("json", false, "list as JSON")
	cmd.RunE = c.wordsOf(cmd, &o)
	return cmd
}

// wordsOf runs a verb whose words the lab reads, but for --lab and --help.
func (c *console) wordsOf(cmd *cobra.Command, o *labFlag) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		if slices.Contains(args, "-h") || slices.Contains(args, "--help") {
			return cmd.Help()
		}
		words, err := o.take(args)
		if err != nil {
			return misuse(cmd, err)
		}
		if len(words) == 0 {
			return misuse(cmd, fmt.Errorf("what shall it do?"))
		}
		return c.runWords(cmd.Context(), o, append([]string{cmd.Name()}, words...))
	}
}

// completeFault completes verbs, hosts and protocols, each where it stands.
func (o *labFlag) completeFault(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	args, err := o.take(args)
	switch {
	case err != nil || strings.HasPrefix(word, "-"):
		return nil, none
	case len(args) == 0:
		return []string{"drop", "reject", "partition", "pause", "resume", "cut", "join", "list", "clear"}, none
	case len(args) == 1 || args[0] == "partition" && len(args) == 2 || slices.Contains([]string{"--from", "--to"}, args[len(args)-1]):
		return o.hosts(cmd, args, word)
	case len(args) == 2 && (args[0] == "drop" || args[0] == "reject"):
		return []string{"udp/", "tcp/", "icmp", "icmp6", "ip"}, none | cobra.ShellCompDirectiveNoSpace
	}
	return nil, none
}
