package lesson

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"hostlab/lab/topology"
)

// Load reads a lesson and, when its lab is a Compose file, that file as well,
// which stands beside it. Read is os.ReadFile, or the ReadFile of an fs. The
// error is that of read, of the Compose file, or Parse's.
func Load(ctx context.Context, file string, read func(string) ([]byte, error)) (*Lesson, error) {
	data, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("lesson: %w", err)
	}
	l, err := Parse(file, data)
	if err != nil || l.LabFile == "" {
		return l, err
	}
	compose := path.Join(path.Dir(filepath.ToSlash(file)), l.LabFile)
	data, err = read(compose)
	if err != nil {
		return nil, &Problem{File: file, Pos: l.labPos, Text: fmt.Sprintf("lab: %v", err), cause: err}
	}
	t, err := topology.Parse(ctx, compose, data)
	if err != nil {
		return nil, err
	}
	if err := l.SetTopology(t); err != nil {
		return nil, err
	}
	return l, nil
}

// SetTopology gives a lesson the hosts of its Compose file. The error joins a
// Problem for each place of the lesson that names a host they lack.
func (l *Lesson) SetTopology(t *topology.Topology) error {
	l.Topology = t
	return joinProblems(l.unknownHosts())
}

// Parse reads a lesson. The name is for messages only. The error joins a
// *Problem for everything that is wrong with the file, in its order; see
// Problems. Hosts are checked when the front matter lists them, else by
// SetTopology. Parse starts nothing and keeps no reference to data.
func Parse(file string, data []byte) (*Lesson, error) {
	p := newFileParser(file, data)
	if !p.readable(data) {
		return nil, joinProblems(p.problems)
	}
	body := bytes.Clone(p.src.data)
	if start, stop, after, ok := frontMatter(body); ok {
		if stop < 0 {
			p.failAt(0, "the front matter has no second line ---")
			return nil, joinProblems(p.problems)
		}
		p.header(start, stop)
		blank(body[:after])
	}
	p.markdown(body)
	p.checkTabs()
	p.lint()
	if len(p.problems) > 0 {
		return nil, joinProblems(p.problems)
	}
	if p.lesson.Title == "" {
		p.lesson.Title = p.lesson.firstHeading()
	}
	return p.lesson, nil
}

// A fileParser holds what is known while a file is read.
type fileParser struct {
	src      *source
	lesson   *Lesson
	problems []*Problem

	yamlLine int    // of the front matter's first line
	claim    *Claim // the one that waits for its verdict
	ids      map[string]*Claim
	foreign  [][2]int // fences of other languages: offsets of what is in them
}

func newFileParser(file string, data []byte) *fileParser {
	// A carriage return is reported once and then a blank, so that all other
	// complaints can be made too, at the right places.
	src := newSource(file, bytes.ReplaceAll(data, []byte("\r"), []byte(" ")))
	own := patterns{}
	for name, re := range builtin {
		own[name] = re
	}
	return &fileParser{src: src, ids: map[string]*Claim{}, lesson: &Lesson{
		File:     file,
		Timeout:  DefaultTimeout,
		Topology: &topology.Topology{},
		source:   src,
		patterns: own,
	}}
}

func (p *fileParser) failAt(offset int, format string, args ...any) {
	p.problems = append(p.problems, p.src.problem(offset, format, args...))
}

// readable reports whether the file is text at all.
func (p *fileParser) readable(data []byte) bool {
	if len(data) > MaxSize {
		p.failAt(0, "the lesson has %d bytes; %d is the most", len(data), MaxSize)
		return false
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 || r == 0 {
			p.failAt(i, "byte 0x%02x is no text; a lesson is UTF-8", data[i])
			return false
		}
		i += n
	}
	if m := deepQuote.FindIndex(data); m != nil {
		p.failAt(m[0], "blockquotes more than %d deep", maxQuotes)
		return false
	}
	if i := bytes.IndexByte(data, '\r'); i >= 0 {
		p.failAt(i, "the line ends in CR LF; convert the file: sed -i 's/\\r$//' %s", p.src.file)
	}
	return true
}

