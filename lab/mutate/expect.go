package mutate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"hostlab/lab/lesson"
)

// block makes the mutants of one block.
func (g *generator) block(b *lesson.Block) {
	if b.Kind == lesson.Wire && !b.Diagram.Drawing {
		g.statements(b.Diagram.Statements)
	}
	if b.Kind == lesson.Book && b.Claim.Stated == lesson.Contradicted {
		return // what the book predicts is wrong; another wrong word is no news
	}
	for i, s := range b.Steps {
		switch {
		case s.Kind == lesson.Expect:
			g.expected(s)
		case s.Kind == lesson.End:
			g.status(s)
		case b.Kind == lesson.Book: // not run
		case s.Kind == lesson.Command:
			g.command(b, i)
		case s.Kind == lesson.Hostlab:
			g.order(s)
		}
	}
}

// name is a name in an expected line, or a brace that is none.
var name = regexp.MustCompile(`\{[^}]*\}|\\.`)

// expected changes one character of an expected line: the last digit, or the
// last letter where there is none. A line that has neither gets one.
func (g *generator) expected(s *lesson.Step) {
	text := name.ReplaceAllStringFunc(s.Text, func(m string) string { return strings.Repeat(" ", len(m)) })
	i := strings.LastIndexAny(text, "0123456789")
	if i < 0 {
		i = strings.LastIndexFunc(text, func(r rune) bool { return r < 0x80 && (r|0x20) >= 'a' && (r|0x20) <= 'z' })
	}
	if i < 0 {
		g.add(Line, s.TextPos.Offset, s.End, s.Text+"x")
		return
	}
	is := s.Text[:i] + string(other(s.Text[i])) + s.Text[i+1:]
	g.add(Line, s.TextPos.Offset, s.End, is)
}

// other returns another digit, or another letter.
func other(c byte) byte {
	switch {
	case c == '9':
		return '8'
	case c >= '0' && c < '9':
		return c + 1
	case c == 'z' || c == 'Z':
		return c - 1
	}
	return c + 1
}

// status changes how a program ends.
func (g *generator) status(s *lesson.Step) {
	is := lesson.Status{Kind: lesson.Exit}
	switch s.Status.Kind {
	case lesson.Exit:
		is.Code = (s.Status.Code + 1) % 256
	case lesson.Killed:
		is = lesson.Status{Kind: lesson.Killed, Signal: "SIGTERM"}
		if s.Status.Signal == is.Signal {
			is.Signal = "SIGKILL"
		}
	}
	g.add(Status, s.TextPos.Offset, s.End, is.String())
}

// verdict turns a verdict round.
func (g *generator) verdict(c *lesson.Claim) {
	is := lesson.Confirmed
	if c.Stated == is {
		is = lesson.Contradicted
	}
	g.add(Verdict, c.VerdictPos.Offset, c.VerdictPos.Offset+len(c.Stated), string(is))
}

// statements makes the mutants of a diagram.
func (g *generator) statements(all []*lesson.Statement) {
	for _, s := range all {
		switch s.Kind {
		case lesson.Packet:
			g.packet(s)
		case lesson.Loop:
			g.loop(s)
			g.statements(s.Body)
		case lesson.Note:
			g.note(s)
		}
	}
}

// number is a number in a packet's words, not one within a name.
var number = regexp.MustCompile(`[0-9]+`)

// packet changes whether a packet arrived, which way it went, and what it was.
func (g *generator) packet(s *lesson.Statement) {
	arrow, turned := "->>", "-x"
	if s.Lost {
		arrow, turned = turned, arrow
	}
	line := func(from, arrow, to, text string) {
		g.add(Arrow, s.Pos.Offset, s.End, from+arrow+to+": "+text)
	}
	line(s.Hosts[0], turned, s.Hosts[1], s.Text)
	line(s.Hosts[1], arrow, s.Hosts[0], s.Text)
	text := "UDP to 9, 9 bytes"
	plain := name.ReplaceAllStringFunc(s.Text, func(m string) string { return strings.Repeat(" ", len(m)) })
	if all := number.FindAllStringIndex(plain, -1); len(all) > 0 {
		at := all[len(all)-1]
		n, _ := strconv.ParseUint(s.Text[at[0]:at[1]], 10, 63)
		text = s.Text[:at[0]] + strconv.FormatUint(n+1, 10) + s.Text[at[1]:]
	}
	line(s.Hosts[0], arrow, s.Hosts[1], text)
}

// loop lets a loop run once more.
func (g *generator) loop(s *lesson.Statement) {
	_, after := g.line(s.Pos)
	first := strings.TrimRight(string(g.source[s.Pos.Offset:after]), " \n")
	g.add(Arrow, s.Pos.Offset, s.Pos.Offset+len(first), fmt.Sprintf("loop %d times", s.Times+1))
}

// note asks for more time than any lesson takes, or for a packet where there
// was none.
func (g *generator) note(s *lesson.Statement) {
	head, _, _ := strings.Cut(string(g.source[s.Pos.Offset:s.End]), ":")
	if s.Text != "no packets" {
		g.add(Arrow, s.Pos.Offset, s.End, head+": at least 3600 s passes")
		return
	}
	hosts := s.Hosts
	if len(hosts) == 1 {
		hosts = append(hosts, hosts[0])
	}
	g.add(Arrow, s.Pos.Offset, s.End, fmt.Sprintf("%s->>%s: UDP to 9, 9 bytes", hosts[0], hosts[1]))
}
