package narrate

import (
	"cmp"
	"slices"
)

// A pane is a box of the grid: a window or an aside.
type pane struct {
	title  string
	active bool
	used   int                        // the greater, the later
	lines  func(columns int) []string // for a box that is so wide inside
}

// windows returns the windows that are shown.
func (v *view) windows() []pane {
	var panes []pane
	for _, w := range v.Windows {
		if w.Shown {
			active := w.used > 0 && w.used == v.clock
			panes = append(panes, pane{w.Name(), active, w.used, func(columns int) []string { return v.window(w, columns) }})
		}
	}
	return panes
}

// asides returns the boxes beside the windows, which came after all that
// happened there.
func (v *view) asides() []pane {
	var panes []pane
	for i, a := range v.Asides {
		panes = append(panes, pane{a.Title, false, v.clock + 1 + i, func(columns int) []string {
			var lines []string
			for _, l := range a.Lines {
				lines = append(lines, v.line(l, columns)...)
			}
			return lines
		}})
	}
	return panes
}

// window returns a window's lines: what happened there, and its prompt when
// nothing runs.
func (v *view) window(w *Window, columns int) []string {
	var lines []string
	for i, l := range w.Lines {
		if w.Typing && i == len(w.Lines)-1 {
			l.Text += "█"
		}
		lines = append(lines, v.line(l, columns)...)
	}
	if !w.Running {
		lines = append(lines, v.line(Line{Prompt: w.Prompt}, columns)...)
	}
	return lines
}

// panes draws the windows side by side and the asides beneath them, or, where
// there is little room, among them.
func (v *view) panes(rows int) []string {
	windows, asides := v.windows(), v.asides()
	if len(windows) > 0 && len(asides) > 0 && len(asides) <= v.across() {
		height := 0
		for _, a := range asides {
			height = max(height, 2+len(a.lines(max(v.columns/len(asides)-4, 1))))
		}
		down := (len(windows) + v.across() - 1) / v.across()
		if rest := rows - height; rest >= down*goodRows {
			return append(v.grid(windows, rest), v.row(asides, height)...)
		}
	}
	return v.grid(append(windows, asides...), rows)
}

// across is how many panes can stand side by side.
func (v *view) across() int { return max(1, v.columns/paneColumns) }

// grid draws panes side by side, in as many rows as it needs. When there is not
// room for all, those that were used last are drawn.
func (v *view) grid(panes []pane, rows int) []string {
	across := v.across()
	most := across * (rows / paneRows)
	if most == 0 {
		return nil
	}
	panes = latest(panes, most)
	down := (len(panes) + across - 1) / across
	across = (len(panes) + down - 1) / down
	var lines []string
	for i := range down {
		height := rows / down
		if i < rows%down {
			height++
		}
		lines = append(lines, v.row(panes[i*across:min((i+1)*across, len(panes))], height)...)
	}
	return lines
}

// latest returns the n panes that were used last, in their order.
func latest(panes []pane, n int) []pane {
	if len(panes) <= n {
		return panes
	}
	order := make([]int, len(panes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(panes[b].used, panes[a].used) })
	order = order[:n]
	slices.Sort(order)
	var kept []pane
	for _, i := range order {
		kept = append(kept, panes[i])
	}
	return kept
}

// row draws panes side by side over the whole width.
func (v *view) row(panes []pane, height int) []string {
	lines := make([]string, height)
	for i, p := range panes {
		columns := v.columns / len(panes)
		if i < v.columns%len(panes) {
			columns++
		}
		box := box{p.title, p.lines(max(columns-4, 1)), p.active}
		for k, line := range v.draw(box, columns, height) {
			lines[k] += line
		}
	}
	return lines
}
