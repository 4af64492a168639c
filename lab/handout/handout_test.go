package handout

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"hostlab/lab/lesson"
	"hostlab/lab/lessons"
	"hostlab/lab/report"
)

// source is a lesson with one of everything.
const source = `---
title: Who says "refused"
lab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}
---

# Who says "refused"

Some *prose* with ` + "`code`" + `, a [link](two-servers.md), and:

| a | b |
|---|---|
| 1 | 2 |

> A quotation.

## With a server

> **Claim 1:** A server **answers** the second request.

` + "```console" + `
guinness:2$ server
Listening
[running]
laptop:~$ ask
...
yes at {port}
` + "```" + `

` + "```mermaid" + `
sequenceDiagram
    loop 1 times
        laptop-xguinness: UDP to 1060, 23 bytes
    end
    Note over laptop: at least 0.1 s passes
    laptop->>guinness: UDP to 1060, 23 bytes
` + "```" + `

> **Verdict:** confirmed

## Without one

> **Claim 2:** Nobody tells the client.

` + "```console book" + `
laptop:~$ client
Client at {port}
I think the server is down
` + "```" + `

` + "```console" + `
guinness:2 | ^C
laptop:~$ client
Client at {port}
\{Connection\} refused
[exit 1]
$ hostlab fault clear
` + "```" + `

` + "```mermaid" + `
sequenceDiagram
    %% not checked
    laptop->>laptop: thinks
` + "```" + `

> **Verdict:** contradicted
`

var script = map[string]string{
	"guinness$ server": "Listening\n[running]\n",
	"laptop$ ask":      "well\nyes at 4000\n",
	"laptop$ client":   "Client at 7\n{Connection\\} refused\n[exit 1]\n",
	"wire":             "0.01 laptop guinness 23 lost drop udp/1060 --first 1\n0.2 laptop guinness 23\n",
}

// withoutStyle is a page without its CSS, which golden files need not repeat.
func withoutStyle(page string) string {
	return regexp.MustCompile(`(?s)<style>.*</style>`).ReplaceAllString(page, "<style></style>")
}

func with(key, value string) map[string]string {
	changed := map[string]string{}
	for k, v := range script {
		changed[k] = v
	}
	changed[key] = value
	return changed
}

func TestPage(t *testing.T) {
	l := parse(t, source)
	differs := run(t, l, with("laptop$ ask", "well\nno at <4000>\nand more\n"))
	for name, o := range map[string]*Options{
		"stated":  nil,
		"real":    run(t, l, script),
		"differs": differs,
		"skipped": {Outcome: &report.Lesson{Skipped: "this kernel has no IPv6"}},
	} {
		page := render(t, l, o)
		safe(t, name, page)
		if name != "skipped" {
			golden(t, "page-"+name+".html", withoutStyle(page))
		}
	}
}

// TestWords wants what each page must say, and what it must not.
func TestWords(t *testing.T) {
	l := parse(t, source)
	real, stated := render(t, l, run(t, l, script)), render(t, l, nil)
	more := render(t, l, run(t, l, with("laptop$ client", "Client at 7\n{Connection\\} refused\nand more\n[exit 1]\n")))
	for _, test := range []struct {
		page     string
		has, not []string
	}{
		{stated, []string{"As stated", "Nothing was run", "<var>port</var>", "every packet between the hosts", "stated as contradicted"}, []string{"Real output", "4000", "seen on the wire"}},
		{real, []string{"Real output", "on fake 1", "yes at 4000", "drop udp/1060 --first 1", "0.2000 s", "The network says", strings.Repeat("0", 64)}, []string{"As stated", "Nothing was run", "no block shows"}},
		{more, []string{`and more <span class="why">no block shows this line</span>`, "the lesson states contradicted"}, nil},
	} {
		for _, words := range test.has {
			if !strings.Contains(test.page, words) {
				t.Errorf("no %q in the page", words)
			}
		}
		for _, words := range test.not {
			if strings.Contains(test.page, words) {
				t.Errorf("%q in the page", words)
			}
		}
	}
}

