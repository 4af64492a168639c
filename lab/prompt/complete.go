package prompt

import (
	"slices"
	"strings"
)

// A completer knows the prompt's own words and the hosts, and behind a host
// the programs that every host has.
type completer struct{ p *Prompt }

// programs are offered behind a host's name; a host's own shell knows them all.
var programs = []string{"udp_remote", "udp_local", "udp_broadcast", "big_sender", "tcp_sixteen", "tcp_deadlock", "ip", "ss", "ping", "nc", "sh", "^C"}

// faults are what fault can do.
var faults = []string{"drop", "reject", "partition", "pause", "resume", "cut", "join", "list", "clear"}

// Do is readline.AutoCompleter: the ends of the words that begin like the one
// before the cursor, and how long that is.
func (c completer) Do(line []rune, pos int) (ends [][]rune, length int) {
	before := string(line[:pos])
	word := before[strings.LastIndexByte(before, ' ')+1:]
	candidates := programs
	switch fields := strings.Fields(before); {
	case len(fields) == 0 || len(fields) == 1 && word != "":
		candidates = append(append(c.p.names(), verbNames()...), "hosts", "help", "exit")
	case fields[0] == "fault" && (len(fields) == 1 || len(fields) == 2 && word != ""):
		candidates = faults
	case slices.Contains(verbNames(), fields[0]):
		candidates = c.p.names()
	case len(fields) > 2 || len(fields) == 2 && word == "":
		candidates = c.p.names()
	}
	candidates = slices.Sorted(slices.Values(candidates))
	for _, name := range candidates {
		if end, ok := strings.CutPrefix(name, word); ok {
			ends = append(ends, []rune(end+" "))
		}
	}
	return ends, len([]rune(word))
}
