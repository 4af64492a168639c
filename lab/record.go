package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"hostlab/lab/agent"
	"hostlab/lab/capture"
	"hostlab/lab/capture/record"
)

// recordings counts the recorders of this process.
var recordings atomic.Int64

// Record captures every interface of every host from now on. When it returns,
// nothing that the hosts send is missed any more. A host that was killed is
// left out, one that is paused an error. What Pause, Kill, Cut, and
// their opposites do to hosts from then on, the recorder knows. The caller
// closes the recorder; its captures end with the lab at the latest.
func (l *Lab) Record(ctx context.Context) (*record.Recorder, error) {
	t := l.Topology()
	hosts, err := l.alive()
	if err != nil {
		return nil, err
	}
	// Several recorders of one lab must not take each other's markers.
	o := record.Options{Lab: fmt.Sprint(t.Name, " ", recordings.Add(1)), Topology: t}
	var streams []record.Stream
	for _, h := range hosts {
		s, err := h.stream(capture.Args(o.Lab, h.Name)...)
		if err != nil {
			for _, s := range streams {
				err = errors.Join(err, s.In.Close(), s.Out.Close())
			}
			return nil, err
		}
		streams = append(streams, s)
	}
	r, err := record.Start(ctx, o, streams...)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recorders = append(slices.DeleteFunc(l.recorders, (*record.Recorder).Closed), r)
	return r, nil
}

// alive returns the hosts that were not killed. A paused one is an error.
func (l *Lab) alive() ([]*Host, error) {
	var hosts []*Host
	for _, spec := range l.Topology().Hosts {
		h := l.Host(spec.Name)
		if h.gone() {
			continue // nothing arrives there any more
		}
		if err := h.Reachable(); err != nil {
			return nil, err
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// stream starts a program that reads and writes bytes until the lab ends.
func (h *Host) stream(args ...string) (record.Stream, error) {
	client, err := h.client()
	if err != nil {
		return record.Stream{}, err
	}
	inRead, in := io.Pipe()
	out, outWrite := io.Pipe()
	var errs tail
	p, err := client.Start(h.lab.ctx, agent.Command{Args: args, Stdin: inRead, Stdout: outWrite, Stderr: &errs})
	if err != nil {
		return record.Stream{}, h.errorf("start %s: %w", args[0], err)
	}
	go func() {
		status, err := p.Wait()
		if err == nil && status.Code != 0 {
			err = fmt.Errorf("exit status %d: %s", status.Code, lastLine(string(errs)))
		}
		inRead.CloseWithError(err)
		outWrite.CloseWithError(err) // nil is io.EOF
	}()
	return record.Stream{Host: h.Name, Out: out, In: in}, nil
}

// A tail keeps the last bytes of what is written to it.
type tail []byte

func (t *tail) Write(b []byte) (int, error) {
	const keep = 4096
	*t = append(*t, b...)
	*t = (*t)[max(0, len(*t)-keep):]
	return len(b), nil
}

// tell tells every recorder what is done to a host.
func (l *Lab) tell(what func(*record.Recorder)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.recorders {
		what(r)
	}
}