// hostile is what an author or a host may write to break out of the page.
var hostile = []string{
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `</style><script>alert(1)</script>`, `</section></main><form>`,
	`[x](javascript:alert(1))`, `[x](JaVaScRiPt:alert(1))`, `[x](data:text/html,<script>)`, `![x](http://evil/x.png)`, `[![x](javascript:x)](javascript:y)`, `<javascript:alert(1)>`,
	`<iframe src="//evil">`, `<svg onload=alert(1)>`, `"><script>alert(1)</script>`, `&lt;script&gt;`, "<!-- c --><b onclick=x>", "\u202egnp.exe", "{{.Title}}", "<a href='javascript:x'>",
}

// TestHostile puts all that into every place of a lesson where it may stand.
func TestHostile(t *testing.T) {
	for _, h := range hostile {
		yaml := strings.ReplaceAll(h, `'`, `''`)
		for name, change := range map[string]func(string) string{
			"title":   func(s string) string { return strings.Replace(s, `Who says "refused"`, "'"+yaml+"'", 1) },
			"heading": func(s string) string { return strings.Replace(s, "## With", "## "+h+" With", 1) },
			"prose":   func(s string) string { return strings.Replace(s, "Some *prose*", "Some "+h+" *prose*", 1) },
			"block":   func(s string) string { return strings.Replace(s, "Some *prose*", h+"\n\nSome", 1) },
			"claim":   func(s string) string { return strings.Replace(s, "A server **answers**", "A "+h+" server", 1) },
			"line": func(s string) string {
				return strings.Replace(s, "\nListening\n", "\n\\"+strings.ReplaceAll(h, "{", `\{`)+"\n", 1)
			},
			"table": func(s string) string { return strings.Replace(s, "| 1 |", "| "+h+" |", 1) },
		} {
			changed := change(source)
			l, err := lesson.Parse("<lesson>.md", []byte(changed))
			if err != nil {
				t.Errorf("%s in the %s: %v", h, name, err)
				continue
			}
			if page := render(t, l, nil); !safe(t, h+" in the "+name, page) {
				return
			}
		}
		l := parse(t, source)
		o := run(t, l, with("laptop$ ask", h+"\n"))
		o.Engine, o.Evidence, o.Outcome.Notes = h, h, []string{h}
		safe(t, h+" printed", render(t, l, o))
	}
}

// allowed are the elements that a page may have, and their attributes.
var allowed = map[string]string{
	"html": "lang", "head": "", "meta": "charset http-equiv content name", "title": "", "style": "", "body": "",
	"main": "id", "header": "class", "footer": "class", "nav": "aria-label", "section": "class id", "div": "class",
	"h1": "", "h2": "id", "h3": "id", "h4": "id", "h5": "id", "h6": "id", "p": "class", "a": "class href rel title", "b": "", "strong": "class", "em": "", "del": "", "br": "",
	"span": "class title", "code": "", "pre": "class", "kbd": "", "var": "", "blockquote": "", "ul": "class", "ol": "class start", "li": "class", "hr": "",
	"dl": "class", "dt": "", "dd": "", "table": "class", "thead": "", "tbody": "", "tr": "", "th": "scope style", "td": "style",
	"figure": "class role aria-label", "figcaption": "", "fieldset": "class", "legend": "", "input": "type name id checked", "label": "for",
	"svg": "class role viewBox width height xmlns", "desc": "", "line": "class x1 y1 x2 y2", "rect": "class x y width height rx", "polygon": "class points", "text": "class x y",
}

