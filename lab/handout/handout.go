// Package handout makes a lesson one HTML page to read, print and keep: its
// prose, its transcripts as terminals show them, the lab and the packets as
// pictures, and a verdict for each claim.
//
// The page stands for itself: no script, no font and no picture comes from
// elsewhere, and its Content-Security-Policy lets none run or load. Light and
// dark follow the reader's system or a switch on the page, both by CSS alone;
// on paper it is light. What a lesson's author wrote is text to it: HTML in a
// lesson is shown and not obeyed.
//
// With a result the page shows what really came out; without one it shows what
// the lesson states, and says so. Pictures are laid out by functions from data
// to shapes, without any I/O.
package handout

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/report"
	"hostlab/lab/topology"
)

// Options are the choices of Write. Nil means the defaults.
type Options struct {
	// Outcome is what came of the lesson on hosts. Nil, or one without a
	// Result, shows what the lesson states.
	Outcome *report.Lesson

	// Ran is the lab as it ran; nil means as the lesson declares it.
	Ran *topology.Topology

	Engine   string    // what it ran on: "docker 20.10.24, linux 6.18"
	When     time.Time // of the run; zero leaves it out
	Evidence string    // SHA-256 of the bundle that the outcome is from; "" when from none
}

//go:embed page.html style.css
var files embed.FS

var pageTemplate = template.Must(template.ParseFS(files, "page.html"))

