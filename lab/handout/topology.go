package handout

import (
	"fmt"
	"strings"

	"hostlab/lab/topology"
)

// The measures of a picture of a lab, in pixels.
const (
	hostGap   = 22.0
	hostPad   = 16.0
	nameLine  = 22.0
	addrLine  = 16.0
	laneDepth = 26.0 // height of a network's bar
	cable     = 30.0 // between a host and a network
	mostHosts = 6    // of one row; the others are counted
)

// A station is a host's box.
type station struct {
	name  string
	class string
	lines []string // beneath the name
	lanes []link   // the networks that it stands on
	w, h  float64
	x, y  float64 // of its corner
}

// A link is a cable to a network.
type link struct {
	lane  int
	label string // beside the cable; "" when the box says it
}

// A map lays out a lab: its networks as bars one above the other, and its hosts
// in rows between them.
type labMap struct {
	d     drawing
	t     *topology.Topology
	rows  [][]*station // rows[i] stands above network i; the last one beneath them all
	lanes []float64    // y of each network's bar
	width float64
}

// layoutTopology places the hosts and networks of a lab. Colors names the class
// of each host.
func layoutTopology(t *topology.Topology, colors func(host string) string) drawing {
	m := &labMap{t: t, rows: make([][]*station, len(t.Networks)+1)}
	for _, h := range t.Hosts {
		m.add(h, colors(h.Name))
	}
	for i := range m.rows {
		m.rows[i] = crowd(m.rows[i])
		m.width = max(m.width, rowWidth(m.rows[i]))
	}
	for _, n := range t.Networks {
		m.width = max(m.width, widthOf(laneLabel(n), wide)+60)
	}
	m.place()
	m.draw()
	m.d.widen()
	return m.d
}

// add puts a host into its row.
func (m *labMap) add(h topology.Host, class string) {
	s := &station{name: bounded(h.Name, 24), class: class}
	first := len(m.t.Networks)
	for i, n := range m.t.Networks {
		on, ok := h.Interface(n.Name)
		if !ok {
			continue
		}
		first = min(first, i)
		var addrs []string
		for _, a := range on.Addrs {
			addrs = append(addrs, a.String())
		}
		s.lanes = append(s.lanes, link{lane: i, label: strings.Join(addrs, "  ")})
	}
	if len(s.lanes) == 1 {
		if label := s.lanes[0].label; label != "" {
			s.lines = append(s.lines, strings.Split(label, "  ")...)
		}
		s.lanes[0].label = ""
	}
	if h.Forward && !strings.Contains(h.Name, "router") {
		s.lines = append(s.lines, "router")
	}
	at := first
	if len(s.lanes) > 1 || first > 0 { // beneath its network
		at = min(first+1, len(m.t.Networks))
	}
	s.measure()
	m.rows[at] = append(m.rows[at], s)
}

func (s *station) measure() {
	s.w = widthOf(s.name, wide) + 8
	for _, line := range s.lines {
		s.w = max(s.w, widthOf(line, narrow))
	}
	s.w = max(92, s.w+2*hostPad)
	for _, l := range s.lanes { // room for the labels of cables side by side
		if n := float64(len(s.lanes)); n > 2 { // one goes up, the others down
			s.w = max(s.w, (widthOf(l.label, narrow)+hostPad)*n)
		}
	}
	s.h = 14 + nameLine + addrLine*float64(len(s.lines))
}

// crowd leaves hosts out of a row that has too many.
func crowd(row []*station) []*station {
	if len(row) <= mostHosts {
		return row
	}
	left := len(row) - mostHosts + 1
	more := &station{name: fmt.Sprintf("and %d more", left), class: "others", lanes: row[mostHosts-1].lanes}
	more.measure()
	return append(row[:mostHosts-1:mostHosts-1], more)
}

func rowWidth(row []*station) float64 {
	w := -hostGap
	for _, s := range row {
		w += s.w + hostGap
	}
	return max(0, w)
}

// laneLabel says what a network is.
func laneLabel(n topology.Network) string {
	words := []string{n.Name}
	for _, p := range n.Prefixes {
		words = append(words, p.String())
	}
	if n.MTU != 0 {
		words = append(words, fmt.Sprintf("MTU %d", n.MTU))
	}
	return strings.Join(words, "  ")
}

