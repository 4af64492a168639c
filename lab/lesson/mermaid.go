package lesson

import (
	"regexp"
	"strings"
)

// What GitHub would not draw. The facts are those of Mermaid's grammar,
// sequenceDiagram.jison: a keyword ends a host's name before it begins, "-x" is
// an arrow wherever it stands, ";" ends a statement, "#" begins a comment, and
// a note stands over one host or two.

// mermaidKeyword matches a host's name that Mermaid takes for a keyword, also
// when the name goes on behind a hyphen or dot.
var mermaidKeyword = regexp.MustCompile(`^(?i:box|participant|actor|create|destroy|loop|rect|opt|alt|else|par|par_over|and|` +
	`critical|option|break|end|links?|properties|details|over|note|activate|deactivate|sequenceDiagram|autonumber|off|accTitle|accDescr)\b`)

var mermaidCross = regexp.MustCompile(`(?i)-x`)

// maxMermaid is the longest diagram that Mermaid draws: its maxTextSize.
const maxMermaid = 50_000

// mermaidHost reports a host's name that cannot stand in a diagram.
func (d *diagramParser) mermaidHost(host string, offset int) {
	word := mermaidKeyword.FindString(host)
	switch {
	case host == "":
		d.failAt(offset, "a host's name is missing")
	case word != "":
		d.failAt(offset, "Mermaid takes %q in %q for a keyword, and GitHub draws nothing; give the host another name", word, host)
	case mermaidCross.MatchString(host):
		d.failAt(offset, "Mermaid takes the \"-x\" in %q for an arrow, and GitHub draws nothing; give the host another name", host)
	}
}

// mermaidText reports what cuts a line short, and whether there is any.
func (d *diagramParser) mermaidText(text string, offset int) bool {
	i := strings.IndexAny(text, ";#")
	switch {
	case i < 0:
		return false
	case text[i] == ';':
		d.failAt(offset+i, "';' breaks Mermaid on GitHub")
	case d.d.Drawing:
		return false
	default:
		d.failAt(offset+i, "'#' begins a comment in Mermaid; GitHub draws nothing of what follows")
	}
	return true
}
