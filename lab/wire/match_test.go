package wire

import (
	"strings"
	"testing"

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
	m := tr.Match(d, nil).Mismatch
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
