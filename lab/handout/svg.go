package handout

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A drawing is shapes at places, in CSS pixels from the top left corner. It is
// what the layouts return; svg writes it down.
type drawing struct {
	width, height float64
	shapes        []shape
}

// A shape is a line, a box, a polygon or a text. Its class says what it looks
// like, in light and in dark and on paper.
type shape struct {
	kind   shapeKind
	points [][2]float64 // line: two; box: corner and size; polygon: all; text: one
	round  float64      // box: radius of its corners
	class  string
	text   string
}

type shapeKind int

const (
	lineShape shapeKind = iota + 1
	boxShape
	polygonShape
	textShape
)

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.shapes = append(d.shapes, shape{kind: lineShape, points: [][2]float64{{x1, y1}, {x2, y2}}, class: class})
}

func (d *drawing) box(x, y, w, h, round float64, class string) {
	d.shapes = append(d.shapes, shape{kind: boxShape, points: [][2]float64{{x, y}, {w, h}}, round: round, class: class})
}

func (d *drawing) polygon(class string, points ...[2]float64) {
	d.shapes = append(d.shapes, shape{kind: polygonShape, points: points, class: class})
}

// text writes at a baseline. The class says which part of it is at x: "start",
// "mid" or "end".
func (d *drawing) text(x, y float64, class, text string) {
	d.shapes = append(d.shapes, shape{kind: textShape, points: [][2]float64{{x, y}}, class: class, text: text})
}

// The widths of text, in pixels for a character of the fixed-width font, a
// little more than fonts take.
const (
	wide   = 7.6 // 12.5 px
	narrow = 6.8 // 11 px, class small
)

func widthOf(text string, each float64) float64 { return float64(utf8.RuneCountInString(text)) * each }

// farWidth is from which width on a drawing is not made smaller on a screen, but
// moved sideways: its text would be too small to read.
const farWidth = 960

// span returns how far a shape reaches from left to right.
func (s *shape) span() (left, right float64) {
	x := s.points[0][0]
	if s.kind != textShape {
		left, right = x, x
		for _, p := range s.points {
			left, right = min(left, p[0]), max(right, p[0])
		}
		if s.kind == boxShape {
			left, right = x, x+s.points[1][0]
		}
		return left, right
	}
	w := widthOf(s.text, wide)
	if strings.Contains(s.class, "small") {
		w = widthOf(s.text, narrow)
	}
	switch {
	case strings.HasPrefix(s.class, "mid"):
		return x - w/2, x + w/2
	case strings.HasPrefix(s.class, "end"):
		return x - w, x
	}
	return x, x + w
}

// widen makes room on both sides for what reaches out of the drawing.
func (d *drawing) widen() {
	left, right := 0.0, d.width
	for i := range d.shapes {
		l, r := d.shapes[i].span()
		left, right = min(left, l-4), max(right, r+4)
	}
	for i := range d.shapes {
		s := &d.shapes[i]
		for k := range s.points {
			if s.kind != boxShape || k == 0 {
				s.points[k][0] -= left
			}
		}
	}
	d.width = right - left
}

// svg returns the drawing as an element for an HTML page. Title and text say
// in words what it shows.
func (d *drawing) svg(class, title, text string) string {
	var b strings.Builder
	if d.width > farWidth {
		class += " far"
	}
	fmt.Fprintf(&b, `<svg class="%s" role="img" viewBox="0 0 %s %s" width="%[2]s" height="%[3]s" xmlns="http://www.w3.org/2000/svg">`+"\n",
		html.EscapeString(class), number(d.width), number(d.height))
	fmt.Fprintf(&b, "<title>%s</title>\n<desc>%s</desc>\n", html.EscapeString(title), html.EscapeString(text))
	for _, s := range d.shapes {
		s.write(&b)
	}
	b.WriteString("</svg>")
	return b.String()
}

func (s *shape) write(b *strings.Builder) {
	p := s.points
	class := html.EscapeString(s.class)
	switch s.kind {
	case lineShape:
		fmt.Fprintf(b, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, number(p[0][0]), number(p[0][1]), number(p[1][0]), number(p[1][1]))
	case boxShape:
		fmt.Fprintf(b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, class, number(p[0][0]), number(p[0][1]), number(p[1][0]), number(p[1][1]), number(s.round))
	case polygonShape:
		var at []string
		for _, q := range p {
			at = append(at, number(q[0])+","+number(q[1]))
		}
		fmt.Fprintf(b, `<polygon class="%s" points="%s"/>`, class, strings.Join(at, " "))
	case textShape:
		fmt.Fprintf(b, `<text class="%s" x="%s" y="%s">%s</text>`, class, number(p[0][0]), number(p[0][1]), html.EscapeString(s.text))
	}
	b.WriteByte('\n')
}

// number returns a length with at most one digit behind the point.
func number(n float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
}

// arrowHead draws the point of an arrow that comes from the left (dir 1) or
// from the right (dir -1).
func (d *drawing) arrowHead(x, y, dir float64, class string) {
	d.polygon(class, [2]float64{x, y}, [2]float64{x - 9*dir, y - 4.5}, [2]float64{x - 6.5*dir, y}, [2]float64{x - 9*dir, y + 4.5})
}

// cross draws the end of a packet that did not arrive.
func (d *drawing) cross(x, y float64, class string) {
	d.line(x-5, y-5, x+5, y+5, class)
	d.line(x-5, y+5, x+5, y-5, class)
}

// bounded keeps text that a stranger wrote from taking all the room.
func bounded(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
