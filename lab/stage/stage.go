// Package stage plays a lesson on a lab: it starts the lab that the lesson asks
// for, gives the lesson's windows to the hosts and its "$ hostlab …" lines to
// the lab, and ends everything with the lesson.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hostlab/lab"
	"hostlab/lab/lesson"
	"hostlab/lab/topology"
)

// Options are the choices of Play. Nil means the defaults.
type Options struct {
	// Lab says how the lab starts; its defaults are those of lab.Start.
	Lab lab.Options

	// Event is told what happens in the lesson as it happens. Calls are never
	// concurrent. Nil means nobody listens.
	Event func(lesson.Event)
}

// A Performance is one lesson played on one lab.
type Performance struct {
	Result   *lesson.Result
	Topology *topology.Topology // the lab as it ran
	Engine   string             // what it ran on: "docker 20.10.24, linux 6.18"
	Starting time.Duration      // until every host answered
}

// Notes says what a reader of the lesson should know of the lab: which
// networks took other addresses than the lesson's.
func (p *Performance) Notes() []string {
	var notes []string
	for _, was := range p.Result.Lesson.Topology.Networks {
		is, _ := p.Topology.Network(was.Name)
		for i, prefix := range was.Prefixes {
			if i < len(is.Prefixes) && is.Prefixes[i] != prefix {
				notes = append(notes, fmt.Sprintf("network %s: %s is in use on this computer; the lab had %s, and the addresses below are rewritten", was.Name, prefix, is.Prefixes[i]))
			}
		}
	}
	return notes
}

// Play starts the lesson's lab, plays the lesson on it and ends the lab. The
// error says that there was no lab, or that it broke; how the lesson came out
// is in the Performance.
func Play(ctx context.Context, les *lesson.Lesson, o *Options) (p *Performance, err error) {
	if o == nil {
		o = &Options{}
	}
	begin := time.Now()
	l, err := lab.Start(ctx, les.Topology, &o.Lab)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	p = &Performance{Topology: l.Topology(), Engine: l.Describe(), Starting: time.Since(begin)}
	p.Result, err = lesson.Run(ctx, les, NewRunner(l, les.Topology), lesson.Options{Progress: o.Event})
	return p, err
}

// NewRunner returns a lab as a lesson sees it. Declared is the topology with
// the addresses that the lesson speaks of.
func NewRunner(l *lab.Lab, declared *topology.Topology) lesson.Runner {
	return runner{l, topology.Rewriter(declared, l.Topology())}
}

type runner struct {
	lab     *lab.Lab
	rewrite func(string) string
}

func (r runner) Window(ctx context.Context, host, name string) (lesson.Window, error) {
	return r.lab.Host(host).Window(ctx, name)
}

func (r runner) Hostlab(ctx context.Context, args []string, out io.Writer) (int, error) {
	return act(ctx, r.lab, args, out)
}

func (r runner) Rewrite(text string) string { return r.rewrite(text) }
