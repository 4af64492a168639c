package stage

import (
	"context"
	"fmt"

	"hostlab/lab/lesson"
	"hostlab/lab/topology"
)

// Revise plays a lesson twice and returns the edits that make it say what both
// runs showed; see lesson.Update. The runs are unhurried ones. A run that says
// nothing is an error.
func (s *Stage) Revise(ctx context.Context, les *lesson.Lesson, verdicts bool, o *Options) (*lesson.Revision, error) {
	unhurried := Options{}
	if o != nil {
		unhurried = *o
	}
	unhurried.Around = lesson.Unhurried
	var takes [2]lesson.Take
	for i := range takes {
		p, err := s.Play(ctx, les, &unhurried)
		if err != nil {
			return nil, err
		}
		if p.Result.Inconclusive() {
			return nil, fmt.Errorf("stage: %s: this machine stood still in it on each of %d labs, which says nothing of the lesson", les.File, p.Attempts)
		}
		takes[i] = lesson.Take{Result: p.Result, Restore: topology.Rewriter(p.Topology, les.Topology)}
	}
	return lesson.Update(les, takes[0], takes[1], verdicts), nil
}
