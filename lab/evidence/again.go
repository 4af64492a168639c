package evidence

import (
	"errors"

	"hostlab/lab/lesson"
	"hostlab/lab/topology"
)

// Again returns a lab that answers one more run as the recorded one was
// answered, out of what is kept in memory. Declared is the lab of the lesson.
// It may be called any number of times; the error says that Done was not.
func (r *Recording) Again(declared *topology.Topology) (lesson.Runner, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trace == nil || r.ran == nil {
		return nil, errors.New("evidence: the recording is not complete: its run broke, or goes on")
	}
	lab := &Lab{Declared: declared, Ran: r.ran}
	for _, loss := range r.trace.Losses {
		lab.Losses = append(lab.Losses, Loss(loss))
	}
	entries := make([]*Entry, len(r.entries))
	for i, e := range r.entries {
		own := *e
		if e.Wires != nil {
			look := *e.Wires
			look.Frames, look.Missing = look.seen, nil // in the order of the trace
			own.Wires = &look
		}
		entries[i] = &own
	}
	return newTape(entries, lab, r.trace.Frames), nil
}
