package handout

import (
	"bytes"
	"html"
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"hostlab/lab/lesson"
)

// maxInline is the longest paragraph whose emphasis and links are looked for,
// in bytes: the time that takes grows with its square.
const maxInline = 16 << 10

// markdown returns a parser and renderer of prose; experiments are the page's.
func (h *page) markdown(body []byte) goldmark.Markdown {
	extensions := []goldmark.Extender{extension.Table, extension.Strikethrough}
	options := []goldmark.Option{
		goldmark.WithExtensions(extensions...),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(h, 1))),
	}
	for paragraph := range bytes.SplitSeq(body, []byte("\n\n")) {
		if len(paragraph) > maxInline {
			options = append(options, goldmark.WithParser(parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))))
			break
		}
	}
	return goldmark.New(options...)
}

// body returns the lesson as HTML. What stands between a claim and its verdict
// becomes a section of its own.
func (h *page) body() (template.HTML, error) {
	source := bytes.Clone(h.l.Source())
	blankFrontMatter(source)
	md := h.markdown(source)
	doc := md.Parser().Parse(text.NewReader(source))
	var b bytes.Buffer
	open := false
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if heading, ok := n.(*ast.Heading); ok && heading.Level == 1 && n.PreviousSibling() == nil {
			continue // the page has the title
		}
		claim, verdict := h.claimAt(n), h.verdictAt(n)
		if claim != nil && !open {
			class := h.claim(claim).Class
			b.WriteString(`<section class="claim ` + html.EscapeString(class) + `" id="` + html.EscapeString("claim-"+claim.ID) + `">` + "\n")
			open = true
		}
		if err := md.Renderer().Render(&b, source, n); err != nil {
			return "", err
		}
		if verdict != nil && open {
			b.WriteString("</section>\n")
			open = false
		}
	}
	if open {
		b.WriteString("</section>\n")
	}
	return template.HTML(h.rewrite(b.String())), nil // #nosec: goldmark escapes, HTML in the source too
}

// blankFrontMatter overwrites the lines up to the second "---".
func blankFrontMatter(source []byte) {
	first, _, found := bytes.Cut(source, []byte("\n"))
	if !found || string(bytes.TrimRight(first, " ")) != "---" {
		return
	}
	for at := 0; at < len(source); {
		line, _, _ := bytes.Cut(source[at:], []byte("\n"))
		last := at > 0 && string(bytes.TrimRight(line, " ")) == "---"
		for i := range line {
			line[i] = ' '
		}
		if last {
			return
		}
		at += len(line) + 1
	}
}

// inline returns one line of Markdown as HTML.
func (h *page) inline(line string) template.HTML {
	var b bytes.Buffer
	if err := h.markdown([]byte(line)).Convert([]byte(line), &b); err != nil {
		return template.HTML(html.EscapeString(line))
	}
	s := strings.TrimSpace(b.String())
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<p>"), "</p>")
	return template.HTML(h.rewrite(s)) // #nosec: goldmark escapes
}

// start returns where the first paragraph of a blockquote begins and its first
// line ends; ok says that there is one.
func start(n ast.Node) (from, to int, ok bool) {
	if _, quoted := n.(*ast.Blockquote); !quoted || n.FirstChild() == nil {
		return 0, 0, false
	}
	p, isText := n.FirstChild().(*ast.Paragraph)
	if !isText || p.Lines().Len() == 0 {
		return 0, 0, false
	}
	return p.Lines().At(0).Start, p.Lines().At(0).Stop, true
}

func (h *page) claimAt(n ast.Node) *lesson.Claim {
	from, _, ok := start(n)
	if !ok {
		return nil
	}
	return h.byText[from]
}

func (h *page) verdictAt(n ast.Node) *lesson.Claim {
	from, to, ok := start(n)
	if !ok {
		return nil
	}
	for _, c := range h.l.Claims {
		if at := c.VerdictPos.Offset; from <= at && at < to {
			return c
		}
	}
	return nil
}

// RegisterFuncs implements goldmark's renderer.NodeRenderer.
func (h *page) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, h.renderFence)
	r.Register(ast.KindBlockquote, h.renderQuote)
	r.Register(ast.KindHTMLBlock, h.renderHTMLBlock)
	r.Register(ast.KindRawHTML, h.renderRawHTML)
	r.Register(ast.KindImage, h.renderImage)
	r.Register(ast.KindLink, h.renderLink)
}