// maxQuotes is the deepest nesting of blockquotes: the time that Markdown takes
// grows with its square.
const maxQuotes = 32

var deepQuote = regexp.MustCompile(fmt.Sprintf(`(?m)^(?:[ \t0-9.)*+-]*>){%d}`, maxQuotes+1))

// blank overwrites all but the line ends, so that offsets stay as they are.
func blank(b []byte) {
	for i := range b {
		if b[i] != '\n' {
			b[i] = ' '
		}
	}
}

// blocks is a Markdown parser that leaves inlines alone: nothing here needs
// them, and they are where hostile files take quadratic time.
var blocks = parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))

// markdown walks through the document in order.
func (p *fileParser) markdown(body []byte) {
	p.section("", 0, 0)
	doc := blocks.Parse(text.NewReader(body))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if n.Parent() == doc {
				p.section(p.rawText(n), n.Level, n.Pos())
			}
		case *ast.Paragraph:
			p.paragraph(n)
		case *ast.FencedCodeBlock:
			p.fence(n)
		case *ast.CodeBlock:
			p.indented(n)
		}
		return ast.WalkContinue, nil
	})
	if p.claim != nil {
		p.failAt(p.claim.Pos.Offset, "claim %s has no verdict; end it with: > **Verdict:** confirmed", p.claim.ID)
	}
	if s := p.lesson.Sections; len(s) > 1 && len(s[0].Blocks) == 0 {
		p.lesson.Sections = s[1:]
	}
}

// section begins a new section.
func (p *fileParser) section(heading string, level, offset int) {
	p.lesson.Sections = append(p.lesson.Sections, &Section{Heading: heading, Level: level, Pos: p.src.pos(offset)})
}

// current returns the section that is being read.
func (p *fileParser) current() *Section { return p.lesson.Sections[len(p.lesson.Sections)-1] }

// rawText returns the Markdown of a block's lines, joined by blanks.
func (p *fileParser) rawText(n ast.Node) string {
	var lines []string
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		lines = append(lines, strings.TrimSpace(string(p.src.data[s.Start:s.Stop])))
	}
	return strings.Join(lines, " ")
}

// firstHeading returns the heading that names a lesson without a title.
func (l *Lesson) firstHeading() string {
	for _, s := range l.Sections {
		if s.Heading != "" {
			return s.Heading
		}
	}
	return l.File
}

var (
	claimLine   = regexp.MustCompile(`^\*\*Claim ([A-Za-z0-9][A-Za-z0-9.-]*):\*\*(?: +(.*))?$`)
	verdictLine = regexp.MustCompile(`^\*\*Verdict:\*\* +(.*)$`)
	almost      = regexp.MustCompile(`^(?i:[*_]+ *(claim|verdict)\b)`)
)

// paragraph takes the first paragraph of a blockquote for a claim or a
// verdict when it begins like one.
func (p *fileParser) paragraph(n *ast.Paragraph) {
	if n.Lines().Len() == 0 {
		return
	}
	offset := n.Lines().At(0).Start
	raw := p.rawText(n)
	_, quoted := n.Parent().(*ast.Blockquote)
	quoted = quoted && n.PreviousSibling() == nil
	claim, verdict := claimLine.FindStringSubmatch(raw), verdictLine.FindStringSubmatchIndex(raw)
	switch {
	case quoted && claim != nil:
		p.openClaim(offset, claim[1], claim[2])
	case quoted && verdict != nil:
		p.closeClaim(offset, offset+verdict[2], raw[verdict[2]:])
	case almost.MatchString(raw):
		p.failAt(offset, "almost a claim or verdict; write it as: > **Claim 2.1:** text, > **Verdict:** confirmed")
	}
}

func (p *fileParser) openClaim(offset int, id, text string) {
	if p.claim != nil {
		p.failAt(offset, "claim %s (line %d) has no verdict yet", p.claim.ID, p.claim.Pos.Line)
	}
	if c := p.ids[id]; c != nil {
		p.failAt(offset, "claim %s is in line %d already", id, c.Pos.Line)
	}
	if text == "" {
		p.failAt(offset, "claim %s says nothing", id)
	}
	p.claim = &Claim{ID: id, Text: text, Pos: p.src.pos(offset)}
	p.lesson.Claims = append(p.lesson.Claims, p.claim)
	p.ids[id] = p.claim
}

