package lesson

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// namesOf returns the names that stand in a section's console blocks and
// diagrams.
func (l *Lesson) namesOf(s *Section) map[string]bool {
	names := map[string]bool{}
	p := &fileParser{lesson: l}
	for _, b := range s.Blocks {
		for _, st := range b.Steps {
			if st.Kind == Expect && b.Kind == Console {
				p.bindNames(names, st.Text)
			}
		}
		if b.Diagram != nil {
			p.bindPackets(names, b.Diagram.Statements)
		}
	}
	return names
}

// lineToken is a piece of a line that is taken as one: an address, a number, a
// word, or any other character.
var lineToken = regexp.MustCompile(`(?s)(?:[0-9]+\.){3}[0-9]+|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}|0x[0-9a-fA-F]+|[0-9]+\.[0-9]+|[0-9]+|[A-Za-z_]+|.`)

// A piece is a token of what two runs printed, and what a lesson says for it.
type piece struct {
	seen [2]string
	name string // "port2"; "" for the token itself
}

// propose returns how a lesson shows a line of both runs. It keeps the names of
// old, the line that stands there, where they fit. Why says what prevents it.
func (u *updater) propose(lines [2]string, old string) (text, why string) {
	if i := strings.IndexFunc(lines[0]+lines[1], func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return "", "a control character, which no lesson can show"
	}
	a, b := lineToken.FindAllString(lines[0], -1), lineToken.FindAllString(lines[1], -1)
	if len(a) != len(b) {
		return "", fmt.Sprintf("the runs disagree, the other one has %s", printable(lines[1]))
	}
	pieces := make([]piece, len(a))
	for i := range a {
		pieces[i].seen = [2]string{a[i], b[i]}
	}
	scopes := [2]scope{maps.Clone(u.scopes[0]), maps.Clone(u.scopes[1])}
	u.keepNames(pieces, old, scopes)
	for i := range pieces {
		p := &pieces[i]
		if p.name != "" || p.seen[0] == p.seen[1] {
			continue
		}
		if p.name = u.nameFor(pieces, i, scopes); p.name == "" {
			return "", fmt.Sprintf("the runs disagree, the other one has %s", printable(lines[1]))
		}
		define(scopes, *p)
	}
	text = sourceOf(pieces)
	parts, mistakes := u.l.patterns.split(text)
	for k := range scopes {
		if _, ok := maps.Clone(u.scopes[k]).match(parts, lines[k]); !ok || len(mistakes) > 0 {
			return "", "no line of a lesson shows it"
		}
	}
	for _, p := range pieces {
		u.used[p.name] = true
	}
	u.bind(text, lines)
	return text, ""
}

// define notes what a name stands for in both runs.
func define(scopes [2]scope, p piece) {
	for k := range scopes {
		scopes[k][p.name] = p.seen[k]
	}
}

// keepNames lays the tokens and names of the old line over the pieces, and
// gives these the names that fit.
func (u *updater) keepNames(pieces []piece, old string, scopes [2]scope) {
	type want struct{ text, name, re string }
	var wants []want
	parts, _ := u.l.patterns.split(old)
	for _, p := range parts {
		if p.name != "" {
			wants = append(wants, want{name: p.name, re: p.re})
			continue
		}
		for _, t := range lineToken.FindAllString(p.text, -1) {
			wants = append(wants, want{text: t})
		}
	}
	if len(wants)*len(pieces) > maxAligned {
		return
	}
	fits := func(i, j int) bool {
		w, p := wants[i], pieces[j]
		if w.name == "" {
			return p.seen == [2]string{w.text, w.text}
		}
		for k := range scopes {
			if v, ok := scopes[k][w.name]; ok && v != p.seen[k] {
				return false
			}
		}
		re := regexp.MustCompile(`\A(?:` + w.re + `)\z`)
		return re.MatchString(p.seen[0]) && re.MatchString(p.seen[1])
	}
	for i, j := range align(len(wants), len(pieces), fits) {
		if j >= 0 && wants[i].name != "" && fits(i, j) {
			pieces[j].name = wants[i].name
			define(scopes, pieces[j])
		}
	}
}

// nameFor returns a name for a piece in which the runs differ: one that stands
// for just that, further up or further down in the block, or a new one of a type
// that fits. It is "" when there is none.
func (u *updater) nameFor(pieces []piece, i int, scopes [2]scope) string {
	p := pieces[i]
	for _, name := range slices.Sorted(maps.Keys(scopes[0])) {
		if scopes[0][name] == p.seen[0] && scopes[1][name] == p.seen[1] {
			return name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.ahead)) {
		if _, bound := scopes[0][name]; !bound && u.ahead[name] == p.seen {
			return name
		}
	}
	kind := typeFor(pieces, i)
	for n := 1; kind != ""; n++ {
		name := kind
		if n > 1 {
			name = fmt.Sprint(kind, n)
		}
		if _, bound := scopes[0][name]; !bound && !u.used[name] {
			return name
		}
	}
	return ""
}

// typeFor returns the built-in type that a piece is of, by its form and by the
// words beside it; "" when it is none.
func typeFor(pieces []piece, i int) string {
	is := func(kind string) bool {
		re := regexp.MustCompile(`\A` + builtin[kind] + `\z`)
		return re.MatchString(pieces[i].seen[0]) && re.MatchString(pieces[i].seen[1])
	}
	before, behind := beside(pieces, i, -1), beside(pieces, i, 1)
	switch {
	case is("ip"):
		return "ip"
	case is("mac"):
		return "mac"
	case is("bytes") && strings.HasPrefix(behind, "byte"):
		return "bytes"
	case is("ms") && behind == "ms":
		return "ms"
	case is("s") && (behind == "s" || strings.HasPrefix(behind, "second")):
		return "s"
	case is("pid") && strings.EqualFold(before, "pid"):
		return "pid"
	case is("port") && pieces[i].seen[0] != "0" && portLike(pieces[i].seen):
		return "port"
	case is("n"):
		return "n"
	case is("s"):
		return "s"
	case is("hex") && strings.HasPrefix(pieces[i].seen[0], "0x"):
		return "hex"
	}
	return ""
}

// portLike reports whether numbers are ports that a system gives out, RFC 6056
// section 2.1: 1024 and more.
func portLike(seen [2]string) bool { return len(seen[0]) >= 4 && len(seen[1]) >= 4 }

// beside returns the nearest word before or behind a piece, blanks and
// punctuation aside.
func beside(pieces []piece, i, step int) string {
	for i += step; i >= 0 && i < len(pieces); i += step {
		if t := pieces[i].seen[0]; t[0] >= '0' && len(t) > 1 || t[0] >= 'A' && t[0] <= 'z' {
			return t
		}
	}
	return ""
}

// sourceOf writes pieces as a lesson does.
func sourceOf(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		if p.name != "" {
			b.WriteString("{" + p.name + "}")
		} else {
			b.WriteString(strings.ReplaceAll(p.seen[0], "{", `\{`))
		}
	}
	return escaped(b.String())
}

var closesFence = regexp.MustCompile("^ *(```+|~~~+)")

// escaped puts a backslash in front of an expected line that would be read as
// something else.
func escaped(text string) string {
	switch {
	case strings.HasPrefix(text, `\{`):
		return text
	case text == "...", strings.HasPrefix(text, `\`), text == "$", strings.HasPrefix(text, "$ "), closesFence.MatchString(text),
		promptLine.MatchString(text), otherLine.MatchString(text), keyLine.MatchString(text), statusLine.MatchString(text):
		return `\` + text
	}
	return text
}