// write writes HTML that a part of the page has made.
func write(w util.BufWriter, part template.HTML, err error) (ast.WalkStatus, error) {
	if err != nil {
		return ast.WalkStop, err
	}
	_, _ = w.WriteString(string(part) + "\n") // goldmark flushes, and has the error then
	return ast.WalkSkipChildren, nil
}

func (h *page) renderFence(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	var code strings.Builder
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		code.Write(s.Value(source))
	}
	b := h.blocks[n.Pos()]
	switch {
	case b == nil:
		part, err := execute("code", code.String())
		return write(w, part, err)
	case b.Kind == lesson.Wire:
		part, err := h.diagram(b, code.String())
		return write(w, part, err)
	}
	part, err := h.console(b)
	return write(w, part, err)
}

// renderQuote renders a claim, a verdict, or a mere quotation.
func (h *page) renderQuote(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	claim, verdict := h.claimAt(n), h.verdictAt(n)
	switch {
	case !entering && (claim != nil || verdict != nil):
		return ast.WalkContinue, nil
	case claim != nil:
		v := h.claim(claim)
		var err error
		if v.Text, err = h.claimText(source, n); err != nil {
			return ast.WalkStop, err
		}
		part, err := execute("claim", v)
		return write(w, part, err)
	case verdict != nil:
		part, err := execute("verdict", h.claim(verdict))
		return write(w, part, err)
	}
	tag := "<blockquote>\n"
	if !entering {
		tag = "</blockquote>\n"
	}
	_, _ = w.WriteString(tag)
	return ast.WalkContinue, nil
}

// claimText returns what a claim says, without its "Claim 2.1:".
func (h *page) claimText(source []byte, quote ast.Node) (template.HTML, error) {
	md := h.markdown(nil)
	var b bytes.Buffer
	first := quote.FirstChild()
	for n := first.FirstChild(); n != nil; n = n.NextSibling() {
		if n == first.FirstChild() && n.Kind() == ast.KindEmphasis {
			continue
		}
		if err := md.Renderer().Render(&b, source, n); err != nil {
			return "", err
		}
	}
	for n := first.NextSibling(); n != nil; n = n.NextSibling() {
		if err := md.Renderer().Render(&b, source, n); err != nil {
			return "", err
		}
	}
	return template.HTML(b.String()), nil // #nosec: goldmark escapes
}

// renderHTMLBlock shows HTML as the text that it is; comments are left out.
func (h *page) renderHTMLBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block := n.(*ast.HTMLBlock)
	if block.HTMLBlockType == ast.HTMLBlockType2 { // a comment
		return ast.WalkSkipChildren, nil
	}
	var code strings.Builder
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		code.Write(s.Value(source))
	}
	if block.HasClosure() {
		code.Write(block.ClosureLine.Value(source))
	}
	part, err := execute("code", code.String())
	return write(w, part, err)
}

func (h *page) renderRawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	var code strings.Builder
	raw := n.(*ast.RawHTML)
	for i := range raw.Segments.Len() {
		s := raw.Segments.At(i)
		code.Write(s.Value(source))
	}
	if !strings.HasPrefix(code.String(), "<!--") {
		_, _ = w.WriteString("<code>" + html.EscapeString(code.String()) + "</code>")
	}
	return ast.WalkSkipChildren, nil
}

// renderImage shows what an image is of, and says where it is: the page loads
// nothing.
func (h *page) renderImage(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	tag := "</span>"
	if entering {
		tag = `<span class="picture" title="` + html.EscapeString(string(n.(*ast.Image).Destination)) + `">picture: `
	}
	_, _ = w.WriteString(tag)
	return ast.WalkContinue, nil
}

func (h *page) renderLink(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		_, _ = w.WriteString("</a>")
		return ast.WalkContinue, nil
	}
	link := n.(*ast.Link)
	anchor(w, link.Destination, string(link.Title))
	return ast.WalkContinue, nil
}

// anchor opens a link; where it leads to a script, it leads nowhere.
func anchor(w util.BufWriter, to []byte, title string) {
	_, _ = w.WriteString(`<a rel="noopener noreferrer"`)
	if !goldhtml.IsDangerousURL(to) && !bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(to)), []byte("data:")) {
		_, _ = w.WriteString(` href="` + html.EscapeString(string(util.URLEscape(to, true))) + `"`)
	}
	if title != "" {
		_, _ = w.WriteString(` title="` + html.EscapeString(title) + `"`)
	}
	_, _ = w.WriteString(">")
}
