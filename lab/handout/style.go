package handout

import (
	"fmt"
	"html/template"
	"strings"
	texttemplate "text/template"
)

// A palette is the colours of the page by what they are for.
type palette struct {
	paper, panel, shade, line string // behind text, and between
	ink, quiet, accent        string // text
	hosts                     [8]string
	good, goodBack            string // confirmed
	other, otherBack          string // contradicted
	bad, badBack              string // differs
	open, openBack            string // not run
	lane                      string
}

// palettes are light, which is also the paper's, and dark. Every text has a
// contrast of 4.5 at least to what is behind it (WCAG 2.2, 1.4.3).
var palettes = [2]palette{
	{
		paper: "#faf8f4", panel: "#ffffff", shade: "#f3f0e9", line: "#ddd7ca",
		ink: "#1d232b", quiet: "#5c6470", accent: "#0b5cad",
		hosts: [8]string{"#1d4ed8", "#a04a06", "#7028d4", "#0c6b63", "#b3175c", "#3f6212", "#a3281f", "#40506a"},
		good:  "#14622f", goodBack: "#e3f3e6", other: "#7f4600", otherBack: "#fbecd2",
		bad: "#a2131b", badBack: "#fce4e2", open: "#4a5361", openBack: "#e9ebee", lane: "#ece7db",
	},
	{
		paper: "#12161b", panel: "#191e25", shade: "#20262f", line: "#333b47",
		ink: "#e7e4dd", quiet: "#9ea8b6", accent: "#7ab7ff",
		hosts: [8]string{"#8fb6ff", "#f0b163", "#c9a8ff", "#5bd3c4", "#ff9fcb", "#b8d86e", "#ff9c90", "#a9b8cc"},
		good:  "#8be0a4", goodBack: "#143020", other: "#f5c672", otherBack: "#382a10",
		bad: "#ffa19a", badBack: "#3e1919", open: "#b9c2ce", openBack: "#2a3039", lane: "#2a323d",
	},
}

// variables returns a palette as CSS custom properties.
func (p palette) variables() string {
	var b strings.Builder
	set := func(name, color string) { fmt.Fprintf(&b, "--%s:%s;", name, color) }
	for _, v := range p.named() {
		set(v.name, v.color)
	}
	return b.String()
}

type named struct{ name, color string }

func (p palette) named() []named {
	all := []named{
		{"paper", p.paper}, {"panel", p.panel}, {"shade", p.shade}, {"line", p.line}, {"ink", p.ink}, {"quiet", p.quiet},
		{"accent", p.accent}, {"good", p.good}, {"good-back", p.goodBack}, {"other", p.other}, {"other-back", p.otherBack},
		{"bad", p.bad}, {"bad-back", p.badBack}, {"open", p.open}, {"open-back", p.openBack}, {"lane", p.lane},
	}
	for i, color := range p.hosts {
		all = append(all, named{fmt.Sprintf("h%d", i), color})
	}
	return all
}

// stylesheet returns the CSS of the page.
func stylesheet() (template.CSS, error) {
	t, err := texttemplate.ParseFS(files, "style.css")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{"Light": palettes[0].variables(), "Dark": palettes[1].variables(), "Hosts": palettes[0].hosts[:]})
	return template.CSS(b.String()), err // #nosec: nothing of a lesson is in it
}
