package lesson

import (
	"bytes"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"hostlab/lab/topology"
)

// maxTimeout bounds the timeout of the front matter.
const maxTimeout = 10 * time.Minute

// maxHeader bounds the front matter, in bytes: a YAML parser is slow on
// hostile input.
const maxHeader = 8 << 10

// frontMatter returns the YAML between the file's first line, "---", and the
// next such line: [start, stop). ok is false when the file has none. When
// the second line is missing, stop is negative.
func frontMatter(data []byte) (start, stop, after int, ok bool) {
	first, _, found := bytes.Cut(data, []byte("\n"))
	if !found || string(bytes.TrimRight(first, " \r")) != "---" {
		return 0, 0, 0, false
	}
	start = len(first) + 1
	for at := start; at < len(data); {
		line, _, _ := bytes.Cut(data[at:], []byte("\n"))
		next := min(at+len(line)+1, len(data))
		if string(bytes.TrimRight(line, " \r")) == "---" {
			return start, at, next, true
		}
		at = next
	}
	return start, -1, len(data), true
}

// header reads the front matter into the lesson.
func (p *fileParser) header(start, stop int) {
	if stop-start > maxHeader {
		p.failAt(0, "the front matter has %d bytes; %d is the most", stop-start, maxHeader)
		return
	}
	p.yamlLine = p.src.pos(start).Line
	f, err := parser.ParseBytes(p.src.data[start:stop], 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p.yamlError(err)
		return
	}
	for i, doc := range f.Docs {
		if i > 0 {
			p.failNode(doc, "the front matter is one YAML document")
			return
		}
		if doc.Body == nil {
			continue
		}
		p.mapping(doc.Body, "the front matter", map[string]func(ast.Node){
			"title":    p.title,
			"lab":      p.lab,
			"timeout":  p.timeout,
			"patterns": p.userPatterns,
		}, nil)
	}
}

// yamlError reports an error of the YAML parser at its place.
func (p *fileParser) yamlError(err error) {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		p.failAt(p.tokenOffset(e.GetToken()), "the front matter is not YAML: %s", e.GetMessage())
		return
	}
	p.failAt(0, "the front matter is not YAML: %s", firstLine(err.Error()))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// tokenOffset returns where in the file a token stands.
func (p *fileParser) tokenOffset(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	return p.src.at(p.yamlLine+t.Position.Line-1, t.Position.Column)
}

func (p *fileParser) failNode(n ast.Node, format string, args ...any) {
	p.failAt(p.tokenOffset(n.GetToken()), format, args...)
}

// mapping calls the function for each key of a mapping, or other for keys
// that have none. Without other an unknown key is an error, and a double one
// always is.
func (p *fileParser) mapping(n ast.Node, what string, known map[string]func(ast.Node), other func(key, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		p.failNode(n, "%s is a mapping, \"key: value\" on each line", what)
		return
	}
	seen := map[string]int{}
	for _, v := range values {
		key, ok := scalar(v.Key)
		if !ok || v.Value == nil {
			p.failNode(v, "%s has a key that is no plain word", what)
			continue
		}
		if line, ok := seen[key]; ok {
			p.failNode(v.Key, "%s has %q twice, here and in line %d", what, key, line)
			continue
		}
		seen[key] = p.src.pos(p.tokenOffset(v.Key.GetToken())).Line
		if f, ok := known[key]; ok {
			f(v.Value)
		} else if other != nil {
			other(v.Key, v.Value)
		} else {
			p.failNode(v.Key, "%s has an unknown key %q; known are title, lab, timeout, patterns", what, key)
		}
	}
}

// scalar returns the text of a plain or quoted value. Anchors, aliases and
// tags are none: they have no place in four lines of front matter.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode, *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.NullNode, nil:
		return "", false
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// text returns a scalar's text, or reports that a value is none.
func (p *fileParser) text(n ast.Node, what string) (string, bool) {
	s, ok := scalar(n)
	if !ok || s == "" {
		p.failNode(n, "%s is a word or a line of text", what)
		return "", false
	}
	return s, true
}

func (p *fileParser) title(n ast.Node) {
	if s, ok := p.text(n, "title"); ok {
		p.lesson.Title = s
	}
}

