package lesson

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// A Passage is a piece of what a lesson says to its readers, or the place of a
// block, a claim or a verdict in it. Lists and blockquotes are not passages of
// their own: Depth, Marker and Quoted say that a passage stands in one.
type Passage struct {
	Kind PassageKind
	Pos  Pos // of its text, or of the fence

	Text  []Span     // Heading, Paragraph, Stated: the claim without its "Claim 2.1:"
	Level int        // Heading: 1 to 6; of another kind within a list or a blockquote
	Lines []string   // Listing, Experiment: what is in the fence
	Rows  [][][]Span // Table: rows of cells, the header first

	Block *Block // Experiment
	Claim *Claim // Stated, Judged

	Depth  int    // the number of lists around it
	Marker string // "-" or "2." when it begins an item of a list; else ""
	Quoted bool   // it stands in a blockquote; not of claims and verdicts
}

// A PassageKind says what a passage is.
type PassageKind int

// The kinds of passages.
const (
	Heading    PassageKind = iota + 1
	Paragraph              // also of a list, or of a blockquote
	Listing                // a fence or indented code of no experiment
	Table                  // GitHub's pipe table
	Experiment             // the place of a Block
	Stated                 // a claim
	Judged                 // the place of a verdict
)

// A Span is text of one style.
type Span struct {
	Text  string // "\n" is a line break that the author asked for
	Style Style
}

// A Style is how Markdown marks text.
type Style int

// The styles. Of several, one within the other, the inner one counts.
const (
	Plain      Style = iota
	Emphasized       // *one star*
	Strong           // **two stars**
	Code             // `backquotes`
)

// Plaintext returns spans without their styles.
func Plaintext(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Passages returns the lesson as its readers see it, in the order of the file,
// as far as it goes: see Until.
// Comments and other HTML are left out. The passages are the caller's own.
func (l *Lesson) Passages() []Passage {
	body := bytes.Clone(l.source.data)
	if _, _, after, ok := frontMatter(body); ok {
		blank(body[:after])
	}
	r := &reader{lesson: l, body: body, at: map[int]Passage{}}
	for _, s := range l.Sections {
		if s.Level > 0 {
			r.at[s.Pos.Offset] = Passage{Kind: Heading}
		}
		for _, b := range s.Blocks {
			r.at[b.Pos.Offset] = Passage{Kind: Experiment, Block: b}
		}
	}
	for _, c := range l.Claims {
		r.at[c.Pos.Offset] = Passage{Kind: Stated, Claim: c}
		r.at[c.VerdictPos.Offset] = Passage{Kind: Judged, Claim: c}
	}
	parser := prose
	for paragraph := range bytes.SplitSeq(body, []byte("\n\n")) {
		if len(paragraph) > maxInline {
			parser = blocks
		}
	}
	_ = ast.Walk(parser.Parse(text.NewReader(body)), r.node) // node returns no errors
	return r.all
}

// prose is a parser of inlines and tables too.
var prose = goldmark.New(goldmark.WithExtensions(extension.Table)).Parser()

// maxInline is the longest paragraph whose emphasis and links are looked for,
// in bytes: the time that takes grows with its square. A lesson with a longer
// one is shown as it is written.
const maxInline = 4 << 10

// A reader collects the passages of one lesson.
type reader struct {
	lesson *Lesson
	body   []byte
	at     map[int]Passage // sections, blocks and claims by their offset, verdicts by their word's
	all    []Passage
}

func (r *reader) node(n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	switch n := n.(type) {
	case *ast.Heading:
		kind := Heading
		if _, ours := r.at[n.Pos()]; n.Parent() != n.OwnerDocument() {
			kind = Paragraph // no section begins in a list or a blockquote
		} else if !ours {
			return ast.WalkStop, nil // see Until
		}
		r.add(n, Passage{Kind: kind, Level: n.Level, Text: r.spans(n)})
	case *ast.Paragraph, *ast.TextBlock:
		r.paragraph(n)
	case *ast.FencedCodeBlock:
		p, ours := r.at[n.Pos()]
		if !ours {
			p.Kind = Listing
		}
		p.Lines = r.lines(n)
		r.add(n, p)
	case *ast.CodeBlock:
		r.add(n, Passage{Kind: Listing, Lines: r.lines(n)})
	case *east.Table:
		r.add(n, Passage{Kind: Table, Rows: r.rows(n)})
	default:
		return ast.WalkContinue, nil
	}
	return ast.WalkSkipChildren, nil
}

// paragraph takes a paragraph for a claim or a verdict where Parse has found
// one.
func (r *reader) paragraph(n ast.Node) {
	if n.Lines().Len() == 0 {
		return
	}
	start := n.Lines().At(0).Start
	if p, ok := r.at[start]; ok && p.Kind == Stated {
		p.Text = withoutID(r.spans(n))
		r.add(n, p)
		return
	}
	if m := verdictLine.FindSubmatchIndex(bytes.TrimSpace(r.body[start:n.Lines().At(0).Stop])); m != nil {
		if p, ok := r.at[start+m[2]]; ok {
			r.add(n, p)
			return
		}
	}
	r.add(n, Passage{Kind: Paragraph, Text: r.spans(n)})
}

// withoutID takes "Claim 2.1:" from the text of a claim.
func withoutID(spans []Span) []Span {
	if len(spans) > 1 && spans[0].Style == Strong {
		spans = spans[1:]
		spans[0].Text = strings.TrimLeft(spans[0].Text, " ")
	}
	return spans
}

// add adds a passage with what stands around it.
func (r *reader) add(n ast.Node, p Passage) {
	offset := n.Pos()
	if n.Lines() != nil && n.Lines().Len() > 0 && p.Kind != Experiment && p.Kind != Listing {
		offset = n.Lines().At(0).Start
	}
	p.Pos = r.lesson.source.pos(offset)
	for child, parent := n, n.Parent(); parent != nil; child, parent = parent, parent.Parent() {
		switch parent := parent.(type) {
		case *ast.ListItem:
			if p.Depth == 0 && child.PreviousSibling() == nil {
				p.Marker = marker(parent)
			}
			p.Depth++
		case *ast.Blockquote:
			p.Quoted = p.Claim == nil
		}
	}
	r.all = append(r.all, p)
}

// marker returns what stands before an item of a list.
func marker(item *ast.ListItem) string {
	list, ok := item.Parent().(*ast.List)
	if !ok || !list.IsOrdered() {
		return "-"
	}
	number := list.Start
	for n := item.PreviousSibling(); n != nil; n = n.PreviousSibling() {
		number++
	}
	return fmt.Sprintf("%d.", number)
}

// lines returns the lines of code.
func (r *reader) lines(n ast.Node) []string {
	var lines []string
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		lines = append(lines, strings.TrimRight(string(s.Value(r.body)), "\n"))
	}
	return lines
}

