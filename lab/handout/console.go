package handout

import (
	"html/template"
	"regexp"
	"slices"
	"strings"

	"hostlab/lab/lesson"
)

// A consoleView is a block of a terminal's lines.
type consoleView struct {
	Title string // "what the book predicts"; "" for a transcript
	Class string // "", "book"
	Note  string // why it is not what really came out
	Label string // for those who do not see it
	Lines []lineView
}

// A lineView is one line.
type lineView struct {
	Host    string // class of the host's colour
	Prompt  string // "laptop:~$"
	Command []spanView
	Label   string // "guinness:2", in front of a line of another window
	Text    []spanView
	Status  string // "[exit 1]"
	Good    bool   // the status is nothing to worry about
	Key     string // "^C"
	Skip    bool   // lines are left out
	Extra   bool   // no step of the lesson has asked for it
}

// A spanView is text, or a name that stands for some.
type spanView struct {
	Text string
	Name bool
}

// console returns a console block: as it came out, or as the lesson has it.
func (h *page) console(b *lesson.Block) (template.HTML, error) {
	v := consoleView{Label: "Transcript of " + places(b)}
	r := h.shown[b]
	switch {
	case b.Kind == lesson.Book:
		v.Title, v.Class, v.Label = "What the book predicts", "book", "Prediction of the book"
		for i, s := range b.Steps {
			v.Lines = append(v.Lines, h.step(s, predicted(r, i, s)))
		}
	case r != nil:
		for _, e := range r.Entries {
			if !e.Plain() {
				v.Lines = append(v.Lines, h.entry(e))
			}
		}
	default:
		for _, s := range b.Steps {
			v.Lines = append(v.Lines, h.step(s, s.Text))
		}
		if h.res != nil {
			v.Note = "not run; this is what the lesson states"
		}
	}
	return execute("console", v)
}

// places lists the windows of a block.
func places(b *lesson.Block) string {
	var all []string
	seen := map[lesson.Place]bool{}
	for _, s := range b.Steps {
		if !seen[s.Place] {
			seen[s.Place] = true
			all = append(all, s.Place.String())
		}
	}
	return strings.Join(all, ", ")
}

// predicted returns a step's text with the addresses of the lab that ran.
func predicted(r *lesson.BlockResult, i int, s *lesson.Step) string {
	if r == nil || i >= len(r.Predicted) {
		return s.Text
	}
	return strings.TrimPrefix(strings.TrimPrefix(r.Predicted[i], s.Prompt+" "), s.Label+" | ")
}

// step returns a line as the lesson states it.
func (h *page) step(s *lesson.Step, text string) lineView {
	v := lineView{Host: h.color(s.Place.Host), Label: s.Label}
	switch s.Kind {
	case lesson.Command, lesson.Hostlab:
		v.Prompt, v.Command = s.Prompt, names(text)
	case lesson.Skip:
		v.Skip = true
	case lesson.Key:
		v.Key = s.Text
	case lesson.End:
		v.Status, v.Good = s.Text, calm(s.Text)
	default:
		v.Text = names(strings.TrimPrefix(text, `\`))
		if strings.HasPrefix(text, `\{`) {
			v.Text = names(text)
		}
	}
	return v
}

// entry returns a line as it came out.
func (h *page) entry(e *lesson.Entry) lineView {
	v := lineView{Host: h.color(e.Place.Host), Label: e.Label}
	switch e.Kind {
	case lesson.Typed:
		v.Prompt, v.Command = e.Step.Prompt, []spanView{{Text: printable(e.Text)}}
	case lesson.Pressed:
		v.Key = e.Text
	case lesson.Ended:
		v.Status, v.Good = e.Text, calm(e.Text)
	default:
		v.Text, v.Extra = []spanView{{Text: printable(e.Text)}}, e.Step == nil || e.Step.Kind != lesson.Expect
	}
	return v
}

// calm reports whether a status is no failure of a program: it goes on, ended
// well, or was interrupted by a key.
func calm(status string) bool {
	return slices.Contains([]string{"[running]", "[stopped]", "[exit 0]", "[killed SIGINT]"}, status)
}

var name = regexp.MustCompile(`\\\{|\{[A-Za-z][A-Za-z0-9_-]*\}`)

// names takes an expected line apart: text, and names in their braces.
func names(text string) []spanView {
	var all []spanView
	add := func(s spanView) {
		if s.Text != "" {
			all = append(all, s)
		}
	}
	from := 0
	for _, m := range name.FindAllStringIndex(text, -1) {
		add(spanView{Text: printable(text[from:m[0]])})
		if found := text[m[0]:m[1]]; found == `\{` {
			add(spanView{Text: "{"})
		} else {
			add(spanView{Text: strings.Trim(found, "{}"), Name: true})
		}
		from = m[1]
	}
	add(spanView{Text: printable(text[from:])})
	return all
}

// printable replaces what a screen would act on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return '\ufffd'
		case r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return '\ufffd' // turns the direction of writing: what one reads is not what is there
		}
		return r
	}, s)
}

// diagram returns a sequence diagram: the packets that were seen, or those that
// the lesson states.
func (h *page) diagram(b *lesson.Block, source string) (template.HTML, error) {
	v := struct {
		SVG     template.HTML
		Caption string
		Doubt   string
		Class   string
		Source  string
	}{Class: "wire"}
	if b.Diagram.Drawing {
		v.Class, v.Caption, v.Source = "wire drawing", "A drawing, as the lesson has it; it is not checked.", source
		return execute("diagram", v)
	}
	s := stated(b.Diagram)
	v.Caption = "What the lesson states: every packet between the hosts, in the order of sending."
	if r := h.shown[b]; r != nil && r.Wire != nil {
		s = seen(b.Diagram, r.Wire)
		v.Caption, v.Doubt = "What was seen on the wire, with the time since the last diagram or heading.", r.Wire.Doubt
		if len(r.Wire.Packets) == 0 {
			v.Caption = "What was seen on the wire: nothing."
		}
	} else if h.res != nil {
		v.Caption = "Not run; this is what the lesson states."
	}
	d := s.layout(h.color)
	v.SVG = template.HTML(d.svg("sequence", "Sequence diagram", s.words())) // #nosec: svg escapes
	return execute("diagram", v)
}

// execute makes HTML of a part of the page.
func execute(part string, view any) (template.HTML, error) {
	var b strings.Builder
	err := pageTemplate.ExecuteTemplate(&b, part, view)
	return template.HTML(b.String()), err // #nosec: html/template escapes
}