func (p *fileParser) timeout(n ast.Node) {
	s, ok := p.text(n, "timeout")
	if !ok {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > maxTimeout {
		p.failNode(n, "timeout %q is no duration up to %v, such as 10s", s, maxTimeout)
		return
	}
	p.lesson.Timeout = d
}

// patternWord is the name of a type of the lesson's own: no digits and no
// hyphen, which the grammar of names has a use for.
var patternWord = regexp.MustCompile(`^[A-Za-z]+$`)

func (p *fileParser) userPatterns(n ast.Node) {
	p.mapping(n, "patterns", nil, func(k, v ast.Node) {
		name, _ := scalar(k)
		expr, ok := p.text(v, "a pattern")
		if !ok {
			return
		}
		re, err := regexp.Compile(expr)
		switch {
		case !patternWord.MatchString(name):
			p.failNode(k, "pattern %q: a type's name is letters only", name)
		case p.lesson.patterns[name] != "":
			p.failNode(k, "pattern %q is built in", name)
		case err != nil:
			p.failNode(v, "pattern %q: %v", name, err)
		case re.NumSubexp() > 0:
			p.failNode(v, "pattern %q: use (?:…) for groups", name)
		case matchesNothing(expr):
			p.failNode(v, "pattern %q matches the empty text", name)
		default:
			p.lesson.patterns[name] = "(?:" + expr + ")"
		}
	})
}

// matchesNothing reports whether an expression takes the empty text for all
// of what it stands for.
func matchesNothing(expr string) bool {
	re, err := regexp.Compile(`\A(?:` + expr + `)\z`)
	return err == nil && re.MatchString("")
}

// lab reads the name of a Compose file, or hosts with their addresses.
func (p *fileParser) lab(n ast.Node) {
	if s, ok := scalar(n); ok && s != "" {
		p.lesson.LabFile, p.lesson.labPos = s, p.src.pos(p.tokenOffset(n.GetToken()))
		p.lesson.Topology = nil // until the file has been read
		return
	}
	before := len(p.problems)
	p.lesson.Topology = nil // until it is known to be right
	var hosts []topology.LANHost
	offsets := map[int]int{} // line -> offset of what stands there
	p.mapping(n, "lab", nil, func(k, v ast.Node) {
		h := topology.LANHost{Pos: p.topologyPos(k)}
		h.Name, _ = scalar(k)
		offsets[h.Pos.Line] = p.tokenOffset(k.GetToken())
		for _, a := range elements(v) {
			text, _ := scalar(a)
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				p.failNode(a, "lab: host %s: %q is no address with its prefix, such as 192.168.5.10/24", h.Name, text)
				return
			}
			h.Addrs = append(h.Addrs, prefix)
		}
		hosts = append(hosts, h)
	})
	if len(p.problems) > before {
		return
	}
	if len(hosts) == 0 {
		p.failNode(n, "lab: no hosts")
		return
	}
	t, err := topology.LAN("lan", hosts...)
	if err != nil {
		p.topologyError(err, offsets)
		return
	}
	for _, h := range t.Hosts {
		if h.Interfaces[0].Network != t.Networks[0].Name || len(h.Interfaces) > 1 {
			p.failAt(offsets[h.Pos.Line], "lab: host %s: outside %v; hosts listed here stand on one network, more need a Compose file",
				h.Name, t.Networks[0].Prefixes[0])
		}
	}
	if len(p.problems) == before {
		p.lesson.Topology = t
	}
}

// elements returns the values of a list, or the one value that is none.
func elements(n ast.Node) []ast.Node {
	if s, ok := n.(*ast.SequenceNode); ok {
		return s.Values
	}
	return []ast.Node{n}
}

// topologyError reports the problems of the lab at their lines.
func (p *fileParser) topologyError(err error, offsets map[int]int) {
	switch e := err.(type) {
	case *topology.Problem:
		p.failAt(offsets[e.Pos.Line], "lab: %s", e.Text)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			p.topologyError(err, offsets)
		}
	default:
		p.failAt(0, "lab: %v", err)
	}
}

func (p *fileParser) topologyPos(n ast.Node) topology.Pos {
	return topology.Pos{File: p.src.file, Line: p.src.pos(p.tokenOffset(n.GetToken())).Line}
}
