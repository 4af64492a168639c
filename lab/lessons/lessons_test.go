package lessons

import (
	"bytes"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hostlab/lab/hint"
	"hostlab/lab/lesson"
)

// TestAll holds that every lesson is without a fault, and in the list.
func TestAll(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.Glob(files, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(all) {
		t.Errorf("%d lessons listed; want %d, as many as there are files", len(all), len(entries))
	}
	claims := map[string]string{}
	for _, l := range all {
		if l.File == l.Title || len(l.Claims) == 0 {
			t.Errorf("%s: title %q, %d claims; want a title and a claim", l.File, l.Title, len(l.Claims))
		}
		for _, c := range l.Claims {
			if other, ok := claims[c.ID]; ok {
				t.Errorf("%s: claim %s stands in %s too", l.File, c.ID, other)
			}
			claims[c.ID] = l.File
		}
	}
}

// TestDiagrams holds that packets are accounted for within every claim: what
// hosts print is only half of the evidence.
func TestDiagrams(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		for _, c := range l.Claims {
			checked := func(b *lesson.Block) bool { return b.Kind == lesson.Wire && !b.Diagram.Drawing }
			if !slices.ContainsFunc(c.Blocks, checked) {
				t.Errorf("%s: claim %s has no diagram", l.File, c.ID)
			}
		}
	}
}

// TestPage30 holds the page's experiments in their order, and one claim that
// the network contradicts.
func TestPage30(t *testing.T) {
	l, err := Open("page-30.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	var contradicted int
	for _, c := range l.Claims {
		if c.Stated == lesson.Contradicted {
			contradicted++
		}
		for _, b := range c.Blocks {
			for _, s := range b.Steps {
				if b.Kind == lesson.Console && s.Kind == lesson.Command && strings.HasPrefix(s.Text, "udp_remote") {
					commands = append(commands, s.Place.Host+" "+s.Text)
				}
			}
		}
	}
	want := []string{ // the page's four, in its order
		"guinness udp_remote server 192.168.5.130",
		"laptop udp_remote client guinness",
		"guinness udp_remote client 127.0.0.1",
		"guinness udp_remote client 192.168.5.130",
	}
	if !slices.Equal(commands[:len(want)], want) {
		t.Errorf("commands begin with %q; want %q", commands[:len(want)], want)
	}
	if contradicted != 1 {
		t.Errorf("%d claims stated contradicted; want 1, the loopback's superpower", contradicted)
	}
}

// TestHandout holds that no line but output is too wide for a page.
func TestHandout(t *testing.T) {
	for _, name := range Names() {
		data, err := Source(name)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for i, line := range bytes.Split(data, []byte("\n")) {
			if bytes.HasPrefix(line, []byte("```")) {
				fenced = !fenced
			}
			if len(line) > 80 && !fenced {
				t.Errorf("%s.md:%d: %d bytes wide; want at most 80", name, i+1, len(line))
			}
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	_, err := Open("page-31")
	if err == nil || !strings.Contains(err.Error(), `"page-31": no such lesson; there are page-30, loopback-only`) {
		t.Errorf("error %v; want one that lists the lessons", err)
	}
	if got := hint.Of(err); got != "hostlab run page-30" {
		t.Errorf("hint %q", got)
	}
	if names := Names(); len(names) > 0 {
		names[0] = "changed"
		if Names()[0] == "changed" {
			t.Error("Names gives its own list away")
		}
	}
}

// The README leads to every lesson, in reading order.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, name := range Names() {
		link := "[" + name + "](lab/lessons/" + name + ".md)"
		i := bytes.Index(readme[at:], []byte(link))
		if i < 0 {
			t.Fatalf("README.md lacks %s, or has it before the lesson that one reads first", link)
		}
		at += i
	}
}

// A lesson whose client gives up is patient; one whose book says that it
// would, or whose client has less patience, is not.
func TestEstimate(t *testing.T) {
	for name, patient := range map[string]bool{"page-30": true, "suspended-server": true, "wrong-source": false, "tcp-bindings": true, "loss": false, "loopback-only": false} {
		l, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := Estimate(l); (got >= 3*time.Second) != patient || got <= 0 {
			t.Errorf("%s: %v; want patient %v", name, got, patient)
		}
	}
	var all [2]time.Duration
	for i, name := range []string{"page-30", "tcp-bindings"} {
		l, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = Estimate(l)
	}
	if all[0] >= all[1] {
		t.Errorf("page-30 %v, tcp-bindings %v; want that a lost SYN counts", all[0], all[1])
	}
}

// Only the lesson that loses fragments leaves incomplete datagrams.
func TestSpoils(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if got := Spoils(l); got != (l.File == "too-big.md") {
			t.Errorf("%s: spoils its lab: %v", l.File, got)
		}
	}
}
