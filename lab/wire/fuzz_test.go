package wire

import (
	"strings"
	"testing"
	"time"
)

func FuzzMatch(f *testing.F) {
	f.Add(asked, "laptop->>guinness: UDP to {port}, 23 bytes\nguinness->>laptop: UDP to {port2}, 22 bytes")
	f.Add(backOff, "loop 2 times\nlaptop-xguinness: UDP to 1060, 23 bytes\nend\n%% partial\nno packets\nat least 0.1 s passes")
	f.Add(broadcast, "laptop->>guinness: UDP to 1060, 19 bytes\nlaptop->>forger: UDP to 1060, 19 bytes")
	f.Add("0 laptop out part1\n0 guinness in part3\n0 laptop out part3", "")
	all := packets()
	f.Fuzz(func(t *testing.T, frames, text string) {
		tr, d := fuzzTrace(all, frames), fuzzDiagram(text)
		r := tr.Match(d, names{})
		if r.Mismatch != nil && r.Mismatch.Text == "" {
			t.Errorf("a mismatch without a word: %+v", r.Mismatch)
		}
		if len(tr.Frames) < 50 {
			own := &Diagram{}
			for _, l := range Lines(tr.Accounted(nil)) {
				own.Statements = append(own.Statements, fuzzDiagram(l).Statements...)
			}
			if len(own.Statements) == 0 && len(tr.Accounted(nil)) > 0 {
				t.Errorf("packets without lines: %v", tr.Accounted(nil))
			}
		}
	})
}

// fuzzTrace reads what lines it can.
func fuzzTrace(packets map[string][]byte, lines string) *Trace {
	tr := &Trace{Topology: house}
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		if len(w) < 3 {
			continue
		}
		data, known := packets[w[len(w)-1]]
		if !known {
			data = []byte(w[len(w)-1])
		}
		f := Frame{Host: w[1], Interface: "eth0", Direction: Direction(len(w[2]) % 3), Time: zero.Add(time.Duration(len(w[0])) * time.Millisecond), Data: data}
		if len(w) > 4 {
			f.Interface, f.Other, f.Fault = w[3], len(w) == 6, strings.TrimSuffix(w[4], "-")
		}
		tr.Frames = append(tr.Frames, f)
		if len(w) == 5 && len(data) > 14 {
			tr.Losses = append(tr.Losses, Loss{Host: w[1], Time: f.Time, Fault: "drop", Data: data[14:]})
		}
	}
	return tr
}

// fuzzDiagram reads what lines it can.
func fuzzDiagram(text string) *Diagram {
	d := &Diagram{Partial: strings.Contains(text, "partial")}
	into := &d.Statements
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		s := &Statement{}
		from, rest, _ := strings.Cut(line, "-")
		to, words, isArrow := strings.Cut(strings.TrimPrefix(rest, ">>"), ": ")
		switch {
		case isArrow:
			*s = Statement{Kind: Arrow, From: from, To: strings.TrimPrefix(to, "x"), Lost: strings.HasPrefix(rest, "x"), Text: words}
		case strings.HasPrefix(line, "loop"):
			*s = Statement{Kind: Loop, Times: len(line) * len(line)}
		case line == "end":
			into = &d.Statements
			continue
		case strings.HasPrefix(line, "no packets"):
			*s = Statement{Kind: Silence, Hosts: strings.Fields(line)[2:]}
		default:
			*s = Statement{Kind: Passes, AtLeast: time.Duration(len(line)) * time.Millisecond}
		}
		*into = append(*into, s)
		if s.Kind == Loop {
			into = &s.Body
		}
	}
	return d
}
