package lesson

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"mvdan.cc/sh/v3/shell"
)

var (
	// promptLine is [user "@"] host [":" window] ("$"|"#") " " command.
	promptLine = regexp.MustCompile(`^((?:[A-Za-z_][\w.-]*@)?([A-Za-z0-9][\w.-]*)(?::(~|[0-9]+))?[$#])(?: +(.*))?$`)

	// otherLine is host [":" window] " | " item.
	otherLine = regexp.MustCompile(`^(([A-Za-z0-9][\w.-]*)(?::(~|[0-9]+))?) \|(?: (.*))?$`)

	keyLine    = regexp.MustCompile(`^\^[A-Z\\\[\]^_@]$`)
	statusLine = regexp.MustCompile(`^\[(exit|running|stopped|killed)\b(?: +(.*))?\]$`)
)

// keys are the ones that a terminal makes signals of, or the end of input:
// termios(3) VINTR, VSUSP, VEOF, VQUIT.
var keys = map[string]byte{"^C": 3, "^Z": 26, "^D": 4, `^\`: 28}

// signals are the ones that can kill a program; signal(7).
var signals = strings.Fields("SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV " +
	"SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGIO SIGPWR SIGSYS")

// A consoleParser reads the lines of one console block.
type consoleParser struct {
	*fileParser
	block *Block
	here  *Step // the nearest prompt above
}

// console reads the lines of a console block.
func (p *fileParser) console(b *Block, n ast.Node) {
	c := &consoleParser{fileParser: p, block: b}
	before := len(p.problems)
	for i := 0; i < n.Lines().Len(); i++ {
		text, offset := c.line(n, i)
		switch {
		case promptLine.MatchString(text):
			i += c.command(n, i, text, offset)
		case text == "$" || strings.HasPrefix(text, "$ "):
			i += c.hostlab(n, i, text, offset)
		case otherLine.MatchString(text):
			m := otherLine.FindStringSubmatchIndex(text)
			place := c.place(text, m[4:8], offset)
			rest := len(text)
			if m[8] >= 0 {
				rest = m[8]
			}
			c.item(place, text[m[2]:m[3]], text[rest:], offset, offset+rest)
		case c.here == nil:
			if text != "" {
				c.failAt(offset, "the line belongs to no prompt above it in this block; show another window's line as: host | line")
			} else if i+1 < n.Lines().Len() {
				c.failAt(offset, "an empty line is an expected line and belongs to no prompt above it")
			}
		default:
			c.item(c.here.Place, "", text, offset, offset)
		}
	}
	if len(b.Steps) == 0 && len(p.problems) == before {
		c.failAt(b.Pos.Offset, "the console block is empty")
	}
}

// line returns the text of a line without its trailing blanks, and its offset.
func (c *consoleParser) line(n ast.Node, i int) (string, int) {
	s := n.Lines().At(i)
	return strings.TrimRight(string(c.src.data[s.Start:s.Stop]), " \t\n"), s.Start
}

// add appends a step that ends where text does.
func (c *consoleParser) add(s Step, offset, textOffset, end int) *Step {
	s.Block = c.block
	s.Pos, s.TextPos, s.End = c.src.pos(offset), c.src.pos(textOffset), end
	c.block.Steps = append(c.block.Steps, &s)
	return &s
}

// place returns the window of a prompt: the groups host and number.
func (c *consoleParser) place(text string, group []int, offset int) Place {
	p := Place{Host: text[group[0]:group[1]], Number: 1}
	if group[2] < 0 || text[group[2]:group[3]] == "~" {
		return p
	}
	number, err := strconv.Atoi(text[group[2]:group[3]])
	if err != nil || number < 1 || number > 99 {
		c.failAt(offset+group[2], "a window's number is 1 to 99")
		return p
	}
	p.Number = number
	return p
}

// command reads a line with a prompt and the lines that continue it, and
// returns how many of those there are.
func (c *consoleParser) command(n ast.Node, i int, text string, offset int) (more int) {
	m := promptLine.FindStringSubmatchIndex(text)
	at := len(text)
	if m[8] >= 0 {
		at = m[8]
	}
	command, end, more := c.continued(n, i, text[at:])
	if command == "" {
		c.failAt(offset, "a prompt without a command")
	}
	c.here = c.add(Step{Kind: Command, Place: c.place(text, m[4:8], offset), Prompt: text[:m[3]], Text: command},
		offset, offset+at, max(end, offset+len(text)))
	return more
}

// hostlab reads a "$ hostlab …" line and the lines that continue it.
func (c *consoleParser) hostlab(n ast.Node, i int, text string, offset int) (more int) {
	command, end, more := c.continued(n, i, strings.TrimLeft(strings.TrimPrefix(text, "$"), " "))
	at := len(text) - len(strings.TrimLeft(text[1:], " "))
	words, err := fields(command)
	switch {
	case c.block.Kind == Book:
		c.failAt(offset, "the book knows no hostlab; a \"$ hostlab\" line stands in a console block")
	case err != nil:
		c.failAt(offset+at, "not a command line: %v", err)
	case len(words) < 2 || words[0] != "hostlab":
		c.failAt(offset, "only hostlab commands run on your own machine; a host's prompt is written as laptop:~$")
	}
	c.here = c.add(Step{Kind: Hostlab, Prompt: "$", Text: command}, offset, offset+at, max(end, offset+len(text)))
	return more
}

// fields splits a command line of the reader's machine as a shell would; it
// has no variables and runs no other command.
func fields(s string) ([]string, error) {
	return shell.Fields(s, func(string) string { return "" })
}

// continued joins the lines of a command that a backslash continues. End is
// the offset behind the last of them, 0 when there are none.
func (c *consoleParser) continued(n ast.Node, i int, line string) (joined string, end, more int) {
	var b strings.Builder
	for goesOn(line) {
		b.WriteString(strings.TrimSuffix(line, `\`))
		line = ""
		next, offset := "", 0
		if i+more+1 < n.Lines().Len() {
			next, offset = c.line(n, i+more+1)
		}
		rest, ok := strings.CutPrefix(next+" ", "> ")
		if !ok {
			text, offset := c.line(n, i+more)
			c.failAt(offset+len(text)-1, "the command goes on, but the next line does not begin with \"> \"")
			break
		}
		line = strings.TrimRight(rest, " ")
		end, more = offset+len(next), more+1
	}
	b.WriteString(line)
	return strings.TrimRight(b.String(), " "), end, more
}

// goesOn reports whether a line ends in a backslash that is not itself quoted
// by one.
func goesOn(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// item reads what a window shows, and what is done to it: a key, a status,
// "..." or an expected line. Offset is the line's, at the item's.
func (c *consoleParser) item(place Place, label, text string, offset, at int) {
	end := at + len(text)
	s := Step{Place: place, Label: label, Text: text}
	switch {
	case text == "...":
		s.Kind = Skip
	case keys[text] != 0:
		s.Kind, s.Key = Key, keys[text]
	case keyLine.MatchString(text):
		c.failAt(at, "no such key %s; known are ^C ^Z ^D ^\\; if it is output, begin it with \\", text)
		return
	case statusLine.MatchString(text):
		status, ok := statusOfText(text)
		if !ok {
			c.failAt(at, "no such status %s; known are [exit N], [running], [stopped], [killed SIGINT]; if it is output, begin it with \\", text)
			return
		}
		s.Kind, s.Status = End, status
	default:
		s.Kind = Expect
		c.checkNames(text, at)
	}
	if place == (Place{}) && (s.Kind == Key || s.Kind == End && s.Status.Kind != Exit) {
		c.failAt(at, "%s has no meaning for a hostlab command: it has ended when the next step begins", text)
		return
	}
	c.add(s, offset, at, end)
}

// statusOfText reads "[exit N]" and the like.
func statusOfText(text string) (Status, bool) {
	m := statusLine.FindStringSubmatch(text)
	switch word, arg := m[1], m[2]; word {
	case "exit":
		code, err := strconv.ParseUint(arg, 10, 8)
		return Status{Kind: Exit, Code: int(code)}, err == nil && strconv.FormatUint(code, 10) == arg
	case "killed":
		return Status{Kind: Killed, Signal: arg}, slices.Contains(signals, arg)
	case "running":
		return Status{Kind: Running}, arg == ""
	default:
		return Status{Kind: Stopped}, arg == ""
	}
}

// maxNames is the most names in one expected line.
const maxNames = 32

// checkNames reports the braces that begin no name.
func (c *consoleParser) checkNames(text string, at int) {
	parts, mistakes := c.lesson.patterns.split(text)
	for _, m := range mistakes {
		c.failAt(at+m.offset, "no such name %s; names end in one of: %s; write \\{ for a brace",
			printable(m.text), c.lesson.patterns.types())
	}
	names := 0
	for _, part := range parts {
		if part.name != "" {
			names++
		}
	}
	if names > maxNames {
		c.failAt(at, "the line has %d names; %d is the most", names, maxNames)
		return
	}
	if len(mistakes) == 0 {
		if _, err := (scope{}).compile(parts); err != nil {
			c.failAt(at, "the line's names are too much for one expression: %v", err)
		}
	}
}