// Write writes the page of a lesson.
func Write(w io.Writer, l *lesson.Lesson, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	h := newPage(l, o)
	style, err := stylesheet()
	if err != nil {
		return err
	}
	body, err := h.body()
	if err != nil {
		return fmt.Errorf("handout: %s: %w", l.File, err)
	}
	var b bytes.Buffer
	err = pageTemplate.ExecuteTemplate(&b, "page", map[string]any{
		"Title": h.rewrite(l.Title), "File": l.File, "Style": style, "Body": body, "Claims": h.claims(), "Source": h.source(),
		"Lab": h.lab(), "Counts": h.counts(), "Problems": h.problems(h.loose()), "Notes": h.notes(),
	})
	if err != nil {
		return fmt.Errorf("handout: %s: %w", l.File, err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// A page is one lesson on its way to HTML.
type page struct {
	l   *lesson.Lesson
	o   *Options
	res *lesson.Result // nil when the lesson only states

	blocks map[int]*lesson.Block // by the offset of their fence
	shown  map[*lesson.Block]*lesson.BlockResult
	byText map[int]*lesson.Claim // claims by the offset of their text
	colors map[string]string

	rewrite func(string) string // gives text the addresses of the lab that ran
}

func newPage(l *lesson.Lesson, o *Options) *page {
	h := &page{
		l: l, o: o, blocks: map[int]*lesson.Block{}, shown: map[*lesson.Block]*lesson.BlockResult{},
		byText: map[int]*lesson.Claim{}, colors: map[string]string{}, rewrite: func(s string) string { return s },
	}
	if o.Ran != nil && l.Topology != nil {
		h.rewrite = topology.Rewriter(l.Topology, o.Ran)
	}
	if o.Outcome != nil {
		h.res = o.Outcome.Result
	}
	if h.res != nil {
		h.l = h.res.Lesson // its blocks are those of the result
		for _, b := range h.res.Blocks {
			h.shown[b.Block] = b
		}
	}
	for _, s := range h.l.Sections {
		for _, b := range s.Blocks {
			h.blocks[b.Pos.Offset] = b
		}
	}
	for _, c := range h.l.Claims {
		h.byText[c.Pos.Offset] = c
	}
	for i, host := range h.hosts() {
		h.colors[host] = fmt.Sprintf("h%d", i%len(palettes[0].hosts))
	}
	return h
}

func (h *page) hosts() []string {
	var names []string
	if h.l.Topology != nil {
		for _, host := range h.l.Topology.Hosts {
			names = append(names, host.Name)
		}
	}
	return names
}

// color returns the class of a host, or of the reader's own machine.
func (h *page) color(host string) string {
	if c, ok := h.colors[host]; ok {
		return c
	}
	return "own"
}

// topology returns the lab to draw; nil when there is none.
func (h *page) topology() *topology.Topology {
	t := h.l.Topology
	if h.o.Ran != nil {
		t = h.o.Ran
	}
	if t == nil || len(t.Hosts) == 0 {
		return nil
	}
	return t
}

// lab returns the picture of the lab.
func (h *page) lab() template.HTML {
	t := h.topology()
	if t == nil {
		return ""
	}
	d := layoutTopology(t, h.color)
	return template.HTML(d.svg("lab", "The lab of this lesson", topologyWords(t))) // #nosec: svg escapes
}

// A sourceView says what the page's output is.
type sourceView struct {
	Real   bool
	Engine string
	When   string
	Hash   string
}

func (h *page) source() sourceView {
	s := sourceView{Real: h.res != nil, Engine: h.o.Engine, Hash: h.o.Evidence}
	if !h.o.When.IsZero() {
		s.When = h.o.When.UTC().Format("2 January 2006, 15:04 MST")
	}
	return s
}

// A claimView is a claim in the list, and at its place.
type claimView struct {
	ID, Anchor string
	Text       template.HTML
	Word       string // "confirmed", "differs", …
	Class      string // what it looks like
	OK         bool
	Stated     string
	Real       bool
	Book       []bookView
	Problems   []problemView
}

// A bookView is where the book and the network disagree.
type bookView struct{ Book, Network string }

// A problemView is a complaint.
type problemView struct{ Where, Text, Want, Got, Note string }

// claims returns all claims, for the list.
func (h *page) claims() []claimView {
	var all []claimView
	for _, c := range h.l.Claims {
		v := h.claim(c)
		v.Text = h.inline(c.Text)
		all = append(all, v)
	}
	return all
}

func (h *page) claim(c *lesson.Claim) claimView {
	v := claimView{ID: c.ID, Anchor: "claim-" + c.ID, Word: string(c.Stated), Class: string(c.Stated), Stated: string(c.Stated), OK: true, Real: h.res != nil}
	if h.res == nil {
		v.Class += " stated"
		return v
	}
	for _, r := range h.res.Claims {
		if r.Claim != c {
			continue
		}
		v.Word, v.OK = h.o.Outcome.Verdict(r), r.OK()
		v.Class = v.Word
		if !v.OK {
			v.Class = "differs"
		}
		if v.Word == "not run" || v.Word == string(report.Inconclusive) {
			v.Class = "open"
		}
		v.Problems = h.problems(r.Problems)
		for _, d := range r.Differs {
			v.Book = append(v.Book, bookView{d.Want, d.Got})
		}
	}
	return v
}

// loose returns the complaints that concern no claim.
func (h *page) loose() []*lesson.Problem {
	if h.res == nil {
		return nil
	}
	return h.res.Problems
}

func (h *page) problems(all []*lesson.Problem) []problemView {
	var views []problemView
	for _, p := range all {
		v := problemView{Where: fmt.Sprintf("%s:%d:%d", p.File, p.Pos.Line, p.Pos.Column), Text: p.Text, Note: p.Doubt}
		if p.Host != "" {
			v.Text = p.Host + ": " + p.Text
		}
		if p.Diff {
			v.Want, v.Got = p.Want, p.Got
		}
		if p.Stall > 0 {
			v.Note = fmt.Sprintf("this machine stood still for %.2f s in this step", p.Stall.Seconds())
		}
		views = append(views, v)
	}
	return views
}

func (h *page) notes() []string {
	var notes []string
	if h.o.Outcome != nil {
		notes = append(notes, h.o.Outcome.Notes...)
		switch {
		case h.o.Outcome.Err != nil:
			notes = append(notes, "The lab broke: "+h.o.Outcome.Err.Error())
		case h.res != nil && h.res.Broken != nil:
			notes = append(notes, "The lab broke: "+h.res.Broken.Error())
		}
	}
	return notes
}

// A countView is how many claims came out in one way.
type countView struct {
	N           int
	Word, Class string
}

func (h *page) counts() []countView {
	var all []countView
	for _, c := range h.l.Claims {
		v := h.claim(c)
		found := false
		for i := range all {
			if all[i].Word == v.Word && all[i].Class == v.Class {
				all[i].N++
				found = true
			}
		}
		if !found {
			all = append(all, countView{1, v.Word, v.Class})
		}
	}
	return all
}
