package report

import (
	"encoding/json"
	"io"
	"math"
	"time"

	"hostlab/lab/lesson"
)

// A Document is a Run as JSON. Its fields are a contract: they stay as they
// are, and more may come. Lists are never null; times are seconds.
type Document struct {
	OK      bool             `json:"ok"`     // every lesson that was run came out as stated
	Engine  string           `json:"engine"` // "docker 20.10.24"
	Kernel  string           `json:"kernel"` // "linux 6.18"; "" where Engine says it too
	Lessons []DocumentLesson `json:"lessons"`
}

// A DocumentLesson is one lesson of a Document.
type DocumentLesson struct {
	Lesson       string              `json:"lesson"` // "page-30"
	File         string              `json:"file"`   // "page-30.md"
	Title        string              `json:"title"`
	OK           bool                `json:"ok"`      // outcome is "as stated"
	Outcome      Outcome             `json:"outcome"` // "as stated", "differs", "inconclusive", "broken" or "skipped"
	Claims       []DocumentClaim     `json:"claims"`
	Problems     []DocumentProblem   `json:"problems"`    // those of no claim
	NotChecked   []DocumentUnchecked `json:"not_checked"` // what this run did not check
	Notes        []string            `json:"notes"`
	Error        string              `json:"error,omitempty"`        // why there was no lab, or how it broke
	Skipped      string              `json:"skipped,omitempty"`      // why it was left out
	StoppedLine  int                 `json:"stopped_line,omitempty"` // nothing was run beyond it, because of the difference there
	Attempts     int                 `json:"attempts"`               // labs it was run on
	StartSeconds float64             `json:"start_seconds"`          // until every host answered
	Seconds      float64             `json:"seconds"`                // of the run itself
	Transcript   []DocumentBlock     `json:"transcript"`
	Wire         []DocumentWire      `json:"wire"`
}

// A DocumentClaim is one claim with its verdict.
type DocumentClaim struct {
	ID       string            `json:"id"`
	Text     string            `json:"text"` // Markdown
	Line     int               `json:"line"`
	Stated   lesson.Verdict    `json:"stated"`
	Verdict  lesson.Verdict    `json:"verdict"` // "confirmed", "contradicted" or "" for none
	OK       bool              `json:"ok"`
	Problems []DocumentProblem `json:"problems"` // why it is not ok
	Book     []DocumentProblem `json:"book"`     // where the book's prediction differs; no failure
	Seconds  float64           `json:"seconds"`
}

// A DocumentProblem is a difference. Want and got are there when lines were
// compared.
type DocumentProblem struct {
	File         string  `json:"file"`
	Line         int     `json:"line"`
	Column       int     `json:"column"`         // from 1, in bytes
	Host         string  `json:"host,omitempty"` // with the window's number where it is not the first: "guinness:2"
	Text         string  `json:"text"`
	Want         *string `json:"want,omitempty"`
	Got          *string `json:"got,omitempty"`
	StallSeconds float64 `json:"stall_seconds,omitempty"` // how long the machine stood still meanwhile
	Doubt        string  `json:"doubt,omitempty"`         // why a diagram could not be judged
}

// A DocumentUnchecked is a part of a lesson that the run did not check.
type DocumentUnchecked struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Reason string `json:"reason"` // "not checked: needs capture"
}

// A DocumentBlock is what really came out where a console block stands.
type DocumentBlock struct {
	Line    int             `json:"line"` // of the block
	Entries []DocumentEntry `json:"entries"`
}

// A DocumentEntry is one line of a transcript.
type DocumentEntry struct {
	Kind   string  `json:"kind"`             // "typed", "pressed", "printed" or "ended"
	Window string  `json:"window"`           // "guinness:2"; "hostlab" for the reader's own machine
	Prompt string  `json:"prompt,omitempty"` // typed: "guinness:2$"
	Text   string  `json:"text"`             // ended: "[exit 1]"
	At     float64 `json:"at"`               // since the run began
}

// WriteJSON writes a run as one Document, indented, with a line end.
func WriteJSON(w io.Writer, r *Run) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(NewDocument(r))
}

// NewDocument returns a run as it is written to JSON.
func NewDocument(r *Run) *Document {
	d := &Document{OK: r.OK(), Engine: r.Engine, Kernel: r.Kernel, Lessons: []DocumentLesson{}}
	for _, l := range r.Lessons {
		d.Lessons = append(d.Lessons, documentLesson(l))
	}
	return d
}

func documentLesson(l *Lesson) DocumentLesson {
	d := DocumentLesson{
		Lesson: l.Name(), File: l.file(), Title: l.title(),
		OK: l.Outcome() == AsStated, Outcome: l.Outcome(),
		Claims: []DocumentClaim{}, Problems: []DocumentProblem{}, NotChecked: []DocumentUnchecked{},
		Notes: append([]string{}, l.Notes...), Skipped: l.Skipped,
		Attempts: max(1, l.Attempts), StartSeconds: inSeconds(l.Start), Transcript: []DocumentBlock{}, Wire: []DocumentWire{},
	}
	if err := l.broken(); err != nil {
		d.Error = err.Error()
	}
	if l.Result == nil {
		d.Attempts = l.Attempts
		return d
	}
	d.Seconds = inSeconds(l.Result.Elapsed)
	d.Problems = documentProblems(l.Result.Problems)
	if l.Result.Stopped != nil {
		d.StoppedLine = l.Result.Stopped.Pos.Line
	}
	for _, c := range l.Result.Claims {
		d.Claims = append(d.Claims, DocumentClaim{
			ID: c.Claim.ID, Text: c.Claim.Text, Line: c.Claim.Pos.Line, Stated: c.Claim.Stated, Verdict: c.Verdict, OK: c.OK(),
			Problems: documentProblems(c.Problems), Book: documentProblems(c.Differs), Seconds: inSeconds(c.Elapsed),
		})
	}
	for _, u := range l.Result.NotChecked() {
		d.NotChecked = append(d.NotChecked, DocumentUnchecked{u.Pos.Line, u.Pos.Column, u.Why})
	}
	for _, b := range l.Result.Blocks {
		if b.Block.Kind == lesson.Console {
			d.Transcript = append(d.Transcript, documentBlock(b))
		}
		if b.Wire != nil {
			d.Wire = append(d.Wire, documentWire(b))
		}
	}
	return d
}

func documentProblems(ps []*lesson.Problem) []DocumentProblem {
	list := []DocumentProblem{}
	for _, p := range ps {
		d := DocumentProblem{File: p.File, Line: p.Pos.Line, Column: p.Pos.Column, Host: p.Host, Text: p.Text, StallSeconds: inSeconds(p.Stall), Doubt: p.Doubt}
		if p.Diff {
			d.Want, d.Got = &p.Want, &p.Got
		}
		list = append(list, d)
	}
	return list
}

func documentBlock(b *lesson.BlockResult) DocumentBlock {
	kinds := map[lesson.EntryKind]string{
		lesson.Typed: "typed", lesson.Pressed: "pressed", lesson.Printed: "printed", lesson.Ended: "ended",
	}
	d := DocumentBlock{Line: b.Block.Pos.Line, Entries: []DocumentEntry{}}
	for _, e := range b.Entries {
		entry := DocumentEntry{Kind: kinds[e.Kind], Window: e.Place.String(), Text: e.Text, At: inSeconds(e.At)}
		if e.Kind == lesson.Typed {
			entry.Prompt = e.Step.Prompt
		}
		d.Entries = append(d.Entries, entry)
	}
	return d
}

// inSeconds rounds to milliseconds, as far as a clock of a busy computer goes.
func inSeconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
