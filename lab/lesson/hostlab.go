package lesson

import (
	"errors"
	"fmt"
	"slices"

	"hostlab/lab/fault"
)

// lintHostlab reports "$ hostlab …" lines that no lab could carry out, whatever
// its hosts are.
func (p *fileParser) lintHostlab(b *Block) {
	for _, s := range b.Steps {
		if s.Kind != Hostlab {
			continue
		}
		if _, err := hostsOf(s); err != nil {
			p.failAt(s.TextPos.Offset, "%v", err)
		}
	}
}

// hostsOf returns the hosts that a "$ hostlab …" line acts on or names. The
// error says what is wrong with its words.
func hostsOf(s *Step) ([]string, error) {
	words, err := fields(s.Text)
	if err != nil || len(words) < 2 || words[0] != "hostlab" || commandName.MatchString(s.Text) {
		return nil, nil // the parser has said so; or a name stands for something
	}
	switch verb, rest := words[1], words[2:]; verb {
	case "fault":
		o, err := fault.ParseOrder(rest...)
		return slices.Concat(o.Hosts, o.Others, o.From), err
	case "wait":
		if len(rest) < 2 {
			return nil, errors.New("hostlab wait: want a host and a socket of it: guinness udp/1060")
		}
		return rest[:1], nil
	default:
		return nil, fmt.Errorf("hostlab %s: a lesson's lines say fault or wait", verb)
	}
}
