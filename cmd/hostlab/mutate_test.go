package main

import (
	"testing"

	"hostlab/lab/mutate"
)

// An excuse for two equal changes is needed as long as one of them survives.
func TestFindings(t *testing.T) {
	excuse := &mutate.Excuse{Kind: mutate.Bind, Was: "a", Is: "b"}
	all := []*mutate.Mutant{{Kind: mutate.Bind, Excuse: excuse}, {Kind: mutate.Bind, Excuse: excuse}}
	for _, test := range []struct {
		first, second mutate.Outcome
		idle          int
	}{
		{mutate.Excused, mutate.Killed, 0},
		{mutate.Killed, mutate.Excused, 0},
		{mutate.Broken, mutate.Killed, 0},
		{mutate.Killed, mutate.Killed, 1},
	} {
		l := newMutateLesson("x.md", all)
		l.findings([]mutate.Finding{{Mutant: all[0], Outcome: test.first}, {Mutant: all[1], Outcome: test.second}})
		if len(l.Idle) != test.idle {
			t.Errorf("%s and %s: idle %v; want %d", test.first, test.second, l.Idle, test.idle)
		}
		if got := l.Killed + l.Excused + l.Broken; got != 2 {
			t.Errorf("%s and %s: %d counted; want 2", test.first, test.second, got)
		}
	}
}
