package wire

import (
	"strings"
	"testing"
	"time"
)

// A capture that lost something, or could not be read, proves nothing.
func TestMatchDoubts(t *testing.T) {
	lost := "laptop-xguinness: UDP to 1060, 23 bytes"
	for _, test := range []struct {
		name, frames, diagram string
		change                func(*Trace)
		want                  string
	}{
		{"frames dropped", asked, "%% partial", func(tr *Trace) { tr.Dropped = map[string]uint64{"laptop": 0, "guinness": 3} },
			"the capture on guinness lost 3 frames"},
		{"clock set", asked, "%% partial", func(tr *Trace) { tr.Doubts = []string{"the clock was set"} }, "the clock was set"},
		{"lost to a paused host", "0 laptop out ask", lost, func(tr *Trace) { tr.Blind = map[string]string{"guinness": "it is paused"} },
			"the capture of guinness could not be read: it is paused"},
		{"arrived at a paused host", asked, "%% partial", func(tr *Trace) { tr.Blind = map[string]string{"guinness": "it is paused"} }, ""},
		{"another host paused", "0 laptop out ask", lost, func(tr *Trace) { tr.Blind = map[string]string{"forger": "it is paused"} }, ""},
		{"a mismatch, and somebody paused", asked, lost, func(tr *Trace) { tr.Blind = map[string]string{"forger": "it is paused"} },
			"the capture of forger could not be read: it is paused"},
	} {
		tr := trace(t, packets(), test.frames)
		test.change(tr)
		if got := tr.Match(diagram(t, test.diagram), NoNames{}).Doubt; got != test.want {
			t.Errorf("%s: doubt %q; want %q", test.name, got, test.want)
		}
	}
}

// Many packets, many names: no answer, rather than none in time.
func TestMatchGivesUp(t *testing.T) {
	tr := &Trace{Topology: house}
	all := packets()
	for i := range 2000 {
		at := zero.Add(time.Duration(i) * time.Millisecond)
		tr.Frames = append(tr.Frames,
			Frame{Host: "laptop", Interface: "eth0", Direction: Out, Time: at, Data: all["ask"]},
			Frame{Host: "guinness", Interface: "eth0", Direction: In, Time: at.Add(1), Data: all["ask"]})
	}
	text := "%% partial\n" + strings.Repeat("laptop->>guinness: UDP from {port} to {n}, 23 bytes\n", 3) + "laptop->>guinness: UDP to {port}, 23 bytes\n"
	r := tr.Match(diagram(t, text), cheapNames{})
	if r.Mismatch == nil || !strings.Contains(r.Doubt, "too many ways") {
		t.Errorf("mismatch %v, doubt %q; want a doubt", r.Mismatch, r.Doubt)
	}
}

// cheapNames lets every text with two names fit.
type cheapNames struct{}

func (c cheapNames) Match(text, words string) (Scope, bool) {
	return c, strings.Contains(text, "{n}") && strings.Contains(words, "from")
}
func (cheapNames) Show(text string) string { return text }

// Every trace matches the diagram of its own lines, and no longer when one of
// them is left out, doubled, or lost instead of arrived.
func TestMatchOwnLines(t *testing.T) {
	for _, frames := range []string{asked, backOff, broadcast, connect} {
		tr := trace(t, packets(), frames)
		own := Lines(tr.Accounted(nil))
		matches := func(lines []string) bool {
			return tr.Match(diagram(t, strings.Join(lines, "\n")), NoNames{}).Mismatch == nil
		}
		if !matches(own) {
			t.Errorf("%q does not match itself", own)
		}
		if frames == broadcast {
			continue // of whose arrows one is enough
		}
		for i, line := range own {
			swapped := strings.NewReplacer("->>", "-x", "-x", "->>").Replace(line)
			for _, wrong := range [][]string{
				append(append([]string{}, own[:i]...), own[i+1:]...),
				append(append([]string{}, own[:i+1]...), own[i:]...),
				append(append(append([]string{}, own[:i]...), swapped), own[i+1:]...),
			} {
				if matches(wrong) {
					t.Errorf("%q matches %q", own, wrong)
				}
			}
		}
	}
}
