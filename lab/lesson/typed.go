package lesson

import (
	"regexp"
	"strings"
)

// commandName is a name in a command: {port}, but not the shell's ${port}.
var commandName = regexp.MustCompile(`\$?\{([A-Za-z][\w-]*)\}`)

// commandText returns what is typed for a command: a name that is bound stands
// for what was printed, as a reader would type what the screen shows. Other
// braces are the shell's.
func (r *run) commandText(s *Step) string {
	return commandName.ReplaceAllStringFunc(r.lab.Rewrite(s.Text), func(m string) string {
		if v, ok := r.scope[strings.Trim(m, "{}")]; ok { // "${port" is no name
			return v
		}
		return m
	})
}

// lintCommandNames reports a name in a command that nothing above it, in the
// same section, can have bound.
func (p *fileParser) lintCommandNames() {
	for _, section := range p.lesson.Sections {
		bound := map[string]bool{}
		for _, b := range section.Blocks {
			for _, s := range b.Steps {
				switch {
				case b.Kind != Console:
				case s.Kind == Expect:
					p.bindNames(bound, s.Text)
				case s.Kind == Command || s.Kind == Hostlab:
					p.lintNames(bound, s)
				}
			}
			if b.Diagram != nil {
				p.bindPackets(bound, b.Diagram.Statements)
			}
		}
	}
}

func (p *fileParser) lintNames(bound map[string]bool, s *Step) {
	for _, m := range commandName.FindAllStringSubmatch(s.Text, -1) {
		_, known := p.lesson.patterns.lookup(m[1])
		if known && !bound[m[1]] && !strings.HasPrefix(m[0], "$") {
			p.failAt(s.TextPos.Offset, "the command has %s, and no line above it in this section shows what that is", m[0])
		}
	}
}

func (p *fileParser) bindNames(bound map[string]bool, text string) {
	parts, _ := p.lesson.patterns.split(text)
	for _, part := range parts {
		bound[part.name] = true
	}
}

func (p *fileParser) bindPackets(bound map[string]bool, statements []*Statement) {
	for _, s := range statements {
		if s.Kind == Packet {
			p.bindNames(bound, s.Text)
		}
		p.bindPackets(bound, s.Body)
	}
}
