package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/report"
	"hostlab/lab/topology"
	"hostlab/lab/wire"
)

// A Verdict is what a replay came to.
type Verdict struct {
	Run *report.Run          // as a run on a lab has it, with the times of that run
	Ran []*topology.Topology // the lab of each lesson as it ran; nil for those that were not recorded

	// Contradictions say, a line each, where the bundle's report is not what
	// its log and capture come to. None: they agree.
	Contradictions []string
}

// Replay runs every lesson of the bundle again, without a lab. The error says
// that a member makes no sense, or that ctx has ended. A lesson that hung waits
// for its limit here too.
func (b *Bundle) Replay(ctx context.Context) (*Verdict, error) {
	v := &Verdict{Run: &report.Run{Engine: b.Manifest.Engine, Kernel: b.Manifest.Kernel}}
	recorded := map[int]ManifestLesson{}
	for _, m := range b.Manifest.Lessons {
		recorded[m.Number] = m
	}
	for i, d := range b.Report.Lessons {
		l, ran := unrun(d), (*topology.Topology)(nil)
		if m, ok := recorded[i]; ok {
			again, err := b.replay(ctx, m, d)
			if err != nil {
				return nil, err
			}
			l, ran = again.lesson, again.ran
			if again.left != nil {
				v.Contradictions = append(v.Contradictions, fmt.Sprintf("%s: %v", m.File, again.left))
			}
		}
		v.Ran = append(v.Ran, ran)
		v.Run.Lessons = append(v.Run.Lessons, l)
		again := report.NewDocument(&report.Run{Lessons: []*report.Lesson{l}}).Lessons[0]
		v.Contradictions = append(v.Contradictions, differences(d, again)...)
	}
	if ok := v.Run.OK(); ok != b.Report.OK {
		v.Contradictions = append(v.Contradictions, fmt.Sprintf("the report says ok %v of the whole run, the replay says ok %v", b.Report.OK, ok))
	}
	return v, nil
}

// unrun returns a lesson that was not recorded, as far as a report has it.
func unrun(d report.DocumentLesson) *report.Lesson {
	l := &report.Lesson{File: d.File, Skipped: d.Skipped, Notes: d.Notes, Attempts: d.Attempts}
	if l.Skipped == "" {
		l.Err = errors.New(d.Error)
	}
	return l
}

// A replayed lesson is one that was run again.
type replayed struct {
	lesson *report.Lesson
	ran    *topology.Topology
	left   error // where the lesson and its log part; nil when they do not
}

// replay runs one lesson.
func (b *Bundle) replay(ctx context.Context, m ManifestLesson, d report.DocumentLesson) (*replayed, error) {
	les, lab, err := b.lesson(ctx, m)
	if err != nil {
		return nil, err
	}
	text, err := b.read(path.Join(m.Folder, logName))
	if err != nil {
		return nil, err
	}
	entries, err := decodeLog(text)
	if err != nil {
		return nil, wrong(path.Join(m.Folder, logName), "%w", err)
	}
	frames, err := b.frames(m, lab)
	if err != nil {
		return nil, err
	}
	tape := newTape(entries, lab, frames)
	res, _ := lesson.Run(ctx, les, tape, lesson.Options{}) // the error is in the result too
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	restore(res, d)
	l := &report.Lesson{Result: res, Notes: d.Notes, Attempts: d.Attempts, Start: duration(d.StartSeconds)}
	if res.Broken == nil && d.Error != "" {
		l.Err = errors.New(d.Error) // something beside the lesson broke
	}
	return &replayed{l, lab.Ran, tape.left()}, nil
}

// lesson reads a lesson and its lab.
func (b *Bundle) lesson(ctx context.Context, m ManifestLesson) (*lesson.Lesson, *Lab, error) {
	name := path.Join(m.Folder, lessonName)
	text, err := b.read(name)
	if err != nil {
		return nil, nil, err
	}
	les, err := lesson.Parse(m.File, text)
	if err != nil {
		return nil, nil, wrong(name, "%w", err)
	}
	lab, err := b.lab(m)
	if err != nil {
		return nil, nil, err
	}
	if les.LabFile != "" {
		if err := les.SetTopology(lab.Declared); err != nil {
			return nil, nil, wrong(name, "%w", err)
		}
	}
	if !same(les.Topology, lab.Declared) {
		return nil, nil, wrong(path.Join(m.Folder, labName), "the lab declared there is not the lesson's")
	}
	if m.Until != "" {
		if les, err = les.Until(m.Until); err != nil {
			return nil, nil, wrong(name, "%w", err)
		}
	}
	return les, lab, nil
}

// same reports whether two labs are declared alike.
func same(a, b *topology.Topology) bool {
	one, err := json.Marshal(a)
	two, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, two)
}

func (b *Bundle) lab(m ManifestLesson) (*Lab, error) {
	name := path.Join(m.Folder, labName)
	text, err := b.read(name)
	if err != nil {
		return nil, err
	}
	lab := &Lab{}
	if err := strict(text, lab); err != nil {
		return nil, wrong(name, "%w", err)
	}
	for _, t := range []*topology.Topology{lab.Declared, lab.Ran} {
		if t == nil {
			return nil, wrong(name, "a lab without hosts")
		}
		if err := t.Validate(); err != nil {
			return nil, wrong(name, "%w", err)
		}
	}
	return lab, nil
}

// frames reads the capture. What it says of faults must be what the lab's log
// of losses comes to.
func (b *Bundle) frames(m ManifestLesson, lab *Lab) ([]wire.Frame, error) {
	name := path.Join(m.Folder, captureName)
	data, err := b.read(name)
	if err != nil {
		return nil, err
	}
	t, err := wire.ReadPcapng(bytes.NewReader(data))
	if err != nil {
		return nil, wrong(name, "%w", err)
	}
	said := map[int]string{}
	for i := range t.Frames {
		if f := &t.Frames[i]; f.Fault != "" {
			said[i], f.Fault = f.Fault, ""
		}
	}
	t.Topology, t.Losses = lab.Ran, lab.wireLosses()
	for _, p := range t.Passages() {
		for _, s := range p.Sightings {
			for _, i := range s.Frames {
				if said[i] != s.Fault {
					return nil, wrong(name, "packet %d was taken by %q, it says; the log of losses says %q", i+1, said[i], s.Fault)
				}
			}
		}
	}
	return t.Frames, nil
}

// restore gives a result the times of the run that was recorded: how long
// things took, and how long the machine stood still. They are no part of what
// is judged, but for a machine that stood still.
func restore(res *lesson.Result, d report.DocumentLesson) {
	res.Elapsed = duration(d.Seconds)
	stalls := map[place]float64{}
	note := func(ps []report.DocumentProblem) {
		for _, p := range ps {
			stalls[place{p.Line, p.Column, p.Text}] = p.StallSeconds
		}
	}
	note(d.Problems)
	for i, c := range d.Claims {
		note(c.Problems)
		if i < len(res.Claims) {
			res.Claims[i].Elapsed = duration(c.Seconds)
		}
	}
	for _, p := range res.All() {
		p.Stall = duration(stalls[place{p.Pos.Line, p.Pos.Column, p.Text}])
	}
	i := 0
	for _, b := range res.Blocks {
		if b.Block.Kind != lesson.Console {
			continue
		}
		for k, e := range b.Entries {
			e.At = 0
			if i < len(d.Transcript) && k < len(d.Transcript[i].Entries) {
				e.At = duration(d.Transcript[i].Entries[k].At)
			}
		}
		i++
	}
}

// A place is what makes a problem of a report the same as one of a replay.
type place struct {
	line, column int
	text         string
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)
}
