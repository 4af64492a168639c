package handout

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/topology"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, d)
	}
}

// color gives each host a class of its own.
func color(host string) string { return fmt.Sprintf("h%d", len(host)%8) }

// fits wants every shape within the drawing.
func fits(t *testing.T, name string, d drawing) {
	t.Helper()
	for _, s := range d.shapes {
		points := s.points
		if s.kind == boxShape {
			points = [][2]float64{s.points[0], {s.points[0][0] + s.points[1][0], s.points[0][1] + s.points[1][1]}}
		}
		if s.kind == textShape {
			each := wide
			if strings.Contains(s.class, "small") {
				each = narrow
			}
			w, x := widthOf(s.text, each), s.points[0][0]
			switch strings.Fields(s.class)[0] {
			case "mid":
				points = [][2]float64{{x - w/2, s.points[0][1]}, {x + w/2, s.points[0][1]}}
			case "end":
				points = [][2]float64{{x - w, s.points[0][1]}, {x, s.points[0][1]}}
			case "start":
				points = [][2]float64{{x, s.points[0][1]}, {x + w, s.points[0][1]}}
			default:
				t.Errorf("%s: text %q has the class %q", name, s.text, s.class)
			}
		}
		for _, p := range points {
			if p[0] < 0 || p[1] < 0 || p[0] > d.width || p[1] > d.height {
				t.Errorf("%s: %+v is outside %v x %v", name, s, d.width, d.height)
				break
			}
		}
	}
}

var sequences = map[string]sequence{
	"empty": {},
	"silence": {hosts: []string{"laptop", "guinness"}, rows: []row{
		{kind: noteRow, text: "no packets", hosts: []string{"laptop", "guinness"}},
	}},
	"loss": {hosts: []string{"laptop", "guinness"}, rows: []row{
		{kind: loopRow, text: "2 times"},
		{kind: arrowRow, from: "laptop", to: "guinness", text: "UDP to 1060, 23 bytes", lost: true},
		{kind: loopRow, text: "3 times"},
		{kind: noteRow, text: "at least 0.1 s passes", hosts: []string{"laptop"}},
		{kind: endRow},
		{kind: endRow},
		{kind: arrowRow, from: "guinness", to: "laptop", text: "UDP to {port}, 22 bytes"},
	}},
	"seen": {hosts: []string{"laptop", "router", "guinness"}, rows: []row{
		{kind: arrowRow, from: "laptop", to: "guinness", text: "UDP to 1060, 23 bytes", time: "0.0123 s", lost: true, fault: "taken at guinness: drop udp/1060 --first 2"},
		{kind: gapRow, text: "+0.10 s"},
		{kind: arrowRow, from: "router", to: "laptop", text: "ICMP fragmentation needed, MTU 1280", time: "0.1123 s"},
		{kind: moreRow, text: "160 more packets"},
		{kind: arrowRow, from: "guinness", to: "laptop", text: "TCP <SYN> & ACK", time: "12.1123 s"},
	}},
}

func TestSequences(t *testing.T) {
	for name, s := range sequences {
		d := s.layout(color)
		fits(t, name, d)
		golden(t, "sequence-"+name+".svg", d.svg("sequence", "Sequence diagram", s.words())+"\n")
	}
}

// TestSequencesFit lays out what chance makes: all of it stays in the picture,
// and labels stay between their lifelines.
func TestSequencesFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hosts := []string{"a", "laptop", "a-host-with-a-rather-long-name-indeed", "guinness", "x1"}
	for i := range 300 {
		s := sequence{hosts: hosts[:1+r.IntN(len(hosts))]}
		pick := func() string { return s.hosts[r.IntN(len(s.hosts))] }
		open := 0
		for range r.IntN(12) {
			switch r.IntN(6) {
			case 0:
				s.rows = append(s.rows, row{kind: noteRow, text: strings.Repeat("n", r.IntN(30)), hosts: []string{pick()}})
			case 1:
				s.rows, open = append(s.rows, row{kind: loopRow, text: "5 times"}), open+1
			case 2:
				if open > 0 {
					s.rows, open = append(s.rows, row{kind: endRow}), open-1
				}
			default:
				s.rows = append(s.rows, row{
					kind: arrowRow, from: pick(), to: pick(), text: strings.Repeat("w", r.IntN(80)), lost: r.IntN(2) == 0,
					time: "0.1 s", fault: strings.Repeat("f", r.IntN(80)),
				})
			}
		}
		s.rows = slicesWithoutSelf(s.rows)
		fits(t, fmt.Sprint("round ", i), s.layout(color))
		if t.Failed() {
			t.Fatalf("%+v", s)
		}
	}
}

