package topology

import (
	"errors"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A source is a YAML file's syntax tree: it knows on which line things stand,
// which compose-go forgets. Anchors, aliases and merge keys are followed.
type source struct {
	file    string
	docs    []ast.Node
	anchors map[string]ast.Node
}

// newSource parses a file. The error of a file that is no YAML is a Problem
// with the line of the first mistake.
func newSource(file string, data []byte) (*source, error) {
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		at, text := Pos{File: file}, err.Error()
		if e, ok := errors.AsType[yaml.Error](err); ok {
			text = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				at.Line = t.Position.Line
			}
		}
		return nil, problem(at, "not YAML: %s", text)
	}
	s := &source{file: file, anchors: map[string]ast.Node{}}
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		s.docs = append(s.docs, d.Body)
		ast.Walk(s, d)
	}
	u := unfolding{source: s, sizes: map[string]int{}}
	for _, d := range s.docs {
		if u.size(d); u.err != nil {
			return nil, u.err
		}
	}
	return s, nil
}

// maxValues bounds what aliases may unfold a file to. Ten lines of them can
// make it millions.
const maxValues = 100_000

// An unfolding counts the values of a file with every alias in full.
type unfolding struct {
	source *source
	sizes  map[string]int // by anchor; 0 while it is being counted
	err    error
}

func (u *unfolding) size(n ast.Node) int {
	total := 1
	switch v := n.(type) {
	case *ast.AnchorNode:
		return u.size(v.Value)
	case *ast.TagNode:
		return u.size(v.Value)
	case *ast.AliasNode:
		return u.alias(v)
	case *ast.SequenceNode:
		for _, e := range v.Values {
			total += u.size(e)
		}
	default:
		for _, p := range pairs(n) {
			total += u.size(p.Value)
		}
	}
	if total > maxValues && u.err == nil {
		u.err = problem(Pos{File: u.source.file, Line: lineOf(n)}, "aliases unfold this to more than %d values", maxValues)
	}
	return total
}

func (u *unfolding) alias(n *ast.AliasNode) int {
	name := n.Value.GetToken().Value
	size, known := u.sizes[name]
	switch {
	case u.err != nil || known && size > 0:
		return size
	case known:
		u.err = problem(Pos{File: u.source.file, Line: lineOf(n)}, "the alias *%s stands within what it stands for", name)
		return 1
	}
	u.sizes[name] = 0
	u.sizes[name] = u.size(u.source.anchors[name])
	return u.sizes[name]
}

// Visit collects the anchors: it makes a source an ast.Visitor.
func (s *source) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		s.anchors[a.Name.GetToken().Value] = a.Value
	}
	return s
}

// pos returns where the element at a path of keys and list indices stands, or
// its deepest ancestor that is in the file.
func (s *source) pos(path ...string) Pos {
	best, depth := Pos{File: s.file}, -1
	for _, d := range s.docs {
		line, n := 0, d
		for i, key := range path {
			l, next := s.child(n, key)
			if next == nil {
				break
			}
			line, n = l, next
			if i > depth {
				best.Line, depth = line, i
			}
		}
	}
	return best
}

// has tells whether the file has an element at a path.
func (s *source) has(path ...string) bool {
	return s.node(path...) != nil
}

func (s *source) node(path ...string) ast.Node {
	for _, d := range s.docs {
		n := d
		for _, key := range path {
			if _, n = s.child(n, key); n == nil {
				break
			}
		}
		if n != nil {
			return n
		}
	}
	return nil
}

// rank returns the place of each key of the mapping at a path, from 0, in the
// order of the file. A list of names counts as a mapping.
func (s *source) rank(path ...string) map[string]int {
	rank := map[string]int{}
	n := s.resolve(s.node(path...))
	if list, ok := n.(*ast.SequenceNode); ok {
		for i, v := range list.Values {
			rank[scalar(v)] = i
		}
		return rank
	}
	for _, key := range s.keys(n, map[ast.Node]bool{}) {
		if _, ok := rank[key]; !ok {
			rank[key] = len(rank)
		}
	}
	return rank
}

