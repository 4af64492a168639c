package lesson

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// patterns are the types of names and what each stands for: the built-in ones
// and those of the front matter. No expression has capturing groups.
type patterns map[string]string

const (
	octet = `(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	ipv4  = `(?:` + octet + `\.){3}` + octet
)

// builtin are the types that every lesson knows.
var builtin = patterns{
	"port": `(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})`,
	"pid":  `[1-9][0-9]{0,6}`, // proc(5): pid_max is at most 2^22
	// IPv6 as netip prints it, with or without a zone.
	"ip":    `(?:` + ipv4 + `|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:` + ipv4 + `)?(?:%[0-9A-Za-z_.-]+)?)`,
	"mac":   `[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}`,
	"ms":    `[0-9]+(?:\.[0-9]+)?`,
	"s":     `[0-9]+(?:\.[0-9]+)?`,
	"n":     `-?[0-9]+`,
	"bytes": `[0-9]+`,
	"hex":   `(?:0x)?[0-9a-fA-F]+`,
	"text":  `.+`,
}

// types lists the words that end a name.
func (p patterns) types() string {
	return strings.Join(slices.Sorted(maps.Keys(p)), " ")
}

// A part is a piece of an expected line: text as it is, or a name.
type part struct {
	text   string // literal text; "" for a name
	name   string // "client-port2"
	re     string // what the name stands for
	offset int    // in the source form, from its first byte
}

// nameWord is a name without its type: [word "-"] type [digits].
var nameWord = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9_-]*-)?([A-Za-z]+)[0-9]*$`)

// split takes an expected line's source form apart. Escapes are undone: a
// leading backslash has kept the line from being notation, "\{" is a brace.
func (p patterns) split(text string) (parts []part, mistakes []nameMistake) {
	var lit strings.Builder
	from := 0
	flush := func(next int) {
		if lit.Len() > 0 {
			parts = append(parts, part{text: lit.String(), offset: from})
			lit.Reset()
		}
		from = next
	}
	i := 0
	if strings.HasPrefix(text, `\`) && !strings.HasPrefix(text, `\{`) {
		i = 1
	}
	from = i
	for i < len(text) {
		switch {
		case strings.HasPrefix(text[i:], `\{`):
			lit.WriteByte('{')
			i += 2
		case text[i] == '{':
			name, _, closed := strings.Cut(text[i+1:], "}")
			end := i + len("{") + len(name)
			if closed {
				end++
			}
			re, ok := p.lookup(name)
			if !ok || !closed {
				mistakes = append(mistakes, nameMistake{i, text[i:end]})
			}
			flush(end)
			parts = append(parts, part{name: name, re: re, offset: i})
			i = end
		default:
			lit.WriteByte(text[i])
			i++
		}
	}
	flush(i)
	return parts, mistakes
}

// lookup returns the expression that a name stands for.
func (p patterns) lookup(name string) (string, bool) {
	m := nameWord.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	re, ok := p[m[1]]
	return re, ok
}

// A nameMistake is a brace that begins no name.
type nameMistake struct {
	offset int
	text   string
}

// A scope holds what the names of a section stand for, once bound.
type scope map[string]string

// match reports whether line is what parts show, and binds the names in s that
// it uses first. When it is not, diff is the offset, in the source form, of
// the first part or character that differs, and s is as it was.
func (s scope) match(parts []part, line string) (diff int, ok bool) {
	bound := maps.Clone(s)
	if bound == nil {
		bound = scope{}
	}
	for {
		re, err := bound.compile(parts)
		if err != nil { // a value too long for an expression
			if bound.show(parts) == line {
				return 0, true
			}
			return bound.firstDifference(parts, line), false
		}
		m := re.FindStringSubmatch(line)
		if m == nil {
			return bound.firstDifference(parts, line), false
		}
		if again := bound.bind(parts, m[1:]); !again {
			maps.Copy(s, bound)
			return 0, true
		}
	}
}

// bind takes the groups of a match for the names that are not bound yet. It
// reports whether a name stands twice in the line with two values: then the
// first is bound, and the line must be matched again.
func (s scope) bind(parts []part, groups []string) (again bool) {
	fresh := scope{}
	first := ""
	for _, p := range parts {
		if _, ok := s[p.name]; p.name == "" || ok {
			continue
		}
		value := groups[0]
		groups = groups[1:]
		if first == "" {
			first = p.name
		}
		if v, ok := fresh[p.name]; ok && v != value {
			again = true
		} else if !ok {
			fresh[p.name] = value
		}
	}
	if again {
		s[first] = fresh[first]
		return true
	}
	maps.Copy(s, fresh)
	return false
}

// compile makes one expression of parts: literal text and bound names as they
// are, a group for each other name. (?s): a stray carriage return or the like
// is text too.
func (s scope) compile(parts []part) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, p := range parts {
		v, ok := s[p.name]
		switch {
		case p.name == "":
			b.WriteString(regexp.QuoteMeta(p.text))
		case ok:
			b.WriteString(regexp.QuoteMeta(v))
		default:
			b.WriteString("(" + p.re + ")")
		}
	}
	b.WriteString(`\z`)
	return regexp.Compile(b.String())
}

// firstDifference walks along the line as far as it agrees with parts.
func (s scope) firstDifference(parts []part, line string) int {
	end := 0
	for _, p := range parts {
		end = p.offset + len(p.text)
		if p.name != "" {
			end = p.offset + len(p.name) + len("{}")
			n := s.lengthOf(p, line)
			if n < 0 {
				return p.offset
			}
			line = line[n:]
			continue
		}
		n := commonPrefix(p.text, line)
		if n < len(p.text) {
			// Every "\{" before the difference is one byte longer in the source.
			return p.offset + n + strings.Count(p.text[:n], "{")
		}
		end += strings.Count(p.text, "{")
		line = line[n:]
	}
	return end
}

// lengthOf returns how much of line a name takes, -1 when it takes none of it.
func (s scope) lengthOf(p part, line string) int {
	if v, ok := s[p.name]; ok {
		if !strings.HasPrefix(line, v) {
			return -1
		}
		return len(v)
	}
	m := regexp.MustCompile(`\A(?:` + p.re + `)`).FindStringIndex(line)
	if m == nil {
		return -1
	}
	return m[1]
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// show returns the line that parts stand for with the names that are bound, as
// messages show it: an unbound name stays in its braces.
func (s scope) show(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		v, ok := s[p.name]
		switch {
		case p.name == "":
			b.WriteString(p.text)
		case ok:
			b.WriteString(v)
		default:
			fmt.Fprintf(&b, "{%s}", p.name)
		}
	}
	return b.String()
}
