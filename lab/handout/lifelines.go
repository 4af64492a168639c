package handout

import (
	"fmt"
	"slices"
)

// The measures of a sequence diagram, in pixels.
const (
	headHeight  = 30.0
	headGap     = 14.0 // between the heads and the first row
	minSpacing  = 170.0
	labelMargin = 34.0
	gutter      = 74.0 // for times
	arrowHeight = 40.0
	faultHeight = 18.0
	noteHeight  = 38.0
	loopHeight  = 32.0
	endHeight   = 14.0
	gapHeight   = 26.0
	edge        = 12.0
	loopInset   = 12.0
	mostLabel   = 60 // characters of a packet's words
)

// A lifelines lays out one sequence diagram.
type lifelines struct {
	d      drawing
	s      *sequence
	colors func(host string) string // class of a host
	x      map[string]float64       // of each lifeline
	left   float64                  // of the first one
	right  float64                  // of the last one
	margin float64                  // beside the outer lifelines, for notes and loops
	y      float64
	loops  []openLoop
}

type openLoop struct {
	y    float64
	text string
}

// layout places a sequence diagram. Colors names the class of each host.
func (s *sequence) layout(colors func(host string) string) drawing {
	l := &lifelines{s: s, colors: colors, x: map[string]float64{}}
	l.columns()
	l.y = edge + headHeight + headGap
	top := len(l.d.shapes)
	for _, r := range s.rows {
		l.row(r)
	}
	l.d.height = l.y + edge
	rows := slices.Clone(l.d.shapes[top:])
	l.d.shapes = l.d.shapes[:top]
	for _, h := range s.hosts { // beneath the rows
		l.d.line(l.x[h], edge+headHeight, l.x[h], l.d.height-edge/2, "life "+colors(h))
	}
	l.d.shapes = append(l.d.shapes, rows...)
	l.d.widen()
	return l.d
}

// columns finds the places of the lifelines: as near as the labels between them
// allow.
func (l *lifelines) columns() {
	l.margin = l.overhang() + loopInset*float64(l.depth())
	x := edge + l.margin
	if slices.ContainsFunc(l.s.rows, func(r row) bool { return r.time != "" || r.kind == gapRow }) {
		x += gutter
	}
	l.left = x
	for i, h := range l.s.hosts {
		if i > 0 {
			x += minSpacing
			for k, before := range l.s.hosts[:i] {
				if need := l.x[before] + l.room(before, h); need > x && (k == i-1 || need-l.x[before] > float64(i-k)*minSpacing) {
					x = need
				}
			}
		}
		l.x[h] = x
	}
	l.right = x
	l.d.width = x + l.margin + edge
	for _, h := range l.s.hosts {
		w := max(64, widthOf(bounded(h, 24), wide)+24)
		l.d.box(l.x[h]-w/2, edge, w, headHeight, 7, "head "+l.colors(h))
		l.d.text(l.x[h], edge+headHeight/2+4.5, "mid strong "+l.colors(h), bounded(h, 24))
	}
}

// overhang returns how far notes reach beyond the outer lifelines.
func (l *lifelines) overhang() float64 {
	most := 42.0
	for _, r := range l.s.rows {
		if r.kind == noteRow && len(r.hosts) == 1 && l.depth() > 0 {
			most = max(most, noteWidth(r.text)/2+16)
		}
	}
	return most
}

func noteWidth(text string) float64 { return max(64, widthOf(text, narrow)+28) }

// depth returns how many loops stand within each other at most.
func (l *lifelines) depth() int {
	deepest, depth := 0, 0
	for _, r := range l.s.rows {
		switch r.kind {
		case loopRow:
			depth++
			deepest = max(deepest, depth)
		case endRow:
			depth--
		}
	}
	return deepest
}

// room returns the width that the labels between two lifelines need.
func (l *lifelines) room(a, b string) float64 {
	w := 0.0
	for _, r := range l.s.rows {
		if r.kind == arrowRow && (r.from == a && r.to == b || r.from == b && r.to == a) {
			w = max(w, widthOf(bounded(r.text, mostLabel), wide)+labelMargin, widthOf(bounded(r.fault, mostLabel), narrow)+labelMargin)
		}
	}
	return w
}

func (l *lifelines) row(r row) {
	switch r.kind {
	case arrowRow:
		l.arrow(r)
	case noteRow:
		l.note(r)
	case loopRow:
		l.y += 6
		l.loops = append(l.loops, openLoop{l.y, r.text})
		l.y += loopHeight - 6
	case endRow:
		l.end()
	case gapRow:
		l.y += gapHeight
		y := l.y - gapHeight/2 + 4
		l.d.text(edge+gutter-8, y+4, "end small quiet", r.text)
		for _, h := range l.s.hosts {
			l.d.box(l.x[h]-3, y-4, 6, 9, 0, "pause")
			l.d.line(l.x[h]-5, y-3, l.x[h]+5, y-6, "tick")
			l.d.line(l.x[h]-5, y+6, l.x[h]+5, y+3, "tick")
		}
	case moreRow:
		l.y += gapHeight
		l.d.text((l.left+l.right)/2, l.y-8, "mid small quiet halo", "… "+r.text+" …")
	}
}

// arrow draws a packet: its words above the line, its fault beneath.
func (l *lifelines) arrow(r row) {
	l.y += arrowHeight
	y := l.y - 10
	from, to := l.x[r.from], l.x[r.to]
	dir := 1.0
	if to < from {
		dir = -1
	}
	if from == to { // nothing that a wire sees, and drawn all the same
		to = from + 40
	}
	if r.time != "" {
		l.d.text(edge+gutter-8, y+4, "end small quiet", r.time)
	}
	class := l.colors(r.from)
	l.d.text((from+to)/2, y-8, "mid label halo", bounded(r.text, mostLabel))
	if !r.lost {
		l.d.line(from, y, to-7*dir, y, "arrow "+class)
		l.d.arrowHead(to-1*dir, y, dir, "point "+class)
		return
	}
	stop := to - 22*dir
	l.d.line(from, y, stop-8*dir, y, "arrow lost")
	l.d.cross(stop, y, "cross")
	if r.fault != "" {
		l.y += faultHeight
		l.d.text((from+to)/2, y+16, "mid small bad halo", bounded(r.fault, mostLabel))
	}
}

// note draws words over some lifelines.
func (l *lifelines) note(r row) {
	l.y += noteHeight
	left, right := l.right, l.left
	for _, h := range r.hosts {
		left, right = min(left, l.x[h]), max(right, l.x[h])
	}
	if len(r.hosts) == 0 {
		left, right = l.left, l.right
	}
	w := max(right-left+64, noteWidth(r.text))
	x := (left+right)/2 - w/2
	l.d.box(x, l.y-noteHeight+8, w, noteHeight-12, 5, "note")
	l.d.text(x+w/2, l.y-noteHeight/2+6, "mid small ink", r.text)
}

// end draws the frame of the innermost open loop.
func (l *lifelines) end() {
	if len(l.loops) == 0 {
		return
	}
	o := l.loops[len(l.loops)-1]
	l.loops = l.loops[:len(l.loops)-1]
	l.y += endHeight
	inset := loopInset * float64(len(l.loops))
	x, w := l.left-l.margin+8+inset, l.right-l.left+2*(l.margin-8-inset)
	l.d.box(x, o.y, w, l.y-o.y-4, 6, "loop")
	label := fmt.Sprintf("loop %s", o.text)
	l.d.box(x, o.y, widthOf(label, narrow)+18, 20, 6, "tab")
	l.d.text(x+9, o.y+14, "start small ink", label)
}