// place finds the corners of all boxes and the heights of the bars.
func (m *labMap) place() {
	y := edge
	m.d.width = m.width + 2*edge + 40
	for i, row := range m.rows {
		x, tallest := (m.d.width-rowWidth(row))/2, 0.0
		for _, s := range row {
			tallest = max(tallest, s.h)
		}
		if i > 0 && len(row) > 0 {
			y += cable
		}
		for _, s := range row {
			x = m.clear(x, s.w, i)
			s.x, s.y = x, y
			if i == 0 { // they stand on the bar beneath them
				s.y += tallest - s.h
			}
			x += s.w + hostGap
		}
		m.d.width = max(m.d.width, x-hostGap+edge+20)
		y += tallest
		if i == len(m.rows)-1 {
			break
		}
		if len(row) > 0 {
			y += cable
		} else if i > 0 {
			y += cable / 2
		}
		m.lanes = append(m.lanes, y)
		y += laneDepth
	}
	m.d.height = y + edge
}

// clear returns where a box of a row may stand, from x on, so that no cable of a
// host further up runs behind it.
func (m *labMap) clear(x, w float64, row int) float64 {
	for moved := true; moved; {
		moved = false
		for above, stations := range m.rows[:row] {
			for _, s := range stations {
				_, down := s.sides(above)
				for i, l := range down {
					at := s.socket(i, len(down))
					if l.lane >= row && at > x-10 && at < x+w+10 {
						x, moved = at+hostGap, true
					}
				}
			}
		}
	}
	return x
}

// sides tells the cables that leave a host of a row upwards from the others.
func (s *station) sides(row int) (up, down []link) {
	for _, l := range s.lanes {
		if l.lane < row {
			up = append(up, l)
		} else {
			down = append(down, l)
		}
	}
	return up, down
}

// socket returns where one of several cables on a side leaves the host.
func (s *station) socket(i, of int) float64 { return s.x + s.w*float64(i+1)/float64(of+1) }

func (m *labMap) draw() {
	for i, row := range m.rows {
		for _, s := range row {
			m.cables(s, i)
		}
	}
	for i, n := range m.t.Networks {
		m.d.box(edge, m.lanes[i], m.d.width-2*edge, laneDepth, laneDepth/2, "lane")
		m.d.text(m.d.width/2, m.lanes[i]+laneDepth/2+4.5, "mid label", bounded(laneLabel(n), 90))
	}
	for _, row := range m.rows {
		for _, s := range row {
			m.station(s)
		}
	}
}

// cables draws a host's cables, side by side where they leave it on one side.
func (m *labMap) cables(s *station, row int) {
	up, down := s.sides(row)
	for i, l := range up {
		x := s.socket(i, len(up))
		m.d.line(x, s.y, x, m.lanes[l.lane]+laneDepth, "cable "+s.class)
		m.cableLabel(x, s.y-cable/2+4, l.label)
	}
	for i, l := range down {
		x := s.socket(i, len(down))
		m.d.line(x, s.y+s.h, x, m.lanes[l.lane], "cable "+s.class)
		m.cableLabel(x, s.y+s.h+cable/2+4, l.label)
	}
}

func (m *labMap) cableLabel(x, y float64, label string) {
	if label != "" {
		m.d.text(x+7, y, "start small ink halo", label)
	}
}

func (m *labMap) station(s *station) {
	m.d.box(s.x, s.y, s.w, s.h, 8, "station "+s.class)
	m.d.line(s.x+9, s.y, s.x+s.w-9, s.y, "cap "+s.class)
	m.d.text(s.x+s.w/2, s.y+nameLine+2, "mid strong "+s.class, s.name)
	for i, line := range s.lines {
		m.d.text(s.x+s.w/2, s.y+nameLine+2+addrLine*float64(i+1), "mid small ink", line)
	}
}

// topologyWords says in words what the picture shows.
func topologyWords(t *topology.Topology) string {
	var b strings.Builder
	_ = t.Draw(&b) // a strings.Builder takes everything
	return strings.Join(strings.Fields(b.String()), " ")
}
