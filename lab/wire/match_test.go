package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What laptop asks of guinness, and what comes back, in many ways.
const (
	asked = `
		0.0000 laptop   out ask
		0.0001 guinness in  ask
		0.0003 guinness out answer
		0.0004 laptop   in  answer
	`
	backOff = `
		0.0    laptop   out ask
		0.1001 laptop   out ask
		0.3002 laptop   out ask
		0.3003 guinness in  ask
		0.3005 guinness out answer
		0.3006 laptop   in  answer
	`
	broadcast = `
		0.0 laptop   out all
		0.1 forger   in  all
		0.2 guinness in  all
	`
	connect = `
		0.0 laptop   out who
		0.1 laptop   out syn
		0.2 guinness in  syn
		0.3 guinness out rst
		0.4 laptop   in  rst
		0.5 laptop   out ack
		0.6 guinness in  ack
	`
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		name    string
		frames  string
		diagram string
		want    string // the Mismatch's text, want, got; "" when it matches
	}{
		{"as it was", asked, `
			laptop->>guinness: UDP to 1060, 23 bytes
			guinness->>laptop: UDP to 35084, 22 bytes
		`, ""},
		{"a packet too many in the diagram", asked, `
			laptop->>guinness: UDP to 1060, 23 bytes
			guinness->>laptop: UDP to 35084, 22 bytes
			laptop->>guinness: UDP to 1060, 23 bytes
		`, "no more packets | laptop->>guinness: UDP to 1060, 23 bytes | "},
		{"a packet too few", asked, `
			laptop->>guinness: UDP to 1060, 23 bytes
		`, "a packet that the diagram does not have | nothing more | guinness->>laptop: UDP to 35084, 22 bytes"},
		{"another length", asked, `
			laptop->>guinness: UDP to 1060, 24 bytes
		`, "another packet | laptop->>guinness: UDP to 1060, 24 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"another port", asked, `
			laptop->>guinness: UDP to 1061, 23 bytes
		`, "another packet | laptop->>guinness: UDP to 1061, 23 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"another order", asked, `
			guinness->>laptop: UDP to 35084, 22 bytes
			laptop->>guinness: UDP to 1060, 23 bytes
		`, "another packet | guinness->>laptop: UDP to 35084, 22 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"another receiver", asked, `
			laptop->>forger: UDP to 1060, 23 bytes
		`, "another packet | laptop->>forger: UDP to 1060, 23 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"said to be lost, and arrived", asked, `
			laptop-xguinness: UDP to 1060, 23 bytes
			guinness->>laptop: UDP to 35084, 22 bytes
		`, "it arrived | laptop-xguinness: UDP to 1060, 23 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"said to arrive, and lost", backOff, `
			laptop->>guinness: UDP to 1060, 23 bytes
		`, "it did not arrive | laptop->>guinness: UDP to 1060, 23 bytes | laptop-xguinness: UDP to 1060, 23 bytes"},
		{"more words", asked, `
			laptop->>guinness: UDP from 35084 to 1060, 23 bytes
			guinness->>laptop: UDP from 1060 to 35084, 22 bytes
		`, ""},
		{"a name is bound", asked, `
			laptop->>guinness: UDP from {port} to 1060, 23 bytes
			guinness->>laptop: UDP to {port}, 22 bytes
		`, ""},
		{"a name is bound otherwise", asked, `
			laptop->>guinness: UDP from {port} to {port}, 23 bytes
		`, "another packet | laptop->>guinness: UDP from {port} to {port}, 23 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"a bound name is shown", asked, `
			laptop->>guinness: UDP to {port}, 23 bytes
			guinness->>laptop: UDP to {port}, 22 bytes
		`, "another packet | guinness->>laptop: UDP to 1060, 22 bytes | guinness->>laptop: UDP to 35084, 22 bytes"},
		{"back-off", backOff, `
			laptop-xguinness: UDP to 1060, 23 bytes
			at least 0.1 s passes
			laptop-xguinness: UDP to 1060, 23 bytes
			at least 0.2 s passes
			laptop->>guinness: UDP to 1060, 23 bytes
			guinness->>laptop: UDP to {port}, 22 bytes
		`, ""},
		{"too soon", backOff, `
			laptop-xguinness: UDP to 1060, 23 bytes
			at least 0.15 s passes
			laptop-xguinness: UDP to 1060, 23 bytes
		`, "too soon | at least 0.15 s passes | 0.1001 s passed"},
		{"a loop", backOff, `
			loop 2 times
				laptop-xguinness: UDP to 1060, 23 bytes
			end
			laptop->>guinness: UDP to 1060, 23 bytes
			guinness->>laptop: UDP to {port}, 22 bytes
		`, ""},
		{"a loop too long", backOff, `
			loop 3 times
				laptop-xguinness: UDP to 1060, 23 bytes
			end
		`, "it arrived | laptop-xguinness: UDP to 1060, 23 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"a loop without end, almost", backOff, `
			loop 1000000 times
				loop 1000000 times
					laptop-xguinness: UDP to 1060, 23 bytes
					at least 0 s passes
				end
			end
		`, "it arrived | laptop-xguinness: UDP to 1060, 23 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"loops of nothing", "", `
			loop 1000000 times
				loop 1000000 times
					no packets
					loop 0 times
						laptop-xguinness: UDP to 1060, 23 bytes
					end
				end
			end
		`, ""},
		{"silence", "", `no packets laptop guinness`, ""},
		{"silence on the wire, with words within a host", `
			0.0 guinness out lo inside
			0.1 guinness in  lo inside
		`, `no packets laptop guinness`, ""},
		{"no silence", asked, `no packets laptop guinness`,
			"a packet | no packets | laptop->>guinness: UDP to 1060, 23 bytes"},
		{"nothing, and nothing said", "", "", ""},
		{"a broadcast's arrows", broadcast, `
			laptop->>guinness: UDP to 1060, 19 bytes
			laptop->>forger: UDP to 1060, 19 bytes
		`, ""},
		{"one of a broadcast's arrows will do", broadcast, `
			laptop->>guinness: UDP to 1060, 19 bytes
		`, ""},
		{"a broadcast that not every host heard", broadcast, `
			laptop->>guinness: UDP to 1060, 19 bytes
			laptop-xserver: UDP to 1060, 19 bytes
			laptop->>forger: UDP to 1060, 19 bytes
		`, ""},
		{"a broadcast to one host twice", broadcast, `
			laptop->>guinness: UDP to 1060, 19 bytes
			laptop->>guinness: UDP to 1060, 19 bytes
		`, "no more packets | laptop->>guinness: UDP to 1060, 19 bytes | "},
		{"a broadcast heard by who did not", broadcast, `
			laptop->>server: UDP to 1060, 19 bytes
		`, "it did not arrive | laptop->>server: UDP to 1060, 19 bytes | laptop->>forger: UDP to 1060, 19 bytes"},
		{"two broadcasts", broadcast + `
			1.0 laptop   out all2
			1.1 guinness in  all2
			1.2 forger   in  all2
		`, `
			loop 2 times
				laptop->>guinness: UDP to 1060, 19 bytes
				laptop->>forger: UDP to 1060, 19 bytes
			end
		`, ""},
		{"two broadcasts of one arrow each", broadcast + `
			1.0 laptop   out all2
			1.1 guinness in  all2
			1.2 forger   in  all2
		`, `
			laptop->>guinness: UDP to 1060, 19 bytes
			laptop->>forger: UDP to 1060, 19 bytes
		`, ""},
		{"what hosts do by themselves is left out", connect, `
			laptop->>guinness: TCP SYN
			guinness->>laptop: TCP RST
		`, ""},
		{"unless it is named", connect, `
			laptop-xguinness: ARP who has 192.168.5.77
			laptop->>guinness: TCP SYN to 1060
			guinness->>laptop: TCP RST
			laptop->>guinness: TCP ACK
		`, ""},
		{"then all of it counts", connect, `
			laptop-xguinness: ARP who has 192.168.5.77
			laptop->>guinness: TCP SYN
			guinness->>laptop: TCP RST
		`, ""},
		{"through a router, end to end", `
			0.0 laptop out      out
			0.1 router in       out
			0.2 router out eth1 out+1
			0.3 server in       out+1
		`, `laptop->>server: UDP to 1060, 1400 bytes`, ""},
		{"a router is not where it arrives", `
			0.0 laptop out      out
			0.1 router in       out
			0.2 router out eth1 out+1
			0.3 server in       out+1
		`, `laptop->>router: UDP to 1060, 1400 bytes`,
			"another packet | laptop->>router: UDP to 1060, 1400 bytes | laptop->>server: UDP to 1060, 1400 bytes"},
		{"the router has the rest of it to say", `
			0.0 laptop out out
			0.1 router in  out
			0.2 router out toobig
			0.3 laptop in  toobig
		`, `
			laptop-xserver: UDP to 1060, 1400 bytes
			router->>laptop: ICMP fragmentation needed (mtu 1280)
		`, ""},
		{"the router is where it came to its end", `
			0.0 laptop out out
			0.1 router in  out
		`, `laptop->>router: UDP to 1060, 1400 bytes`, ""},
		{"fragments are one datagram", `
			0.0 laptop   out part1
			0.1 laptop   out part2
			0.2 laptop   out part3
			0.3 guinness in  part1
			0.4 guinness in  part3
			0.5 guinness in  part2
		`, `laptop->>guinness: UDP to 1060, 4000 bytes in 3 fragments`, ""},
		{"nobody saw it go", `
			0 guinness in ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes`,
			"the capture of laptop has not seen it go | laptop->>guinness: UDP to 1060, 23 bytes | laptop->>guinness: UDP to 1060, 23 bytes"},

		{"partial: others are no matter", backOff, `
			%% partial
			laptop->>guinness: UDP to 1060, 23 bytes
		`, ""},
		{"partial: the order counts", backOff, `
			%% partial
			guinness->>laptop: UDP to 35084, 22 bytes
			laptop-xguinness: UDP to 1060, 23 bytes
		`, "no such packet | laptop-xguinness: UDP to 1060, 23 bytes | "},
		{"partial: the time counts from the earliest that will do", backOff, `
			%% partial
			laptop-xguinness: UDP to 1060, 23 bytes
			at least 0.3 s passes
			laptop->>guinness: UDP to 1060, 23 bytes
		`, ""},
		{"partial: silence between two", backOff, `
			%% partial
			laptop-xguinness: UDP to 1060, 23 bytes
			no packets
			laptop->>guinness: UDP to 1060, 23 bytes
		`, ""},
		{"partial: no silence", backOff, `
			%% partial
			at least 0 s passes
			no packets
			laptop->>guinness: UDP to 1060, 23 bytes
		`, "a packet | no packets | laptop-xguinness: UDP to 1060, 23 bytes"},
		{"partial: silence of others", backOff, `
			%% partial
			no packets forger
			laptop->>guinness: UDP to 1060, 23 bytes
			no packets forger
		`, ""},
		{"partial: no silence at the end", backOff, `
			%% partial
			laptop->>guinness: UDP to 1060, 23 bytes
			no packets laptop
		`, "a packet | no packets | guinness->>laptop: UDP to 35084, 22 bytes"},
		{"partial: a name is bound by the packet that makes the rest fit", `
			0.0 guinness out answer
			0.1 laptop   in  answer
			0.2 guinness out answer2
			0.3 laptop   in  answer2
			0.4 guinness out answer2
			0.5 laptop   in  answer2
		`, `
			%% partial
			guinness->>laptop: UDP to {port}, 22 bytes
			guinness->>laptop: UDP to {port}, 22 bytes
		`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			tr := trace(t, packets(), test.frames)
			tr.Until = after(10)
			r := tr.Match(diagram(t, test.diagram), names{})
			got := ""
			if m := r.Mismatch; m != nil {
				got = strings.Join([]string{m.Text, m.Want, m.Got}, " | ")
			}
			if got != test.want {
				t.Errorf("mismatch %q\n     want %q", got, test.want)
			}
			if r.Doubt != "" {
				t.Errorf("doubt: %s", r.Doubt)
			}
		})
	}
}

// Notes at either end count from the trace's bounds.
func TestMatchBounds(t *testing.T) {
	tr := trace(t, packets(), asked).Between(after(-1), after(2))
	for _, test := range []struct {
		diagram string
		want    bool
	}{
		{"%% partial\nat least 1 s passes\nlaptop->>guinness: UDP to 1060, 23 bytes", true},
		{"%% partial\nat least 1.1 s passes\nlaptop->>guinness: UDP to 1060, 23 bytes", false},
		{"%% partial\nlaptop->>guinness: UDP to 1060, 23 bytes\nat least 2 s passes", true},
		{"%% partial\nlaptop->>guinness: UDP to 1060, 23 bytes\nat least 2.1 s passes", false},
	} {
		if r := tr.Match(diagram(t, test.diagram), NoNames{}); (r.Mismatch == nil) != test.want {
			t.Errorf("%q: mismatch %v", test.diagram, r.Mismatch)
		}
	}
}

func TestMatchKeepsNames(t *testing.T) {
	tr := trace(t, packets(), asked)
	r := tr.Match(diagram(t, "laptop->>guinness: UDP from {port} to 1060, {n} bytes\nguinness->>laptop: UDP to {port}, 22 bytes"), names{"a": "1"})
	if diff := cmp.Diff(Scope(names{"a": "1", "port": "35084", "n": "23"}), r.Scope); diff != "" {
		t.Errorf("bound names (-want +got):\n%s", diff)
	}
	r = tr.Match(diagram(t, "laptop->>guinness: UDP from {port} to 1060, {n} bytes"), names{"a": "1"})
	if diff := cmp.Diff(Scope(names{"a": "1"}), r.Scope); r.Mismatch == nil || diff != "" {
		t.Errorf("names behind a mismatch (-want +got):\n%s", diff)
	}
}

func TestMismatchTellsItsPlace(t *testing.T) {
	tr := trace(t, packets(), backOff)
	d := diagram(t, "loop 3 times\nlaptop-xguinness: UDP to 1060, 23 bytes\nend")
	m := tr.Match(d, NoNames{}).Mismatch
	if m == nil {
		t.Fatal("it matches")
	}
	if m.Statement != d.Statements[0].Body[0] || m.Round != 3 {
		t.Errorf("statement %v in round %d; want the arrow in round 3", m.Statement, m.Round)
	}
	want := []string{
		"laptop-xguinness: UDP to 1060, 23 bytes",
		"laptop-xguinness: UDP to 1060, 23 bytes",
		"laptop->>guinness: UDP to 1060, 23 bytes",
		"guinness->>laptop: UDP to 35084, 22 bytes",
	}
	if diff := cmp.Diff(want, m.Packets); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

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