// dotted follows a path as compose-go's messages begin with it:
// "services.web.networks.lan must be a mapping". Keys may have dots in them.
func (s *source) dotted(message string) []string {
	var path []string
	if len(s.docs) == 0 {
		return nil
	}
	for n := s.docs[0]; ; {
		var best string
		for _, key := range s.children(n) {
			rest, ok := strings.CutPrefix(message, key)
			if ok && len(key) > len(best) && (rest == "" || strings.ContainsAny(rest[:1], ". :")) {
				best = key
			}
		}
		if best == "" {
			return path
		}
		path = append(path, best)
		_, n = s.child(n, best)
		if message = message[len(best):]; !strings.HasPrefix(message, ".") {
			return path
		}
		message = message[1:]
	}
}

// resolve returns what a node stands for, behind anchors, aliases and tags; nil
// when an alias bites its own tail.
func (s *source) resolve(n ast.Node) ast.Node {
	for range 100 {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.TagNode:
			n = v.Value
		case *ast.AliasNode:
			n = s.anchors[v.Value.GetToken().Value]
		default:
			return n
		}
	}
	return nil
}

// child returns the element of a mapping or list and the line it stands on.
func (s *source) child(n ast.Node, key string) (line int, value ast.Node) {
	return s.childAt(n, key, map[ast.Node]bool{})
}

// childAt is child. A mapping seen already is left out: it was merged in
// before, or it merges itself.
func (s *source) childAt(n ast.Node, key string, seen map[ast.Node]bool) (line int, value ast.Node) {
	n = s.resolve(n)
	if n == nil || seen[n] {
		return 0, nil
	}
	seen[n] = true
	if list, ok := n.(*ast.SequenceNode); ok {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(list.Values) {
			return 0, nil
		}
		return lineOf(list.Values[i]), list.Values[i]
	}
	var merged []ast.Node
	for _, pair := range pairs(n) {
		if pair.Key.IsMergeKey() {
			merged = append(merged, s.merges(pair.Value)...)
		} else if scalar(pair.Key) == key {
			return lineOf(pair.Key), pair.Value
		}
	}
	for _, m := range merged {
		if line, value = s.childAt(m, key, seen); value != nil {
			return line, value
		}
	}
	return 0, nil
}

// children returns the keys of a mapping or the indices of a list.
func (s *source) children(n ast.Node) []string {
	n = s.resolve(n)
	if list, ok := n.(*ast.SequenceNode); ok {
		var keys []string
		for i := range list.Values {
			keys = append(keys, strconv.Itoa(i))
		}
		return keys
	}
	return s.keys(n, map[ast.Node]bool{})
}

func (s *source) keys(n ast.Node, seen map[ast.Node]bool) []string {
	n = s.resolve(n)
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	var own, merged []string
	for _, pair := range pairs(n) {
		if !pair.Key.IsMergeKey() {
			own = append(own, scalar(pair.Key))
			continue
		}
		for _, m := range s.merges(pair.Value) {
			merged = append(merged, s.keys(m, seen)...)
		}
	}
	return append(own, merged...)
}

// merges returns the mappings behind "<<: *a" or "<<: [*a, *b]".
func (s *source) merges(n ast.Node) []ast.Node {
	n = s.resolve(n)
	if list, ok := n.(*ast.SequenceNode); ok {
		return list.Values
	}
	return []ast.Node{n}
}

func pairs(n ast.Node) []*ast.MappingValueNode {
	switch v := n.(type) {
	case *ast.MappingNode:
		return v.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{v}
	}
	return nil
}

// scalar returns the text of a key or a value, without quotes.
func scalar(n ast.Node) string {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return scalar(v.Value)
	case *ast.MappingKeyNode:
		return scalar(v.Value)
	case *ast.AnchorNode:
		return scalar(v.Value)
	case nil:
		return ""
	}
	if t := n.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// scalars calls f for every value of a tree which is text.
func scalars(n ast.Node, f func(ast.Node)) {
	switch v := n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		f(n)
	case *ast.AnchorNode:
		scalars(v.Value, f)
	case *ast.TagNode:
		scalars(v.Value, f)
	case *ast.SequenceNode:
		for _, e := range v.Values {
			scalars(e, f)
		}
	default:
		for _, p := range pairs(n) {
			scalars(p.Value, f)
		}
	}
}

// listed returns the line of a name in a list of names, or 0.
func (s *source) listed(n ast.Node, name string) int {
	if list, ok := s.resolve(n).(*ast.SequenceNode); ok {
		for _, v := range list.Values {
			if scalar(s.resolve(v)) == name {
				return lineOf(v)
			}
		}
	}
	return 0
}
