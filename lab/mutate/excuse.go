package mutate

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"hostlab/lab/lesson"
)

// An Excuse is a lesson's own word on a mutant that it does not notice.
type Excuse struct {
	Kind    Kind // "" when it cannot be read, or stands where it is nothing's
	Was, Is string
	Reason  string
	Pos     lesson.Pos

	used bool
}

// excuseLine is <!-- survives KIND "WAS" "IS": REASON -->, with quotes as Go
// has them.
var excuseLine = regexp.MustCompile(`^<!-- survives ([a-z]+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)": (.+?) -->$`)

// excuseStart finds the lines that are meant to be excuses.
var excuseStart = regexp.MustCompile(`(?m)^[> ]*<!-- *survives\b`)

// Idle says what is wrong with an excuse that excuses nothing.
func (e *Excuse) Idle() string {
	if e.Kind == "" {
		return `an excuse stands right above a fence or a verdict, as <!-- survives KIND "WAS" "IS": REASON -->`
	}
	return fmt.Sprintf("the excuse is for no mutant: %s %q %q", e.Kind, e.Was, e.Is)
}

// Comment returns the comment that excuses a mutant.
func (m *Mutant) Comment(reason string) string {
	return fmt.Sprintf("<!-- survives %s %s %s: %s -->", m.Kind, quoted(m.Was), quoted(m.Is), reason)
}

// quoted quotes for a comment: two hyphens would end some readers' comments.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "--", `-\-`).Replace(s) + `"`
}

var escape = regexp.MustCompile(`\\(.)`)

// excusesAbove returns the excuses on the lines above a place.
func excusesAbove(l *lesson.Lesson, at lesson.Pos) []*Excuse {
	source := l.Source()
	var all []*Excuse
	end := at.Offset - (at.Column - 1)
	for end > 0 {
		start := bytes.LastIndexByte(source[:end-1], '\n') + 1
		text := strings.TrimLeft(string(source[start:end-1]), "> ")
		m := excuseLine.FindStringSubmatch(strings.TrimRight(text, " "))
		switch {
		case m != nil:
			unquote := func(s string) string { return escape.ReplaceAllString(s, "$1") }
			all = append(all, &Excuse{Kind: Kind(m[1]), Was: unquote(m[2]), Is: unquote(m[3]), Reason: m[4], Pos: l.PosAt(start)})
		case text != "" && !excuseStart.MatchString(text):
			return all
		}
		end = start
	}
	return all
}