// rows returns the cells of a table.
func (r *reader) rows(table ast.Node) [][][]Span {
	var rows [][][]Span
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		var cells [][]Span
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, r.spans(cell))
		}
		rows = append(rows, cells)
	}
	return rows
}

// spans returns the inlines of a block.
func (r *reader) spans(block ast.Node) []Span {
	var s spanner
	if block.FirstChild() == nil && block.Lines() != nil {
		s.add(strings.Join(r.lines(block), " "))
	}
	_ = ast.Walk(block, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // which returns no errors
		switch n := n.(type) {
		case *ast.Emphasis:
			style := Emphasized
			if n.Level > 1 {
				style = Strong
			}
			s.within(style, entering)
		case *ast.CodeSpan:
			s.within(Code, entering)
		case *ast.Text:
			if entering {
				s.text(r.body, n)
			}
		case *ast.AutoLink:
			if entering {
				s.add(string(n.Label(r.body)))
			}
		}
		return ast.WalkContinue, nil
	})
	return s.spans
}

// A spanner joins texts to spans.
type spanner struct {
	styles []Style // around the next text
	spans  []Span
}

func (s *spanner) within(style Style, entering bool) {
	if entering {
		s.styles = append(s.styles, style)
	} else {
		s.styles = s.styles[:len(s.styles)-1]
	}
}

// text adds a text with its references and backslashes resolved, which code
// has none of, and the end of its line.
func (s *spanner) text(source []byte, n *ast.Text) {
	value := n.Segment.Value(source)
	if !n.IsRaw() && s.style() != Code {
		value = util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(value)))
	}
	s.add(string(value))
	switch {
	case n.HardLineBreak():
		s.add("\n")
	case n.SoftLineBreak():
		s.add(" ")
	}
}

func (s *spanner) style() Style {
	if k := len(s.styles); k > 0 {
		return s.styles[k-1]
	}
	return Plain
}

// add adds text in the current style.
func (s *spanner) add(text string) {
	if k := len(s.spans); k > 0 && s.spans[k-1].Style == s.style() {
		s.spans[k-1].Text += text
	} else if text != "" {
		s.spans = append(s.spans, Span{text, s.style()})
	}
}