// safe wants a page of allowed elements only, each of them closed, whose links
// are harmless.
func safe(t *testing.T, name, page string) bool {
	t.Helper()
	ok := true
	fail := func(format string, args ...any) {
		ok = false
		t.Errorf("%s: "+format, append([]any{name}, args...)...)
	}
	var open []string
	ids := map[string]bool{}
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		tag := z.Token()
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			attributes, known := allowed[tag.Data]
			if !known {
				fail("<%s>", tag.Data)
			}
			for _, a := range tag.Attr {
				if !slices.Contains(strings.Fields(strings.ToLower(attributes)), strings.ToLower(a.Key)) {
					fail("<%s %s=%q>", tag.Data, a.Key, a.Val)
				}
				if a.Key == "href" && strings.Contains(a.Val, ":") && !strings.HasPrefix(a.Val, "http") {
					fail("<a href=%q>", a.Val)
				}
				if a.Key == "id" && ids[a.Val] {
					fail("the id %q is there twice", a.Val)
				}
				ids[a.Val] = ids[a.Val] || a.Key == "id"
			}
			if kind == html.StartTagToken && !slices.Contains([]string{"meta", "input", "br", "hr"}, tag.Data) {
				open = append(open, tag.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tag.Data {
				fail("</%s> closes %v", tag.Data, open)
				return false
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		fail("never closed: %v", open)
	}
	if !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
		fail("no Content-Security-Policy")
	}
	return ok
}

// TestAccessible wants a title and words for each picture, and one h1.
func TestAccessible(t *testing.T) {
	l := parse(t, source)
	page := render(t, l, run(t, l, script))
	for what, want := range map[string]int{"<h1": 1, `role="img"`: 2, "<title>": 3, "<desc>": 2, `lang="en"`: 1, "<main": 1, `scope="row"`: 2} {
		if got := strings.Count(page, what); got != want {
			t.Errorf("%d times %s; want %d", got, what, want)
		}
	}
	if !strings.Contains(page, "laptop to guinness, never arrived: UDP to 1060, 23 bytes taken at guinness: drop udp/1060 --first 1") {
		t.Error("the diagram's words do not tell of the lost packet")
	}
}

// luminance is that of WCAG 2.2, of a colour "#rrggbb".
func luminance(color string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			panic(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestContrast(t *testing.T) {
	for i, p := range palettes {
		check := func(what, front, back string) {
			a, b := luminance(front), luminance(back)
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("palette %d: %s: %s on %s has a contrast of %.2f; want 4.5", i, what, front, back, ratio)
			}
		}
		for _, back := range []string{p.paper, p.panel, p.shade, p.lane, p.badBack} {
			check("ink", p.ink, back)
		}
		for _, back := range []string{p.paper, p.panel, p.shade} {
			check("quiet", p.quiet, back)
			check("accent", p.accent, back)
		}
		for k, h := range p.hosts {
			check(fmt.Sprint("host ", k), h, p.panel)
			check(fmt.Sprint("host ", k), h, p.paper)
		}
		check("good", p.good, p.goodBack)
		check("other", p.other, p.otherBack)
		check("bad", p.bad, p.badBack)
		check("bad", p.bad, p.panel)
		check("open", p.open, p.openBack)
		for _, badge := range []string{p.good, p.other, p.bad, p.open} { // those that are only stated
			check("badge", badge, p.paper)
		}
	}
}

// TestManyPackets leaves out the middle of a long diagram.
func TestManyPackets(t *testing.T) {
	var wire strings.Builder
	for i := range 100 {
		fmt.Fprintf(&wire, "%.2f laptop guinness %d\n", float64(i)/100, i)
	}
	page := render(t, parse(t, source), run(t, parse(t, source), with("wire", wire.String())))
	for words, want := range map[string]bool{"60 more packets": true, ", 34 bytes": true, ", 35 bytes": false, ", 94 bytes": false, ", 95 bytes": true} {
		if strings.Contains(page, words) != want {
			t.Errorf("%q in the page is %v; want %v", words, !want, want)
		}
	}
}

// TestMoved gives prose the addresses that the lab really had.
func TestMoved(t *testing.T) {
	l := parse(t, strings.Replace(source, "Some *prose*", "Call `192.168.5.130` or 192.168.5.10, *prose*", 1))
	o := run(t, l, script)
	o.Ran = l.Topology.Clone()
	for i, a := range []string{"10.9.8.10", "10.9.8.130"} {
		o.Ran.Hosts[i].Interfaces[0].Addrs[0] = netip.MustParseAddr(a)
	}
	page := render(t, l, o)
	for _, words := range []string{"<code>10.9.8.130</code>", "or 10.9.8.10,"} {
		if !strings.Contains(page, words) {
			t.Errorf("no %q in the page", words)
		}
	}
	if strings.Contains(page, "192.168.5.10") {
		t.Error("an address of the lesson is left")
	}
}

// TestShipped renders the project's own lessons.
func TestShipped(t *testing.T) {
	all, err := lessons.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		page := render(t, l, nil)
		safe(t, l.File, page)
		if got := strings.Count(page, `<section class="claim`); got != len(l.Claims) {
			t.Errorf("%s: %d claims; want %d", l.File, got, len(l.Claims))
		}
	}
}

// TestLarge renders a lesson that is nearly as large as one may be, with one
// endless paragraph.
func TestLarge(t *testing.T) {
	l := parse(t, strings.Replace(source, "Some *prose*", strings.Repeat("a *b* [c](d) _", 12<<10), 1))
	safe(t, "large", render(t, l, nil))
}
