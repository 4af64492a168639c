package mark

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// MaxLine is the longest text of one Line event in bytes. A longer line
// arrives as several events, so that output without line ends cannot fill the
// memory.
const MaxLine = 64 << 10

// maxMark is the longest mark in bytes: everything that write can make fits.
const maxMark = 160

// opening starts every mark.
const opening = "\x1b]133;"

// A Scanner reads the stream of a window's terminal and yields its events in
// their order. An unfinished line is yielded before the mark that follows it.
//
// No input breaks it. All bytes that are not a well-formed mark with the right
// token are text: other escape sequences, marks of another shell, NUL, bytes
// that are not UTF-8. A mark that begins in the middle of a cut one is found.
// Only carriage returns at the end of a line are taken away (terminals write
// CR LF); one inside a line stays.
type Scanner struct {
	r     io.Reader
	token string

	line  []byte // text of the line so far
	seq   []byte // what may become a mark: begins with ESC
	queue []Event
	err   error
	space [16 << 10]byte
}

// NewScanner returns a Scanner that reads from r. Only marks with this token
// count; with "" only those without one. The caller closes r.
func NewScanner(r io.Reader, token string) *Scanner {
	return &Scanner{r: r, token: token}
}

// Next returns the next event, or the error of the reader after everything
// that came before it; io.EOF at the end of the stream. It reads only when it
// has no event at hand. Not safe for concurrent use.
func (s *Scanner) Next() (Event, error) {
	for len(s.queue) == 0 {
		if s.err != nil {
			return Event{}, s.err
		}
		n, err := s.r.Read(s.space[:])
		s.scan(s.space[:n])
		if err != nil {
			s.err = err
			s.giveUpSequence()
			s.unfinished()
		}
	}
	e := s.queue[0]
	s.queue = s.queue[1:]
	return e, nil
}

// scan looks at each byte of b once.
func (s *Scanner) scan(b []byte) {
	for len(b) > 0 {
		if len(s.seq) > 0 {
			s.sequence(b[0])
			b = b[1:]
			continue
		}
		n := bytes.IndexAny(b, "\x1b\n")
		if n < 0 {
			s.text(b)
			return
		}
		s.text(b[:n])
		if b[n] == '\n' {
			s.endLine()
		} else {
			s.seq = append(s.seq, b[n])
		}
		b = b[n+1:]
	}
}

// sequence takes one byte into a possible mark, or gives the bytes so far back
// to the text.
func (s *Scanner) sequence(c byte) {
	n := len(s.seq)
	switch {
	case n < len(opening) && c == opening[n]:
		s.seq = append(s.seq, c)
	case n >= len(opening) && c == '\a' && s.seq[n-1] != '\x1b':
		s.endSequence(c)
	case n > len(opening) && c == '\\' && s.seq[n-1] == '\x1b':
		s.endSequence(c) // ESC \, the other end of such sequences
	case n >= len(opening) && n < maxMark && s.seq[n-1] != '\x1b' && (c >= ' ' && c < 0x7f || c == '\x1b'):
		s.seq = append(s.seq, c)
	default:
		s.retry(c)
	}
}

// retry gives up the sequence that c did not continue, but keeps an ESC which
// may begin a mark of its own.
func (s *Scanner) retry(c byte) {
	again := s.seq[len(s.seq)-1] == '\x1b' && len(s.seq) > 1
	if again {
		s.seq = s.seq[:len(s.seq)-1]
	}
	s.giveUpSequence()
	if again {
		s.seq = append(s.seq, '\x1b')
		s.sequence(c)
		return
	}
	s.scan([]byte{c})
}

// endSequence is called with the last byte of a whole sequence.
func (s *Scanner) endSequence(last byte) {
	body := strings.TrimSuffix(string(s.seq[len(opening):]), "\x1b")
	e, ok := parse(body, s.token)
	if !ok {
		s.seq = append(s.seq, last)
		s.giveUpSequence()
		return
	}
	s.seq = s.seq[:0]
	s.unfinished()
	s.queue = append(s.queue, e)
}

func (s *Scanner) giveUpSequence() {
	seq := s.seq
	s.seq = s.seq[:0]
	s.text(seq)
}

func (s *Scanner) text(b []byte) {
	for len(s.line)+len(b) > MaxLine {
		n := MaxLine - len(s.line)
		s.line = append(s.line, b[:n]...)
		b = b[n:]
		s.queue = append(s.queue, Event{Kind: Line, Line: string(s.line)})
		s.line = s.line[:0]
	}
	s.line = append(s.line, b...)
}

func (s *Scanner) endLine() {
	s.queue = append(s.queue, Event{Kind: Line, Line: strings.TrimRight(string(s.line), "\r")})
	s.line = s.line[:0]
}

// unfinished yields the text of a line that a mark or the end of the stream
// cut, when there is any.
func (s *Scanner) unfinished() {
	if len(bytes.TrimRight(s.line, "\r")) > 0 {
		s.endLine()
	}
	s.line = s.line[:0]
}

// parse reads what stands between the opening and the end of a mark.
func parse(body, token string) (Event, bool) {
	if token != "" {
		rest, ok := strings.CutSuffix(body, ";aid="+token)
		if !ok {
			return Event{}, false
		}
		body = rest
	}
	kind, rest, _ := strings.Cut(body, ";")
	switch {
	case kind == "A" && rest == "":
		return Event{Kind: Prompt}, true
	case kind == "C" && rest == "":
		return Event{Kind: Start}, true
	case kind == "D":
		return parseEnd(rest)
	}
	return Event{}, false
}

// parseEnd reads "0", "130;signal=SIGINT" or "148;stopped".
func parseEnd(s string) (Event, bool) {
	number, option, _ := strings.Cut(s, ";")
	status, err := strconv.ParseUint(number, 10, 8)
	if err != nil {
		return Event{}, false
	}
	e := Event{Kind: End, Status: int(status)}
	if option == "stopped" {
		e.Kind = Stopped
		return e, true
	}
	if option == "" {
		return e, true
	}
	name, ok := strings.CutPrefix(option, "signal=")
	e.Signal = name
	return e, ok && name != "" && !strings.Contains(name, ";")
}
