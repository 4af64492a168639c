package lesson

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hostlab/lab/mark"
)

// maxOutput is the most that all programs of a lesson may print, in bytes.
const maxOutput = 8 << 20

func (r *run) step(ctx context.Context, s *Step) error {
	if s.Kind == Command || s.Kind == Hostlab {
		if err := r.settle(ctx); err != nil {
			return err
		}
		if u, ok := r.lab.(*unhurried); ok {
			u.wait()
		}
		r.dog.reset()
	}
	w, err := r.window(ctx, s.Place)
	if err != nil {
		return r.broken(ctx, s, err)
	}
	w.last = s
	switch s.Kind {
	case Command:
		return r.command(ctx, w, s)
	case Hostlab:
		return r.hostlab(ctx, w, s)
	case Skip:
		w.skip = true
	case Expect:
		return r.expect(ctx, w, s)
	case Key:
		return r.press(ctx, w, s)
	case End:
		if s.Status.Kind == Running {
			return r.stillRunning(ctx, w, s)
		}
		if w.command != nil {
			return r.finish(ctx, w, s)
		}
	}
	return nil
}

// command types a line into a window that is at its prompt.
func (r *run) command(ctx context.Context, w *window, s *Step) error {
	r.begin(w, s)
	limited, cancel := r.limited(ctx)
	defer cancel()
	if err := w.until(limited, func() bool { return w.prompt }); err != nil {
		return r.broken(ctx, s, err)
	}
	text := r.commandText(s)
	r.typed(Typed, s, text)
	w.prompt, w.started = false, false
	if err := w.term.Type(text); err != nil {
		return r.broken(ctx, s, err)
	}
	return nil
}

// begin notes that a command is in front of a window from now on.
func (r *run) begin(w *window, s *Step) {
	w.command, w.lost, w.stays, w.key = s, false, false, nil
	w.skip, w.differed = false, false
	r.here = s.Place
	r.latest.Store(s)
	r.lab.Caption(r.caption(s))
	r.beginTrace(w, s)
}

// hostlab runs a command of the reader's own machine and queues its output.
func (r *run) hostlab(ctx context.Context, w *window, s *Step) error {
	r.begin(w, s)
	text := r.commandText(s)
	r.typed(Typed, s, text)
	words, err := fields(text)
	if err != nil || len(words) == 0 {
		return r.broken(ctx, s, fmt.Errorf("not a command line: %q", text))
	}
	limited, cancel := r.limited(ctx)
	defer cancel()
	out := &limitedOutput{}
	status, err := r.lab.Hostlab(limited, words[1:], out)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return r.stop(s, s.Pos.Offset, Problem{Text: fmt.Sprintf("%q did not end within %v", s.Text, r.l.Timeout)})
	case err != nil:
		return r.broken(ctx, s, err)
	}
	now := time.Now()
	for line := range strings.Lines(out.String()) {
		e := mark.Event{Kind: mark.Line, Line: strings.TrimRight(line, "\r\n")}
		_ = w.keep(item{Event: e, at: now, cause: s}) // fails for items with an error only
	}
	return w.keep(item{Event: mark.Event{Kind: mark.End, Status: status}, at: now, cause: s})
}

// A limitedOutput keeps the beginning of what is written to it.
type limitedOutput struct{ strings.Builder }

