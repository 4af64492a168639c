package mutate

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hostlab/lab/book"
	"hostlab/lab/lesson"
	"hostlab/lab/program"
	"hostlab/lab/topology"
)

// A word is one of a command line, as it stands there.
type word struct {
	text  string
	start int // in the step's text
}

var wordText = regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)

func words(text string) []word {
	var all []word
	for _, m := range wordText.FindAllStringIndex(text, -1) {
		all = append(all, word{text[m[0]:m[1]], m[0]})
	}
	return all
}

// change adds a mutant in which a part of a command's text is another.
func (g *generator) change(kind Kind, s *lesson.Step, start, end int, is string, more ...lesson.Edit) {
	g.changeAs(kind, s, start, end, is, s.Text[start:end], more...)
}

// changeAs is change under another word for what it was. A command over several
// lines becomes one line.
func (g *generator) changeAs(kind Kind, s *lesson.Step, start, end int, is, was string, more ...lesson.Edit) {
	at := s.TextPos.Offset
	if s.End-at == len(s.Text) {
		g.addAs(kind, at+start, at+end, is, was, is, more...)
		return
	}
	g.addAs(kind, at, s.End, s.Text[:start]+is+s.Text[end:], was, is, more...)
}

// command makes the mutants of a command on a host: of its addresses, its
// ports and what it drops.
func (g *generator) command(b *lesson.Block, index int) {
	s := b.Steps[index]
	all := words(s.Text)
	bound := -1
	if len(all) > 2 && all[1].text == "server" {
		bound = 2
	}
	for i, w := range all {
		switch {
		case i == 0:
		case i == bound && !strings.HasPrefix(w.text, "-"):
			g.bind(b, index, w)
		case strings.HasPrefix(w.text, "--drop") && i+1 < len(all):
			g.drops(s, all[i+1])
		case strings.HasPrefix(all[i-1].text, "--drop"):
		default:
			g.addresses(s, w)
		}
	}
	g.ports(b, index, all)
	g.options(s, all)
}

// options leaves out every option that has no value.
func (g *generator) options(s *lesson.Step, all []word) {
	for i, w := range all {
		valued := i+1 < len(all) && !strings.HasPrefix(all[i+1].text, "-") || strings.Contains(w.text, "=")
		if strings.HasPrefix(w.text, "--") && len(w.text) > 2 && !valued {
			start := len(strings.TrimRight(s.Text[:w.start], " "))
			g.changeAs(Option, s, start, w.start+len(w.text), "", w.text)
		}
	}
}

// bind lets a server bind another address: a loopback one where it was bound
// to more, the machine's own where it was bound to that. The line in which it
// tells its address changes with it, for the experiment shall notice, not the
// echo.
func (g *generator) bind(b *lesson.Block, index int, w word) {
	s := b.Steps[index]
	was := strings.Trim(w.text, `'"`)
	is, shown := "127.0.0.1", was
	switch a, _ := netip.ParseAddr(was); {
	case was == "":
		shown = "0.0.0.0"
	case a.Is6() && a.IsLoopback(), a.IsValid() && a.IsLoopback():
		own := g.addrOf(s.Place.Host, a.Is6())
		if own == "" {
			return
		}
		is = own
	case a.Is6():
		is = "::1"
	}
	g.change(Bind, s, w.start, w.start+len(w.text), is, g.echo(b, index, "'"+shown+"'", "'"+is+"'")...)
}

// echo returns the edit of the first line that a command shows, where that
// repeats what it was given.
func (g *generator) echo(b *lesson.Block, index int, was, is string) []lesson.Edit {
	for _, s := range b.Steps[index+1:] {
		if s.Place != b.Steps[index].Place {
			continue
		}
		if i := strings.Index(s.Text, was); s.Kind == lesson.Expect && i >= 0 {
			at := s.TextPos.Offset + i
			return []lesson.Edit{{Start: at, End: at + len(was), Text: is}}
		}
		return nil
	}
	return nil
}

// addrOf returns a host's first address; "" when it has none.
func (g *generator) addrOf(host string, six bool) string {
	for _, h := range g.hosts() {
		for _, a := range h.Addrs() {
			if h.Name == host && a.Is6() == six {
				return a.String()
			}
		}
	}
	return ""
}

func (g *generator) hosts() []topology.Host {
	if g.l.Topology == nil {
		return nil
	}
	return g.l.Topology.Hosts
}

// ipv4 is an address within a word.
var ipv4 = regexp.MustCompile(`\b[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\b`)

// addresses changes a host or address in a word into the next one of the lab.
func (g *generator) addresses(s *lesson.Step, w word) {
	hosts := g.hosts()
	if i := slices.IndexFunc(hosts, func(h topology.Host) bool { return h.Name == w.text || slices.Contains(h.Aliases, w.text) }); i >= 0 {
		if is := hosts[(i+1)%len(hosts)].Name; is != hosts[i].Name {
			g.change(Address, s, w.start, w.start+len(w.text), is)
		}
		return
	}
	for _, m := range ipv4.FindAllStringIndex(w.text, -1) {
		a, err := netip.ParseAddr(w.text[m[0]:m[1]])
		if err != nil || a.IsUnspecified() {
			continue
		}
		if is := g.next(s.Place.Host, a); is != "" {
			g.change(Address, s, w.start+m[0], w.start+m[1], is)
		}
	}
}

