package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"hostlab/lab/lesson"
)

// WriteJUnit writes a run as the XML that CI systems read (Jenkins, GitLab,
// GitHub's reporters): a suite for each lesson, a case for each claim, and one
// named "the lesson" where something concerns no claim.
//
// A difference is a failure. What says nothing of the lesson, a lab that broke
// or a machine that stood still, is an error: the run does not end well, and
// the case that says why must not hide among the skipped ones. Skipped is what
// was never tried, with the reason.
func WriteJUnit(w io.Writer, r *Run) error {
	all := junitRun{Name: "hostlab"}
	for _, l := range r.Lessons {
		s := junitSuiteOf(r, l)
		all.Suites = append(all.Suites, s)
		all.count(s)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("report: junit: %w", err)
	}
	_, err = w.Write(append(append([]byte(xml.Header), text...), '\n'))
	return err
}

// The elements and attributes are those of the strictest reader's schema, the
// junit-10.xsd of Jenkins' xunit plugin. It has no line for a case: the
// messages say file:line:column.
type (
	junitRun struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     junitSeconds `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}

	junitSuite struct {
		Name       string           `xml:"name,attr"`
		File       string           `xml:"file,attr"`
		Tests      int              `xml:"tests,attr"`
		Failures   int              `xml:"failures,attr"`
		Errors     int              `xml:"errors,attr"`
		Skipped    int              `xml:"skipped,attr"`
		Time       junitSeconds     `xml:"time,attr"`
		Properties *[]junitProperty `xml:"properties>property"`
		Cases      []junitCase      `xml:"testcase"`
	}

	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}

	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    junitSeconds  `xml:"time,attr"`
		Skipped *junitSkip    `xml:"skipped"`
		Error   *junitTrouble `xml:"error"`
		Failure *junitTrouble `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}

	junitSkip struct {
		Message string `xml:"message,attr"`
	}

	junitTrouble struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// junitSeconds is a time as the readers want it: seconds, without an exponent.
type junitSeconds time.Duration

// MarshalText returns "1.234".
func (s junitSeconds) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", time.Duration(s).Seconds()), nil
}

// count adds a case.
func (s *junitSuite) count(k junitCase) {
	s.Tests++
	switch {
	case k.Error != nil:
		s.Errors++
	case k.Failure != nil:
		s.Failures++
	case k.Skipped != nil:
		s.Skipped++
	}
}

// count adds a suite.
func (r *junitRun) count(s junitSuite) {
	r.Tests += s.Tests
	r.Failures += s.Failures
	r.Errors += s.Errors
	r.Time += s.Time
}

func junitSuiteOf(r *Run, l *Lesson) junitSuite {
	s := junitSuite{Name: l.Name(), File: l.file()}
	for _, p := range []junitProperty{{"title", l.title()}, {"engine", r.Engine}, {"kernel", r.Kernel}} {
		if p.Value != "" {
			if s.Properties == nil {
				s.Properties = &[]junitProperty{}
			}
			*s.Properties = append(*s.Properties, p)
		}
	}
	if l.Result != nil {
		s.Time = junitSeconds(l.Result.Elapsed)
		for _, c := range l.Result.Claims {
			s.Cases = append(s.Cases, junitClaim(l, c))
		}
	}
	if c, ok := junitWhole(l); ok || len(s.Cases) == 0 {
		s.Cases = append(s.Cases, c)
	}
	for _, c := range s.Cases {
		s.count(c)
	}
	return s
}

// junitWhole is the case of what concerns no claim; ok says that there is
// something.
func junitWhole(l *Lesson) (c junitCase, ok bool) {
	c = junitCase{Class: l.Name(), Name: "the lesson"}
	if l.Skipped != "" {
		c.Skipped = &junitSkip{l.Skipped}
		return c, true
	}
	if err := l.broken(); err != nil {
		c.Error = &junitTrouble{firstLine(err.Error()), string(Broken), err.Error()}
		return c, true
	}
	if l.Result != nil && len(l.Result.Problems) > 0 {
		c.blame(l, l.Result.Problems)
		return c, true
	}
	return c, false
}

func junitClaim(l *Lesson, c *lesson.ClaimResult) junitCase {
	k := junitCase{
		Class: l.Name(), Name: c.Claim.ID + " " + c.Claim.Text,
		Time: junitSeconds(c.Elapsed), Out: junitOutput(l, c.Claim),
	}
	switch {
	case len(c.Problems) > 0:
		k.blame(l, c.Problems)
	case c.Verdict == "":
		k.Skipped = &junitSkip{"not run: " + whyNotRun(l)}
	}
	return k
}

// blame notes the problems of a case: as an error where they say nothing.
func (c *junitCase) blame(l *Lesson, problems []*lesson.Problem) {
	t := &junitTrouble{Message: junitMessage(problems[0]), Type: string(Differs)}
	var all []string
	for _, p := range problems {
		all = append(all, visibleLines(p.Error()))
	}
	t.Text = strings.Join(all, "\n")
	if l.Outcome() == Inconclusive {
		t.Type = string(Inconclusive)
		c.Error = t
		return
	}
	c.Failure = t
}

// junitMessage is a problem on one line: readers show it in lists.
func junitMessage(p *lesson.Problem) string {
	message := firstLine(p.Error())
	if p.Diff {
		message += fmt.Sprintf(": want %q, got %q", p.Want, p.Got)
	}
	return visible(message)
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}

// visibleLines is visible for text of several lines.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	return strings.Join(lines, "\n")
}

func whyNotRun(l *Lesson) string {
	switch {
	case l.broken() != nil:
		return "the lab broke before it"
	case l.Result.Stopped != nil:
		return fmt.Sprintf("nothing was run beyond line %d", l.Result.Stopped.Pos.Line)
	}
	return "the run ended before it"
}

// junitOutput is what really came out between a claim and its verdict.
func junitOutput(l *Lesson, c *lesson.Claim) string {
	t := &terminal{l: l}
	for _, b := range l.Result.Blocks {
		if b.Block.Claim == c {
			t.block(b)
		}
	}
	return strings.TrimLeft(string(bytes.TrimRight(t.out.Bytes(), "\n")), "\n")
}
