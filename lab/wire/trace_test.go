package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packets are what the traces of tests speak of, each by a word.
func packets() map[string][]byte {
	const server = "10.0.9.2"
	all := map[string][]byte{
		"ask":     udp(laptop+":35084", guinness+":1060", 23),
		"answer":  udp(guinness+":1060", laptop+":35084", 22),
		"refuse":  icmp(guinness, laptop, 3, 3, 0, udp(laptop+":35084", guinness+":1060", 23)),
		"ask6":    udp("["+laptop6+"]:35084", "["+guinness6+"]:1060", 23),
		"who":     arpRequest(laptop, "192.168.5.77"),
		"forged":  udp(guinness+":1060", laptop+":35084", 14),
		"all":     udp(laptop+":35084", "192.168.5.255:1060", 19),
		"all2":    udp(laptop+":35084", "192.168.5.255:1060", 19, id(2)),
		"syn":     tcp(laptop+":4000", guinness+":1060", "S", 0),
		"rst":     tcp(guinness+":1060", laptop+":4000", "RA", 0),
		"ack":     tcp(laptop+":4000", guinness+":1060", "A", 0),
		"out":     udp(laptop+":35084", server+":1060", 1400),
		"toobig":  icmp("192.168.5.1", laptop, 3, 4, 1280, udp(laptop+":35084", server+":1060", 1400)),
		"away":    udp(laptop+":35084", "8.8.8.8:53", 30),
		"inside":  udp(guinness+":35084", guinness+":1060", 23),
		"answer2": udp(guinness+":1060", laptop+":35085", 22),
	}
	// A router is the next station, whatever the address; it sends on what it takes.
	for _, name := range []string{"out", "away"} {
		copy(all[name], "\x02\x00\xc0\xa8\x05\x01")
	}
	all["out+1"] = hop(all["out"])
	all["unsummed"] = slices.Clone(all["ask"])
	copy(all["unsummed"][14+20+6:], "\x12\x34")
	for i, f := range fragments(udp(laptop+":35084", guinness+":1060", 4000, id(7)), 1480) {
		all[fmt.Sprint("part", i+1)] = f
	}
	for i, f := range fragments(all["out"], 800) {
		all[fmt.Sprint("out", i+1)] = hop(f)
	}
	return all
}

