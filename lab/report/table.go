package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// The widest that a cell of the table's first two columns becomes; with the
// other three that makes 80 columns at most.
const (
	maxName  = 28
	maxClaim = 10
)

// A row is one line of the table: a claim, or a lesson as a whole.
type row struct {
	lesson, claim, verdict, stated, time string
	color                                string
}

// WriteTable writes a row for each claim of a run, and beneath them what all
// of it comes to.
func WriteTable(w io.Writer, r *Run, color bool) error {
	rows := []row{{"LESSON", "CLAIM", "VERDICT", "STATED", "TIME", bold}}
	for _, l := range r.Lessons {
		rows = append(rows, rowsOf(l)...)
	}
	name, claim := 0, 0
	for i := range rows {
		rows[i].lesson, rows[i].claim = cut(rows[i].lesson, maxName), cut(rows[i].claim, maxClaim)
		name, claim = max(name, utf8.RuneCountInString(rows[i].lesson)), max(claim, utf8.RuneCountInString(rows[i].claim))
	}
	var b bytes.Buffer
	for _, row := range rows {
		line := fmt.Sprintf("%-*s  %-*s  %s  %-12s  %9s", name, row.lesson, claim, row.claim,
			paint(color, row.color, fmt.Sprintf("%-12s", row.verdict)), row.stated, row.time)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n" + summary(r))
	_, err := w.Write(b.Bytes())
	return err
}

// rowsOf returns the rows of a lesson: its claims, and one for the lesson where
// that says more.
func rowsOf(l *Lesson) []row {
	var rows []row
	if l.Result != nil {
		for _, c := range l.Result.Claims {
			t := &terminal{l: l}
			word := l.Verdict(c)
			rows = append(rows, row{l.Name(), c.Claim.ID, word, string(c.Claim.Stated), seconds(c.Elapsed), t.colorOf(c, word)})
		}
	}
	o := l.Outcome()
	color := red
	if o == AsStated || o == Skipped {
		color = green
	}
	whole := o == Broken || o == Skipped || len(rows) == 0 || len(l.Result.Problems) > 0
	if !whole {
		return rows
	}
	var took time.Duration
	if l.Result != nil {
		took = l.Result.Elapsed
	}
	return append(rows, row{l.Name(), "-", string(o), "", seconds(took), color})
}

// seconds is as exact as JSON is, so that a replay writes the same.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", inSeconds(d)) }

// cut shortens a cell that is too wide.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// summary counts, says on what it all ran, and what was left unchecked.
func summary(r *Run) string {
	var stated, differ, notRun int
	for _, l := range r.Lessons {
		if l.Result == nil {
			continue
		}
		for _, c := range l.Result.Claims {
			switch {
			case c.OK():
				stated++
			case c.Verdict == "" && len(c.Problems) == 0:
				notRun++
			default:
				differ++
			}
		}
	}
	parts := []string{count(stated, "claim") + " as stated"}
	if differ > 0 {
		parts = append(parts, fmt.Sprintf("%d not", differ))
	}
	if notRun > 0 {
		parts = append(parts, fmt.Sprintf("%d not run", notRun))
	}
	lines := []string{strings.Join(parts, ", ")}
	if n := countOutside(r); n > 0 {
		lines = append(lines, count(n, "lesson")+" with differences outside the claims")
	}
	for _, o := range []Outcome{Broken, Skipped, Inconclusive} {
		if n := countOutcome(r, o); n > 0 {
			lines = append(lines, fmt.Sprintf("%s %s", count(n, "lesson"), o))
		}
	}
	reasons, counts := unchecked(r.Lessons)
	for _, why := range reasons {
		lines = append(lines, count(counts[why], "diagram")+" "+why)
	}
	if on := strings.Trim(r.Engine+", "+r.Kernel, ", "); on != "" {
		lines = append(lines, "on "+on)
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.Join(wrap(l, width), "\n") + "\n")
	}
	return b.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// countOutside counts the lessons that differ where no claim is made.
func countOutside(r *Run) int {
	n := 0
	for _, l := range r.Lessons {
		if l.Outcome() == Differs && len(l.Result.Problems) > 0 {
			n++
		}
	}
	return n
}

func countOutcome(r *Run, o Outcome) int {
	n := 0
	for _, l := range r.Lessons {
		if l.Outcome() == o {
			n++
		}
	}
	return n
}
