package main

import (
	"fmt"

	"hostlab/lab/mutate"
)

// mutateDocument is what "mutate --json" prints. Its fields are a contract.
type mutateDocument struct {
	OK      bool            `json:"ok"` // none survived, and no excuse is idle
	Lessons []*mutateLesson `json:"lessons"`
}

// mutateLesson is one lesson with its mutants, in the order of the file.
type mutateLesson struct {
	File     string         `json:"file"`
	Mutants  []mutateMutant `json:"mutants"`
	Killed   int            `json:"killed"`
	Survived int            `json:"survived"`
	Excused  int            `json:"excused"`
	Broken   int            `json:"broken"` // not judged
	Idle     []complaint    `json:"idle"`   // excuses that excuse nothing
	Seconds  float64        `json:"seconds"`
}

type mutateMutant struct {
	Kind    mutate.Kind    `json:"kind"`
	Line    int            `json:"line"`
	Column  int            `json:"column"`
	Was     string         `json:"was"`
	Is      string         `json:"is"`
	Outcome mutate.Outcome `json:"outcome,omitempty"` // "killed", "survived", "excused" or "broken"
	By      mutate.Judge   `json:"by,omitempty"`      // "lint", "replay" or "lab"
	Why     string         `json:"why,omitempty"`     // the first difference, the excuse, or what broke

	comment string // that would excuse it
}

func newMutateLesson(file string, all []*mutate.Mutant) *mutateLesson {
	l := &mutateLesson{File: file, Mutants: []mutateMutant{}, Idle: []complaint{}}
	for _, m := range all {
		l.Mutants = append(l.Mutants, mutateMutant{
			Kind: m.Kind, Line: m.Pos.Line, Column: m.Pos.Column, Was: m.Was, Is: m.Is, comment: m.Comment("REASON"),
		})
	}
	return l
}

// findings fills in what became of the mutants. An excuse is needed when one of
// those that it is for survived.
func (l *mutateLesson) findings(found []mutate.Finding) {
	needed := map[*mutate.Excuse]bool{}
	for i, f := range found {
		x := &l.Mutants[i]
		x.Outcome, x.By, x.Why = f.Outcome, f.By, f.Why
		switch f.Outcome {
		case mutate.Killed:
			l.Killed++
		case mutate.Survived:
			l.Survived++
		case mutate.Excused:
			l.Excused++
		case mutate.Broken:
			l.Broken++
		}
		if f.Excuse != nil {
			needed[f.Excuse] = needed[f.Excuse] || f.Outcome != mutate.Killed
		}
	}
	for _, f := range found {
		if e := f.Excuse; e != nil && !needed[e] {
			needed[e] = true // said once
			l.Idle = append(l.Idle, complaint{l.File, e.Pos.Line, e.Pos.Column, fmt.Sprintf("the lesson notices this mutant, so it needs no excuse: %s %q %q", e.Kind, e.Was, e.Is)})
		}
	}
}

func (l *mutateLesson) killed(by mutate.Judge) int {
	n := 0
	for _, m := range l.Mutants {
		if m.Outcome == mutate.Killed && m.By == by {
			n++
		}
	}
	return n
}

func (d *mutateDocument) add(l *mutateLesson) {
	d.Lessons = append(d.Lessons, l)
	d.OK = d.OK && l.Survived+l.Broken+len(l.Idle) == 0
}