// next returns another address than a: that of the host behind the one that
// has it, the machine's own for a loopback address, any host's for one that
// nobody has.
func (g *generator) next(here string, a netip.Addr) string {
	if a.IsLoopback() {
		return g.addrOf(here, a.Is6())
	}
	hosts := g.hosts()
	for i, h := range hosts {
		if slices.Contains(h.Addrs(), a) {
			if is := g.addrOf(hosts[(i+1)%len(hosts)].Name, false); is != a.String() {
				return is
			}
			return "127.0.0.1"
		}
	}
	for _, h := range hosts {
		if h.Name != here {
			return g.addrOf(h.Name, false)
		}
	}
	return ""
}

var (
	portAfter = regexp.MustCompile(`(?:[:/])([0-9]+)\b`) // 192.168.5.10:1060, udp/1060
	digits    = regexp.MustCompile(`^[0-9]+$`)
)

// ports changes every port of a command, and gives one to a program of the book
// that was meant to take the default. One that fails may do so on any port.
func (g *generator) ports(b *lesson.Block, index int, all []word) {
	s, given := b.Steps[index], false
	for i, w := range all {
		if i > 0 && (all[i-1].text == "-p" || all[i-1].text == "--port") && digits.MatchString(w.text) {
			given = true
			is := otherPort(w.text)
			g.change(Port, s, w.start, w.start+len(w.text), is, g.portEcho(b, index, all, w.text, is)...)
		}
		g.portsIn(s, w)
	}
	known := slices.ContainsFunc(book.Programs(), func(p program.Program) bool { return p.Name == all[0].text })
	if known && len(all) > 1 && !given && !fails(b, index) {
		g.change(Port, s, len(s.Text), len(s.Text), " -p 1061", g.portEcho(b, index, all, "1060", "1061")...)
	}
}

// fails reports whether a command is stated to end with another status than 0.
func fails(b *lesson.Block, index int) bool {
	for _, s := range b.Steps[index+1:] {
		switch {
		case s.Place != b.Steps[index].Place:
		case s.Kind == lesson.End:
			return s.Status.Kind == lesson.Exit && s.Status.Code != 0
		case s.Kind == lesson.Command || s.Kind == lesson.Key:
			return false
		}
	}
	return false
}

// portEcho is the edit of the line in which a server tells its port.
func (g *generator) portEcho(b *lesson.Block, index int, all []word, was, is string) []lesson.Edit {
	if all[1].text != "server" {
		return nil
	}
	return g.echo(b, index, ", "+was+")", ", "+is+")")
}

// portsIn changes the ports of addresses and sockets in a word.
func (g *generator) portsIn(s *lesson.Step, w word) {
	for _, m := range portAfter.FindAllStringSubmatchIndex(w.text, -1) {
		n, _ := strconv.Atoi(w.text[m[2]:m[3]])
		if n == 0 || n > 65535 || strings.Count(w.text, ":") > 1 || strings.Count(w.text[:m[2]], ".") == 3 && w.text[m[0]] == '/' {
			continue // an IPv6 address, or a prefix's length
		}
		g.change(Port, s, w.start+m[2], w.start+m[3], otherPort(w.text[m[2]:m[3]]))
	}
}

func otherPort(text string) string {
	n, _ := strconv.Atoi(text)
	if n >= 65535 {
		return strconv.Itoa(n - 1)
	}
	return strconv.Itoa(n + 1)
}

// drops changes how many packets are taken.
func (g *generator) drops(s *lesson.Step, w word) {
	if m := number.FindStringIndex(w.text); m != nil {
		n, _ := strconv.Atoi(w.text[m[0]:m[1]])
		g.change(Drop, s, w.start+m[0], w.start+m[1], strconv.Itoa(n+1))
	}
}

// order makes the mutants of a "$ hostlab …" line.
func (g *generator) order(s *lesson.Step) {
	all := words(s.Text)
	if len(all) < 3 {
		return
	}
	if all[1].text == "wait" {
		for _, w := range all[2:] {
			g.addresses(s, w)
			g.portsIn(s, w)
		}
		return
	}
	if all[1].text != "fault" || slices.Contains([]string{"clear", "list", "resume", "join"}, all[2].text) {
		return
	}
	g.change(Drop, s, 0, len(s.Text), "hostlab fault clear")
	for i, w := range all {
		switch {
		case w.text == "--first" || w.text == "--every":
			if i+1 < len(all) {
				g.drops(s, all[i+1])
			}
		case i > 2:
			g.portsIn(s, w)
		}
	}
	if turned := map[string]string{"drop": "reject", "reject": "drop"}[all[2].text]; turned != "" {
		rest := s.Text[all[2].start+len(all[2].text):]
		is := fmt.Sprintf("hostlab fault %s%s", turned, schedule.ReplaceAllString(rest, ""))
		g.change(Drop, s, 0, len(s.Text), is)
	}
}

// schedule is what only one of drop and reject takes.
var schedule = regexp.MustCompile(` --(?:first|every|with|fragment) \S+`)
