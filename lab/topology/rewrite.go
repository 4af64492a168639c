package topology

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Rewriter returns a function that rewrites free text about one topology into
// text about another which has the same networks and hosts under other
// numbers: commands, expected output, diagrams. It knows every address of the
// networks, those that no host has as well, by which a lesson speaks of an
// absent host; the networks' own with their length, as in 192.168.5.0/24, or
// without. An address that is not a host's keeps its host part. It takes them as
// whole addresses only, so 192.168.5.10 is not found in 192.168.5.100, in
// 1192.168.5.10 or in a name; IPv6 addresses are found however they are
// written, and written as RFC 5952 says. Where nothing differs, the function
// returns its argument.
func Rewriter(from, to *Topology) func(string) string {
	r := rewriter{addrs: map[netip.Addr]netip.Addr{}, lengths: map[netip.Addr]int{}, moves: map[netip.Prefix]netip.Prefix{}}
	for _, n := range from.Networks {
		if m, ok := to.Network(n.Name); ok {
			r.network(n, m)
		}
	}
	for _, h := range from.Hosts {
		g, _ := to.Host(h.Name)
		for _, i := range h.Interfaces {
			j, _ := g.Interface(i.Network)
			r.pairs(i.Addrs, j.Addrs)
		}
	}
	changes := false
	for a, b := range r.addrs {
		changes = changes || a != b
	}
	if !changes {
		return func(text string) string { return text }
	}
	return r.rewrite
}

// A rewriter knows what each address becomes.
type rewriter struct {
	addrs   map[netip.Addr]netip.Addr
	lengths map[netip.Addr]int // of the prefixes, by the networks' own addresses
	moves   map[netip.Prefix]netip.Prefix
}

func (r *rewriter) network(from, to Network) {
	r.pairs(from.Gateways, to.Gateways)
	for i, p := range from.Prefixes {
		if i >= len(to.Prefixes) {
			return
		}
		q := to.Prefixes[i]
		if p.Bits() == q.Bits() {
			r.moves[p] = q
		}
		r.addrs[p.Addr()] = q.Addr()
		r.lengths[p.Addr()] = p.Bits()
		if b, ok := Broadcast(p); ok {
			r.addrs[b], _ = Broadcast(q)
		}
	}
}

func (r *rewriter) pairs(from, to []netip.Addr) {
	for i, a := range from {
		if i < len(to) {
			r.addrs[a] = to[i]
		}
	}
}

var (
	// dotted is a run of numbers with dots between them, all of it.
	dotted = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)+`)
	// colons is a run of what an IPv6 address is written with, all of it but
	// dots in front.
	colons = regexp.MustCompile(`(?:[0-9A-Fa-f:][0-9A-Fa-f.]*)?:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*`)
	length = regexp.MustCompile(`^/([0-9]+)`)
)

func (r *rewriter) rewrite(text string) string {
	return replace(text, colons, func(run, before, after string) string {
		for end := len(run); end > 0; end-- { // "fd00::1:" and "fd00::1." at the end of a clause
			if b, ok := r.find(run[:end], before, run[end:]+after); ok {
				return b + r.dotted(run[end:], run[:end], after)
			}
			if !strings.HasSuffix(run[:end], ":") && !strings.HasSuffix(run[:end], ".") {
				break
			}
		}
		return r.dotted(run, before, after)
	}, r.dotted)
}

// dotted rewrites the IPv4 addresses of a text that stands between others.
func (r *rewriter) dotted(text, before, after string) string {
	return replaceWithin(text, before, after, dotted, func(run, before, after string) string {
		if b, ok := r.find(run, before, after); ok {
			return b
		}
		return run
	})
}

// find returns what an address becomes, if it is one that is known, stands by
// itself, and has the right length when it is a network's own.
func (r *rewriter) find(run, before, after string) (string, bool) {
	if endsInWord(before) || startsWithWord(after) {
		return "", false
	}
	a, err := netip.ParseAddr(run)
	if err != nil {
		return "", false
	}
	b, ok := r.addrs[a]
	if !ok {
		b = move(r.moves, a)
		ok = a != b
	}
	if a == b {
		return run, ok // as it was written
	}
	if bits, own := r.lengths[a]; ok && own {
		if m := length.FindStringSubmatch(after); m != nil && m[1] != strconv.Itoa(bits) {
			return "", false
		}
	}
	return b.String(), ok
}

// endsInWord tells whether what stands before an address belongs to it: a
// letter, a digit, or a dot behind one.
func endsInWord(s string) bool {
	trimmed := strings.TrimSuffix(s, ".")
	return trimmed != "" && isWord(trimmed[len(trimmed)-1])
}

// startsWithWord is endsInWord for what stands behind. A dot alone ends a
// sentence.
func startsWithWord(s string) bool {
	s = strings.TrimPrefix(s, ".")
	return s != "" && isWord(s[0])
}

func isWord(b byte) bool {
	return b == '_' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// replace calls match for each match of a pattern and rest for what lies
// between, with the text on both sides, and joins what they return.
func replace(text string, pattern *regexp.Regexp, match, rest func(part, before, after string) string) string {
	var b strings.Builder
	end := 0
	for _, m := range pattern.FindAllStringIndex(text, -1) {
		b.WriteString(rest(text[end:m[0]], text[:end], text[m[0]:]))
		b.WriteString(match(text[m[0]:m[1]], text[:m[0]], text[m[1]:]))
		end = m[1]
	}
	b.WriteString(rest(text[end:], text[:end], ""))
	return b.String()
}

// replaceWithin is replace in a part of a text; what lies between stays.
func replaceWithin(text, before, after string, pattern *regexp.Regexp, match func(part, before, after string) string) string {
	return replace(text, pattern, func(part, b, a string) string {
		return match(part, last(before)+b, a+after)
	}, func(part, _, _ string) string { return part })
}

// last returns the end of a text that endsInWord looks at.
func last(s string) string { return s[max(0, len(s)-2):] }
