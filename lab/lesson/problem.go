package lesson

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Problem is one complaint about a place in a lesson: a mistake that Parse
// found, or a difference between the lesson and a run of it.
type Problem struct {
	File string
	Pos  Pos
	Host string // the window, as Place.String has it; "" when none is meant
	Text string // what differs, one line

	// Want and Got are what the lesson shows and what came out, when Diff is
	// set. Either may be the empty line.
	Diff      bool
	Want, Got string

	// Packets are all that crossed the wires where a diagram differs, as a
	// diagram's lines.
	Packets []string

	// Doubt says why a diagram could not be judged; "" when it could.
	Doubt string

	// Stall is the longest time that this machine did not let hostlab run
	// while the step was waiting, when that was long enough to matter.
	Stall time.Duration

	cause error // what Parse met; nil when it is the lesson alone
}

// Unwrap returns the error that the problem tells of, or nil.
func (p *Problem) Unwrap() error { return p.cause }

// Error returns "file:line:column: host: text", with want and got on lines of
// their own beneath it.
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Pos.Line, p.Pos.Column)
	if p.Host != "" {
		b.WriteString(p.Host + ": ")
	}
	b.WriteString(p.Text)
	if p.Diff {
		b.WriteString("\n    want: " + printable(p.Want) + "\n    got:  " + printable(p.Got))
	}
	for i, line := range p.Packets {
		if i == maxPackets {
			fmt.Fprintf(&b, "\n          … and %d more", len(p.Packets)-i)
			break
		}
		lead := "          "
		if i == 0 {
			lead = "    wire: "
		}
		b.WriteString("\n" + lead + printable(line))
	}
	if p.Doubt != "" {
		b.WriteString("\n    note: this says nothing: " + p.Doubt)
	}
	if p.Stall > 0 {
		fmt.Fprintf(&b, "\n    note: this machine stood still for %.2f s in this step", p.Stall.Seconds())
	}
	return b.String()
}

// maxPackets is how many packets a message lists.
const maxPackets = 30

// maxShown is the most of one line of output that a message shows, in bytes.
const maxShown = 200

// printable returns a line as a message can show it: cut when it is very
// long, quoted when a terminal would act on it.
func printable(s string) string {
	tail := ""
	if len(s) > maxShown {
		tail = fmt.Sprintf(" … (%d bytes in all)", len(s))
		cut := maxShown
		for cut > maxShown-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return strconv.Quote(s) + tail
		}
	}
	return s + tail
}

// Problems returns the problems in err's tree, in the order of their joining.
func Problems(err error) []*Problem {
	switch e := err.(type) {
	case *Problem:
		return []*Problem{e}
	case interface{ Unwrap() []error }:
		var all []*Problem
		for _, err := range e.Unwrap() {
			all = append(all, Problems(err)...)
		}
		return all
	case interface{ Unwrap() error }:
		return Problems(e.Unwrap())
	}
	return nil
}

// joinProblems sorts by position and joins; nil when there are none.
func joinProblems(ps []*Problem) error {
	slices.SortStableFunc(ps, func(a, b *Problem) int {
		return cmp.Compare(a.Pos.Offset, b.Pos.Offset)
	})
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// A source is the text of a lesson and where its lines begin.
type source struct {
	file   string
	data   []byte
	starts []int // offset of each line
}

func newSource(file string, data []byte) *source {
	s := &source{file: file, data: data, starts: []int{0}}
	for i, c := range data {
		if c == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	return s
}

// pos returns the position of an offset, which is brought into the file.
func (s *source) pos(offset int) Pos {
	offset = max(0, min(offset, len(s.data)))
	i, found := slices.BinarySearch(s.starts, offset)
	if !found {
		i--
	}
	return Pos{Offset: offset, Line: i + 1, Column: offset - s.starts[i] + 1}
}

// at returns the offset of a line and column, brought into the file.
func (s *source) at(line, column int) int {
	line = max(1, min(line, len(s.starts)))
	end := len(s.data)
	if line < len(s.starts) {
		end = s.starts[line] - 1
	}
	return min(s.starts[line-1]+max(0, column-1), end)
}

// problem makes a Problem at an offset.
func (s *source) problem(offset int, format string, args ...any) *Problem {
	return &Problem{File: s.file, Pos: s.pos(offset), Text: fmt.Sprintf(format, args...)}
}
