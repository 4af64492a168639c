package lesson

import (
	"bytes"
	"fmt"
	"strings"
)

// diffContext is how many lines a diff shows around a change.
const diffContext = 3

// A region is whole lines of a lesson, and what they become.
type region struct {
	start, end int // offsets
	text       string
}

// regions returns the lines that the edits touch.
func (r *Revision) regions(source []byte) []region {
	var all []region
	for i := 0; i < len(r.Edits); {
		start := bytes.LastIndexByte(source[:r.Edits[i].Start], '\n') + 1
		end := start
		first := i
		for ; i < len(r.Edits) && (i == first || r.Edits[i].Start < end); i++ {
			end = max(end, lineEndOf(source, start, r.Edits[i]))
		}
		var inside []Edit
		for _, e := range r.Edits[first:i] {
			inside = append(inside, Edit{e.Start - start, e.End - start, e.Text})
		}
		all = append(all, region{start, end, string(splice(source[start:end], inside))})
	}
	return all
}

// lineEndOf returns the offset behind the last line that an edit touches; start
// when it stands in front of the line there and touches none.
func lineEndOf(source []byte, start int, e Edit) int {
	if e.End == start || e.End > start && source[e.End-1] == '\n' {
		return e.End
	}
	if i := bytes.IndexByte(source[e.End:], '\n'); i >= 0 {
		return e.End + i + 1
	}
	return len(source)
}

// Diff returns the edits as a unified diff of the file, with three lines of
// context, empty when there are none.
func (r *Revision) Diff(name string, source []byte) string {
	all := r.regions(source)
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", name, name)
	moved := 0 // lines that the hunks so far have added
	for len(all) > 0 {
		n := 1
		for n < len(all) && bytes.Count(source[all[n-1].end:all[n].start], []byte("\n")) <= 2*diffContext {
			n++
		}
		moved += hunk(&b, source, all[:n], moved)
		all = all[n:]
	}
	return b.String()
}

// hunk writes regions that stand close to each other, and returns how many
// lines they add.
func hunk(b *strings.Builder, source []byte, all []region, moved int) (added int) {
	from, to := all[0].start, all[len(all)-1].end
	for range diffContext {
		from = bytes.LastIndexByte(source[:max(0, from-1)], '\n') + 1
		if i := bytes.IndexByte(source[to:], '\n'); i >= 0 {
			to += i + 1
		} else {
			to = len(source)
		}
	}
	var body strings.Builder
	at, olds, news := from, 0, 0
	write := func(mark, text string) {
		for line := range strings.Lines(text) {
			body.WriteString(mark + strings.TrimSuffix(line, "\n") + "\n")
			if !strings.HasSuffix(line, "\n") {
				body.WriteString("\\ No newline at end of file\n")
			}
			if mark != "+" {
				olds++
			}
			if mark != "-" {
				news++
			}
		}
	}
	for _, r := range all {
		write(" ", string(source[at:r.start]))
		write("-", string(source[r.start:r.end]))
		write("+", r.text)
		at = r.end
	}
	write(" ", string(source[at:to]))
	line := bytes.Count(source[:from], []byte("\n")) + 1
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n%s", line, olds, line+moved, news, body.String())
	return news - olds
}