func (p *fileParser) closeClaim(offset, wordOffset int, word string) {
	v := Verdict(word)
	if v != Confirmed && v != Contradicted {
		p.failAt(wordOffset, "a verdict is confirmed or contradicted, not %q", word)
	}
	if p.claim == nil {
		p.failAt(offset, "a verdict without a claim; begin one with: > **Claim 2.1:** text")
		return
	}
	p.claim.Stated = v
	p.claim.VerdictPos = p.src.pos(wordOffset)
	p.claim = nil
}

// fence takes a fenced block: console, console book, a sequence diagram, or
// nothing of ours.
func (p *fileParser) fence(n *ast.FencedCodeBlock) {
	p.checkClosed(n)
	info := ""
	if n.Info != nil {
		info = string(n.Info.Segment.Value(p.src.data))
	}
	words := strings.Fields(info)
	switch {
	case info == "console", info == "console book":
		kind := Console
		if info != "console" {
			kind = Book
		}
		p.console(p.block(kind, n), n)
	case len(words) > 0 && strings.EqualFold(words[0], "console"):
		p.failAt(n.Info.Segment.Start, "a fence %q; known are \"console\" and \"console book\"", info)
	case len(words) > 0 && words[0] == "mermaid" && p.isSequence(n):
		b := p.block(Wire, n)
		b.Diagram = p.diagram(n)
	default:
		p.foreign = append(p.foreign, [2]int{n.Pos(), p.fenceEnd(n)})
	}
}

// block makes a block of the current section and claim.
func (p *fileParser) block(kind BlockKind, n ast.Node) *Block {
	b := &Block{Kind: kind, Pos: p.src.pos(n.Pos()), Claim: p.claim, Section: p.current(), end: p.fenceEnd(n)}
	b.Section.Blocks = append(b.Section.Blocks, b)
	if b.Claim != nil {
		b.Claim.Blocks = append(b.Claim.Blocks, b)
	}
	return b
}

// fenceEnd returns the offset behind a fence's content.
func (p *fileParser) fenceEnd(n ast.Node) int {
	if k := n.Lines().Len(); k > 0 {
		return n.Lines().At(k - 1).Stop
	}
	return p.lineEnd(n.Pos())
}

// lineEnd returns the offset behind the line that holds an offset.
func (p *fileParser) lineEnd(offset int) int {
	if i := bytes.IndexByte(p.src.data[offset:], '\n'); i >= 0 {
		return offset + i + 1
	}
	return len(p.src.data)
}

// closing is the line that ends a fence, with the marks of the blockquotes
// around it.
var closing = regexp.MustCompile("^[ >]*(```+|~~~+) *$")

// checkClosed reports a fence that runs to the end of the file, or of the list
// or blockquote that it stands in: Markdown does not mind, readers do.
func (p *fileParser) checkClosed(n ast.Node) {
	end := p.fenceEnd(n)
	line := bytes.TrimRight(p.src.data[end:p.lineEnd(end)], "\n")
	if !closing.Match(line) {
		p.failAt(n.Pos(), "the fence is not closed")
	}
}

// indented reports a fence that Markdown takes for indented code, so that
// nobody would run it.
func (p *fileParser) indented(n *ast.CodeBlock) {
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		line := strings.TrimSpace(string(s.Value(p.src.data)))
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") {
			p.failAt(s.Start, "a fence indented by four blanks is code to Markdown; nobody runs it")
			return
		}
	}
}

// checkTabs reports the first tab. A tab looks like blanks and matches none;
// only fences of other languages may have them.
func (p *fileParser) checkTabs() {
	at := 0
	for _, f := range append(p.foreign, [2]int{len(p.src.data), len(p.src.data)}) {
		if f[0] < at {
			continue
		}
		if i := bytes.IndexByte(p.src.data[at:f[0]], '\t'); i >= 0 {
			p.failAt(at+i, "a tab; use blanks")
			return
		}
		at = f[1]
	}
}
