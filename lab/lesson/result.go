package lesson

import (
	"fmt"
	"time"
)

// A Result is what one run of a lesson came to.
type Result struct {
	Lesson   *Lesson
	Blocks   []*BlockResult // those that were reached, in order
	Claims   []*ClaimResult // all, in order
	Problems []*Problem     // those of no claim, in order of their finding
	Stopped  *Problem       // the one after which nothing more could be run; nil when all was
	Broken   error          // what Run returned beside it: the lab broke, or ctx ended; nil when neither
	Elapsed  time.Duration

	first *Problem // the first one found
}

// OK reports whether everything was run and came out as the lesson states it.
func (r *Result) OK() bool { return r.first == nil && r.Broken == nil }

// Inconclusive reports whether the first difference was found in a step in
// which this machine stood still for longer than a quarter of the shortest
// patience of the book's programs, or among packets of which some may not have been
// seen: the run says nothing then, and another one on a fresh lab may.
func (r *Result) Inconclusive() bool {
	return r.first != nil && (r.first.Stall > 0 || r.first.Doubt != "")
}

// All returns every problem of the run: those of no claim, then each claim's.
func (r *Result) All() []*Problem {
	all := append([]*Problem(nil), r.Problems...)
	for _, c := range r.Claims {
		all = append(all, c.Problems...)
	}
	return all
}

// NotChecked returns the parts of the lesson that this run did not check.
func (r *Result) NotChecked() []Unchecked {
	var all []Unchecked
	for _, b := range r.Blocks {
		if b.NotChecked != "" {
			all = append(all, Unchecked{Pos: b.Block.Pos, Why: b.NotChecked})
		}
	}
	return all
}

// An Unchecked is a part of a lesson that a run did not check.
type Unchecked struct {
	Pos Pos
	Why string // "not checked: needs capture"
}

// A ClaimResult is what became of one claim.
type ClaimResult struct {
	Claim *Claim

	// Verdict is the one that this run came to; empty when a block differed
	// or was not reached.
	Verdict Verdict

	// Differs is what the book predicts and the run did not show: the
	// evidence of Contradicted. It is no failure.
	Differs []*Problem

	// Problems are the failures: differences outside book blocks, and a
	// stated verdict that is not the computed one.
	Problems []*Problem

	Elapsed time.Duration // of the claim's blocks

	likely Verdict // what it would be if every block that differs were as it came out; empty when not reached
}

// OK reports whether the claim's verdict is the stated one.
func (c *ClaimResult) OK() bool { return len(c.Problems) == 0 && c.Verdict == c.Claim.Stated }

// A BlockResult is what really came out where a block stands.
type BlockResult struct {
	Block      *Block
	Entries    []*Entry    // in the order in which the run took them
	Predicted  []string    // a Book block's lines as the lesson writes them, with the lab's addresses
	Wire       *WireResult // what crossed the wires; nil where no diagram was compared
	NotChecked string      // why the block was not checked; "" when it was
	Elapsed    time.Duration
}

// An Entry is one line of a real transcript.
type Entry struct {
	Kind  EntryKind
	Step  *Step  // the step that took it; nil for a line that none did
	Place Place  // the window; zero for the reader's own machine
	Text  string // Typed: the command as it was typed; Pressed: "^C"; Printed: the line; Ended: "[exit 1]"

	// Label is how the transcript names the window in front of the line,
	// "guinness:2"; "" where the line belongs to the prompt above it.
	Label string

	At time.Duration // since the run began
}

// An EntryKind says what an entry is.
type EntryKind int

// The kinds of entries.
const (
	Typed   EntryKind = iota + 1 // a command
	Pressed                      // a key
	Printed                      // a line of output
	Ended                        // how the program in front ended, or that it stays
)

// String returns the entry as a line of a transcript.
func (e *Entry) String() string {
	switch {
	case e.Kind == Typed:
		return e.Step.Prompt + " " + e.Text
	case e.Label != "":
		return e.Label + " | " + e.Text
	}
	return e.Text
}

// Plain reports whether the entry is the ordinary end, status 0, which a
// transcript does not show.
func (e *Entry) Plain() bool { return e.Kind == Ended && e.Text == (Status{Kind: Exit}).String() }

// A BrokenError says that the lab itself broke in the middle of a lesson: a
// host that is gone, a stream that ended. It says nothing about the lesson.
type BrokenError struct {
	File string
	Pos  Pos    // of the step that was being run
	Host string // "" when of no host
	Err  error
}

// Error returns "lesson: file:line:column: host: the lab broke: cause".
func (e *BrokenError) Error() string {
	host := ""
	if e.Host != "" {
		host = e.Host + ": "
	}
	return fmt.Sprintf("lesson: %s:%d:%d: %sthe lab broke: %v", e.File, e.Pos.Line, e.Pos.Column, host, e.Err)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// An Event tells of a run as it goes on; see Options.
type Event struct {
	Kind    EventKind
	Section *Section     // SectionBegan
	Block   *Block       // BlockBegan, BlockEnded, EntryTaken
	Result  *BlockResult // BlockEnded; lines that come late are added to it
	Entry   *Entry       // EntryTaken
	Problem *Problem     // ProblemFound
	Claim   *ClaimResult // ClaimJudged
}

// An EventKind says what an event tells.
type EventKind int

// The kinds of events.
const (
	SectionBegan EventKind = iota + 1
	BlockBegan
	BlockEnded // also when the run ends in it
	EntryTaken
	ProblemFound
	ClaimJudged // at the end of its section; later findings of the run may still change it
)