func (o *limitedOutput) Write(b []byte) (int, error) {
	if room := maxOutput + 1 - o.Len(); room > 0 {
		o.Builder.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// press presses a key on the program in front, once it has begun.
func (r *run) press(ctx context.Context, w *window, s *Step) error {
	if w.command == nil {
		return nil // lost
	}
	if err := r.settleOthers(ctx, w); err != nil {
		return err
	}
	if err := r.begun(ctx, w, s); err != nil {
		return err
	}
	w.key = s
	if i := w.ended(); i >= 0 {
		r.wrongEnd(w, s, Status{Kind: Running}.String(), statusOf(w.buf[i].Event))
		return nil
	}
	r.typed(Pressed, s, s.Text)
	if err := w.term.Key(s.Key); err != nil {
		return r.broken(ctx, s, err)
	}
	return nil
}

// expect compares the window's next line, or the next that is alike after
// "...", with the step.
func (r *run) expect(ctx context.Context, w *window, s *Step) error {
	skip := w.skip
	w.skip = false
	if w.lost {
		return nil
	}
	parts, _ := r.l.patterns.split(r.lab.Rewrite(s.Text))
	limited, cancel := r.limited(ctx)
	defer cancel()
	for {
		i, err := w.next(limited)
		switch {
		case err != nil:
			return r.noLine(ctx, w, s, parts, err)
		case i.Kind != mark.Line:
			r.differs(w, s, s.TextPos.Offset, r.scope.show(parts), statusOf(i.Event).String())
			r.early(w, i)
			return nil
		}
		r.take(w, i, s)
		diff, ok := r.scope.match(parts, i.Line)
		if ok {
			return nil
		}
		if !skip {
			at := s.TextPos.Offset + unmap(s.Text, r.lab.Rewrite(s.Text), diff)
			r.differs(w, s, at, r.scope.show(parts), i.Line)
			return nil
		}
		if err := r.tooMuch(s); err != nil {
			return err
		}
	}
}

// early deals with an end that came where a line was expected: it stays in
// the queue for the step that asks for it, when there may be one.
func (r *run) early(w *window, i item) {
	if !w.stays || w.key != nil {
		w.back(i)
		return
	}
	r.take(w, i, nil)
	w.command, w.lost, w.stays = nil, true, false
}

// noLine is the end of a wait for a line.
func (r *run) noLine(ctx context.Context, w *window, s *Step, parts []part, err error) error {
	if !errors.Is(err, errLimit) || ctx.Err() != nil {
		return r.broken(ctx, s, err)
	}
	return r.stop(s, s.TextPos.Offset, Problem{
		Host: w.place.String(), Text: "output differs", Diff: true,
		Want: r.scope.show(parts), Got: fmt.Sprintf("nothing more within %v", r.l.Timeout),
	})
}

// differs reports a difference, once for a command in a block.
func (r *run) differs(w *window, s *Step, offset int, want, got string) {
	if !w.differed {
		r.fail(s, offset, Problem{Host: w.place.String(), Text: "output differs", Diff: true, Want: want, Got: got})
	}
	w.differed, w.sectionDiffered = true, true
}

// tooMuch ends the run when its programs have printed without measure.
func (r *run) tooMuch(s *Step) error {
	if r.bytes <= maxOutput {
		return nil
	}
	return r.stop(s, s.Pos.Offset, Problem{Host: s.Place.String(), Text: fmt.Sprintf("output of more than %d MiB", maxOutput>>20)})
}

// unmap brings an offset in rewritten text back to the text it was made of:
// what is equal at either end keeps its place.
func unmap(text, rewritten string, offset int) int {
	head := commonPrefix(text, rewritten)
	if offset <= head {
		return offset
	}
	return max(head, min(len(text), len(text)-(len(rewritten)-offset)))
}

// stillRunning is [running]: the program has begun, and no end has come.
func (r *run) stillRunning(ctx context.Context, w *window, s *Step) error {
	if w.command == nil {
		return nil // lost
	}
	if err := r.begun(ctx, w, s); err != nil {
		return err
	}
	if w.ended() >= 0 {
		w.lost = true
		return r.finish(ctx, w, s)
	}
	w.stays = true
	if w.trace != nil {
		w.trace.end = s.Status
	}
	r.typed(Ended, s, s.Text)
	return nil
}

// begun waits until the shell has started the command in front, and takes
// what has come by then.
func (r *run) begun(ctx context.Context, w *window, s *Step) error {
	limited, cancel := r.limited(ctx)
	defer cancel()
	if err := w.until(limited, func() bool { return w.started }); err != nil {
		return r.broken(ctx, s, err)
	}
	if err := w.fill(); err != nil {
		return r.broken(ctx, s, err)
	}
	return nil
}

// settle asks for the end of every program that need not stay.
func (r *run) settle(ctx context.Context) error {
	for _, w := range r.windows {
		if w.command != nil && (!w.stays || w.key != nil) {
			if err := r.finish(ctx, w, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// settleOthers asks for the end of the programs in other windows that need not
// stay and were not told to end: a server must not be stopped before its
// client has the answer.
func (r *run) settleOthers(ctx context.Context, pressed *window) error {
	for _, w := range r.windows {
		if w != pressed && w.command != nil && !w.stays && w.key == nil {
			if err := r.finish(ctx, w, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish waits for the end of the program in front and compares it with what
// the step asks for, or, without a step, with what is expected of it anyway:
// status 0, or after a key that it ends or stops.
func (r *run) finish(ctx context.Context, w *window, s *Step) error {
	at := s
	if s == nil {
		at = w.last
	}
	want, fits := w.expected(s)
	limited, cancel := r.limited(ctx)
	defer cancel()
	for {
		i, err := w.next(limited)
		if err != nil {
			return r.noEnd(ctx, w, at, want, err)
		}
		r.take(w, i, s)
		if i.Kind == mark.Line {
			r.differs(w, at, at.TextPos.Offset, want, i.Line)
			if err := r.tooMuch(at); err != nil {
				return err
			}
			continue
		}
		if got := statusOf(i.Event); !fits(got) {
			r.wrongEnd(w, at, want, got)
		}
		w.command, w.stays, w.key = nil, false, nil
		return nil
	}
}

// wrongEnd reports a status other than the expected one.
func (r *run) wrongEnd(w *window, at *Step, want string, got Status) {
	if !w.differed {
		r.fail(at, at.TextPos.Offset, Problem{
			Host: w.place.String(), Text: fmt.Sprintf("%q ends differently", w.command.Text), Diff: true, Want: want, Got: got.String(),
		})
	}
	w.differed, w.sectionDiffered = true, true
}

// expected returns how the program in front must end, in words and as a
// predicate. After ^C or ^\ without a status behind it, a program may also
// have caught the signal and ended well, or with the status that shells give
// for that signal; any other end is not the key's doing.
func (w *window) expected(s *Step) (string, func(Status) bool) {
	var want, orElse Status
	switch {
	case s != nil:
		want = s.Status
	case w.key == nil || w.key.Text == "^D":
		want = Status{Kind: Exit}
	case w.key.Text == "^Z":
		want = Status{Kind: Stopped}
	case w.key.Text == "^C":
		want, orElse = Status{Kind: Killed, Signal: "SIGINT"}, Status{Kind: Exit, Code: 128 + 2}
	default:
		want, orElse = Status{Kind: Killed, Signal: "SIGQUIT"}, Status{Kind: Exit, Code: 128 + 3}
	}
	return want.String(), func(got Status) bool {
		return got == want || orElse.Kind != 0 && (got == orElse || got == Status{Kind: Exit})
	}
}

// noEnd is the end of a wait for an end.
func (r *run) noEnd(ctx context.Context, w *window, at *Step, want string, err error) error {
	if !errors.Is(err, errLimit) || ctx.Err() != nil {
		return r.broken(ctx, at, err)
	}
	return r.stop(at, at.TextPos.Offset, Problem{
		Host: w.place.String(), Text: fmt.Sprintf("%q ends differently", w.command.Text), Diff: true,
		Want: want, Got: fmt.Sprintf("[running], still after %v", r.l.Timeout),
	})
}