func TestPassages(t *testing.T) {
	for _, test := range []struct {
		name   string
		frames string
		want   string // lines of diagrams
	}{
		{"a datagram and its answer", `
			0.0000 laptop   out ask
			0.0001 guinness in  ask
			0.0003 guinness out answer
			0.0004 laptop   in  answer
		`, `laptop->>guinness: UDP to 1060, 23 bytes
			guinness->>laptop: UDP to 35084, 22 bytes`},
		{"over IPv6", `
			0 laptop out ask6
			1 guinness in ask6
		`, `laptop->>guinness: UDP to 1060, 23 bytes`},
		{"lost", `
			0 laptop out ask
		`, `laptop-xguinness: UDP to 1060, 23 bytes`},
		{"the third of three equal ones arrives", `
			0.0000 laptop   out ask
			0.1000 laptop   out ask
			0.3000 laptop   out ask
			0.3001 guinness in  ask
		`, `laptop-xguinness: UDP to 1060, 23 bytes
			laptop-xguinness: UDP to 1060, 23 bytes
			laptop->>guinness: UDP to 1060, 23 bytes`},
		{"the second of three equal ones is lost, and the way takes time", `
			0.0 laptop   out ask
			0.2 guinness in  ask
			0.3 laptop   out ask
			0.6 laptop   out ask
			0.8 guinness in  ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes
			laptop-xguinness: UDP to 1060, 23 bytes
			laptop->>guinness: UDP to 1060, 23 bytes`},
		{"all arrive, each when the next one was sent already", `
			0.0 laptop   out ask
			0.1 laptop   out ask
			0.2 guinness in  ask
			0.3 guinness in  ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes
			laptop->>guinness: UDP to 1060, 23 bytes`},
		{"sightings in any order", `
			0.0004 laptop   in  answer
			0.0003 guinness out answer
			0.0001 guinness in  ask
			0.0000 laptop   out ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes
			guinness->>laptop: UDP to 35084, 22 bytes`},
		{"the receiver's clock was a moment behind", `
			0.0002 laptop   out ask
			0.0001 guinness in  ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes`},
		{"a reply with another's address comes from who sent it", `
			0 forger out forged
			1 laptop in  forged
		`, `forger->>laptop: UDP to 35084, 14 bytes`},
		{"a switch that does not know yet floods", `
			0.0 laptop   out       ask
			0.1 forger   in  other ask
			0.2 guinness in        ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes`},
		{"a flooded frame has not arrived", `
			0.0 laptop out       ask
			0.1 forger in  other ask
		`, `laptop-xguinness: UDP to 1060, 23 bytes`},
		{"broadcast", `
			0.0 laptop   out all
			0.1 forger   in  all
			0.2 guinness in  all
		`, `laptop->>forger: UDP to 1060, 19 bytes
			laptop->>guinness: UDP to 1060, 19 bytes`},
		{"broadcast to nobody", `
			0 laptop out all
		`, `laptop-x192.168.5.255: UDP to 1060, 19 bytes`},
		{"through a router", `
			0.0 laptop out      out
			0.1 router in       out
			0.2 router out eth1 out+1
			0.3 server in       out+1
		`, `laptop->>server: UDP to 1060, 1400 bytes`},
		{"too big for the router", `
			0.0 laptop out out
			0.1 router in  out
			0.2 router out toobig
			0.3 laptop in  toobig
		`, `laptop-xserver: UDP to 1060, 1400 bytes
			router->>laptop: ICMP fragmentation needed (mtu 1280)`},
		{"to an address of nobody, by way of the router", `
			0.0 laptop out away
			0.1 router in  away
		`, `laptop->>router: UDP to 53, 30 bytes`},
		{"fragments", `
			0.0 laptop   out part1
			0.1 laptop   out part2
			0.2 laptop   out part3
			0.3 guinness in  part1
			0.4 guinness in  part3
			0.5 guinness in  part2
		`, `laptop->>guinness: UDP to 1060, 4000 bytes`},
		{"one fragment lost", `
			0.0 laptop   out part1
			0.1 laptop   out part2
			0.2 laptop   out part3
			0.3 guinness in  part1
			0.4 guinness in  part3
		`, `laptop-xguinness: UDP to 1060, 4000 bytes`},
		{"the router makes fragments", `
			0.0 laptop out      out
			0.1 router in       out
			0.2 router out eth1 out1
			0.3 router out eth1 out2
			0.4 server in       out1
			0.5 server in       out2
		`, `laptop->>server: UDP to 1060, 1400 bytes`},
		{"the router makes fragments and one is lost", `
			0.0 laptop out      out
			0.1 router in       out
			0.2 router out eth1 out1
			0.3 router out eth1 out2
			0.4 server in       out2
		`, `laptop-xserver: UDP to 1060, 1400 bytes`},
		{"a fragment that nobody else saw", `
			0.0 laptop out part1
			0.0 laptop out part3
		`, `laptop-xguinness: UDP to 1060, 4000 bytes, fragments missing`},
		{"the sender's card filled in the checksum", `
			0.0 laptop   out unsummed
			0.1 guinness in  ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes`},
		{"seen only where it arrived", `
			0 guinness in ask
		`, `laptop->>guinness: UDP to 1060, 23 bytes`},
		{"within a host", `
			0.0 guinness out lo inside
			0.1 guinness in  lo inside
		`, `guinness->>guinness: UDP to 1060, 23 bytes`},
	} {
		t.Run(test.name, func(t *testing.T) {
			tr := trace(t, packets(), test.frames)
			var got []string
			for _, p := range tr.Passages() {
				got = append(got, p.Lines()...)
			}
			if diff := cmp.Diff(lines(test.want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// lines splits a raw string of indented lines.
func lines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// A packet belongs to the bounds in which it was sent, wherever it is later.
func TestPassagesWithinBounds(t *testing.T) {
	tr := trace(t, packets(), `
		0.0 laptop   out ask     # sent before the fence,
		1.1 guinness in  ask     # there behind it
		1.2 guinness out answer
		1.3 laptop   in  answer
	`)
	for _, test := range []struct {
		since, until float64
		want         []string
	}{
		{0, 1, []string{"laptop->>guinness: UDP to 1060, 23 bytes"}},
		{1, 2, []string{"guinness->>laptop: UDP to 35084, 22 bytes"}},
		{1.2, 1.2, nil},
	} {
		got := Lines(tr.Between(after(test.since), after(test.until)).Passages())
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("from %v to %v (-want +got):\n%s", test.since, test.until, diff)
		}
	}
}

// A switch that does not know yet where a station is floods its frames.
func TestFloodedFrameHasNotArrived(t *testing.T) {
	p := trace(t, packets(), `
		0.0 laptop   out       ask
		0.1 forger   in  other ask
		0.2 guinness in        ask
	`).Passages()[0]
	if p.Arrived("forger") || !p.Arrived("guinness") || !p.Left() {
		t.Errorf("arrived at forger %v, at guinness %v; want false, true", p.Arrived("forger"), p.Arrived("guinness"))
	}
}

// What a host's log of dropped packets has did come in, and still not arrive.
func TestPassagesKnowLosses(t *testing.T) {
	const fault = "drop udp/1060 --first 2"
	for _, test := range []struct {
		name   string
		frames string
		losses []string // "0.1 ask"
		want   string
	}{
		{"the first two of three", `
			0.0 laptop   out ask
			0.1 guinness in  ask
			0.2 laptop   out ask
			0.3 guinness in  ask
			0.4 laptop   out ask
			0.5 guinness in  ask
		`, []string{"0.1 ask", "0.3 ask"}, `
			laptop-xguinness: UDP to 1060, 23 bytes
			laptop-xguinness: UDP to 1060, 23 bytes
			laptop->>guinness: UDP to 1060, 23 bytes`},
		{"the log is a little late", `
			0.0 laptop   out ask
			0.1 guinness in  ask
			0.4 laptop   out ask
			0.5 guinness in  ask
		`, []string{"0.39 ask"}, `
			laptop-xguinness: UDP to 1060, 23 bytes
			laptop->>guinness: UDP to 1060, 23 bytes`},
		{"the log rounds down", `
			0.0       laptop   out ask
			0.1000009 guinness in  ask
		`, []string{"0.1 ask"}, `
			laptop-xguinness: UDP to 1060, 23 bytes`},
		{"a whole datagram of fragments", `
			0.0 laptop   out part1
			0.1 laptop   out part2
			0.2 laptop   out part3
			0.3 guinness in  part1
			0.4 guinness in  part2
			0.5 guinness in  part3
		`, []string{"0.5 whole"}, `
			laptop-xguinness: UDP to 1060, 4000 bytes`},
		{"one fragment", `
			0.0 laptop   out part1
			0.1 laptop   out part2
			0.2 laptop   out part3
			0.3 guinness in  part1
			0.4 guinness in  part2
			0.5 guinness in  part3
		`, []string{"0.4 part2"}, `
			laptop-xguinness: UDP to 1060, 4000 bytes`},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := packets()
			all["whole"] = udp(laptop+":35084", guinness+":1060", 4000, id(7))
			tr := trace(t, all, test.frames)
			for _, l := range test.losses {
				var at float64
				var name string
				if _, err := fmt.Sscan(l, &at, &name); err != nil {
					t.Fatal(err)
				}
				tr.Losses = append(tr.Losses, Loss{Host: "guinness", Time: after(at), Fault: fault, Data: all[name][14:]})
			}
			if diff := cmp.Diff(lines(test.want), Lines(tr.Passages())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got, host := tr.Passages()[0].Fault(); got != fault || host != "guinness" {
				t.Errorf("the fault is %q at %q; want %q at guinness", got, host, fault)
			}
		})
	}
}

func TestDirectionString(t *testing.T) {
	if got := fmt.Sprint(In, Out, Direction(0)); got != "in out ?" {
		t.Errorf("got %q", got)
	}
}
