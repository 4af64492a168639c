package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
)

// known is what readers of JUnit files take: each element with the elements and
// attributes that may stand in it, as junit-10.xsd of Jenkins' xunit plugin has
// it. A "!" marks an attribute that must be there.
var known = map[string]struct{ elements, attributes string }{
	"":           {"testsuites", ""},
	"testsuites": {"testsuite", "name time tests failures errors"},
	"testsuite":  {"properties testcase system-out system-err", "name! tests! failures! errors! group time skipped timestamp hostname id package file log url"},
	"properties": {"property", ""},
	"property":   {"", "name! value!"},
	"testcase":   {"skipped error failure system-out system-err", "name! classname! time group"},
	"skipped":    {"", "message type"},
	"error":      {"", "message type"},
	"failure":    {"", "message type"},
	"system-out": {"", ""},
}

// validate holds a file against known.
func validate(t *testing.T, text []byte) {
	t.Helper()
	above := []string{""}
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name, parent := e.Name.Local, above[len(above)-1]
			if !slices.Contains(strings.Fields(known[parent].elements), name) {
				t.Errorf("<%s> in <%s>", name, parent)
			}
			var has []string
			for _, a := range e.Attr {
				has = append(has, a.Name.Local)
				if !slices.Contains(strings.Fields(strings.ReplaceAll(known[name].attributes, "!", "")), a.Name.Local) {
					t.Errorf("<%s %s=%q>", name, a.Name.Local, a.Value)
				}
			}
			for _, a := range strings.Fields(known[name].attributes) {
				if must, ok := strings.CutSuffix(a, "!"); ok && !slices.Contains(has, must) {
					t.Errorf("<%s> without %s", name, must)
				}
			}
			above = append(above, name)
		case xml.EndElement:
			above = above[:len(above)-1]
		}
	}
}

func TestWriteJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, example(t)); err != nil {
		t.Fatal(err)
	}
	validate(t, b.Bytes())
	golden(t, "run.xml", b.Bytes())
}

// A gitlabReport is what GitLab makes of a file, and Jenkins alike: the counts
// are computed from the cases.
type gitlabReport struct {
	Suites []struct {
		Name   string `xml:"name,attr"`
		Tests  int    `xml:"tests,attr"`
		Failed int    `xml:"failures,attr"`
		Errors int    `xml:"errors,attr"`
		Cases  []struct {
			Name    string    `xml:"name,attr"`
			Class   string    `xml:"classname,attr"`
			Seconds float64   `xml:"time,attr"`
			Failure *string   `xml:"failure"`
			Error   *string   `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// TestJUnitRead reads a file as CI systems do.
func TestJUnitRead(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, example(t)); err != nil {
		t.Fatal(err)
	}
	var got gitlabReport
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	status := map[string]string{}
	for _, s := range got.Suites {
		failed, wrong := 0, 0
		for _, c := range s.Cases {
			word := "passed"
			switch {
			case c.Error != nil:
				word = "error"
				wrong++
			case c.Failure != nil:
				word = "failed"
				failed++
			case c.Skipped != nil:
				word = "skipped"
			}
			status[c.Class+" "+strings.Fields(c.Name)[0]] = word
		}
		if len(s.Cases) != s.Tests || failed != s.Failed || wrong != s.Errors {
			t.Errorf("%s: %d cases, %d failed, %d errors; it says %d, %d, %d", s.Name, len(s.Cases), failed, wrong, s.Tests, s.Failed, s.Errors)
		}
	}
	for name, want := range map[string]string{
		"good 1": "passed", "good 2": "passed", "firewall 2": "failed", "other-answer 1": "failed",
		"gone 2": "skipped", "gone the": "error", "hangs 1": "failed", "hangs 3": "skipped",
		"lost 1": "failed", "doubtful 1": "error", "doubtful 2": "passed",
		"a-lesson-with-a-very-long-name-indeed the": "error", "ipv6 the": "skipped",
	} {
		if status[name] != want {
			t.Errorf("%s: %q; want %s", name, status[name], want)
		}
	}
}