// slicesWithoutSelf leaves out packets of a host to itself: no wire sees them.
func slicesWithoutSelf(rows []row) []row {
	var rest []row
	for _, r := range rows {
		if r.kind != arrowRow || r.from != r.to {
			rest = append(rest, r)
		}
	}
	return rest
}

// lab reads "laptop lan 192.168.5.10; router lan 192.168.5.1 wan 10.0.9.1".
func lab(networks string, hosts ...string) *topology.Topology {
	t := &topology.Topology{}
	for _, n := range strings.Fields(networks) {
		name, prefix, _ := strings.Cut(n, "=")
		t.Networks = append(t.Networks, topology.Network{Name: name, Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}})
	}
	for _, h := range hosts {
		words := strings.Fields(h)
		host := topology.Host{Name: words[0], Forward: words[0] == "gate"}
		for i := 1; i+1 < len(words); i += 2 {
			host.Interfaces = append(host.Interfaces, topology.Interface{Network: words[i], Addrs: []netip.Addr{netip.MustParseAddr(words[i+1])}})
		}
		t.Hosts = append(t.Hosts, host)
	}
	return t
}

func TestTopologies(t *testing.T) {
	var crowd []string
	for i := range 40 {
		crowd = append(crowd, fmt.Sprintf("h%d lan 192.168.5.%d", i, i+1))
	}
	for name, l := range map[string]*topology.Topology{
		"one":    lab("lan=192.168.5.0/24", "laptop lan 192.168.5.10", "guinness lan 192.168.5.130"),
		"router": lab("lan=192.168.5.0/24 wan=10.0.9.0/24", "laptop lan 192.168.5.10", "gate lan 192.168.5.1 wan 10.0.9.1", "server wan 10.0.9.2"),
		"three":  lab("a=10.0.1.0/24 b=10.0.2.0/24 c=10.0.3.0/24", "h1 a 10.0.1.1", "h2 b 10.0.2.1", "h3 c 10.0.3.1", "all a 10.0.1.9 b 10.0.2.9 c 10.0.3.9", "ends a 10.0.1.8 c 10.0.3.8"),
		"crowd":  lab("lan=192.168.5.0/24", crowd...),
		"alone":  lab("", "alone"),
	} {
		d := layoutTopology(l, color)
		fits(t, name, d)
		golden(t, "lab-"+name+".svg", d.svg("lab", "The lab of this lesson", topologyWords(l))+"\n")
		apart(t, name, d)
	}
}

// apart wants that no host stands on another, or on a network.
func apart(t *testing.T, name string, d drawing) {
	t.Helper()
	var boxes []shape
	for _, s := range d.shapes {
		if s.kind == boxShape && (strings.HasPrefix(s.class, "station") || s.class == "lane") {
			boxes = append(boxes, s)
		}
	}
	for i, a := range boxes {
		for _, b := range boxes[:i] {
			x := a.points[0][0] < b.points[0][0]+b.points[1][0] && b.points[0][0] < a.points[0][0]+a.points[1][0]
			y := a.points[0][1] < b.points[0][1]+b.points[1][1] && b.points[0][1] < a.points[0][1]+a.points[1][1]
			if x && y {
				t.Errorf("%s: %+v and %+v overlap", name, a, b)
			}
		}
	}
}
