package predict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"hostlab/lab/lesson"
)

// An outcome is how a command ends, or that it stays, and the last line that it
// prints before.
type outcome struct {
	line   string // as a lesson has it, with names in braces; "" for none
	status string // "[exit 0]", "[running]", …; "" when nothing is said of it
}

const wentWell = "[exit 0]"

var (
	braces  = regexp.MustCompile(`\\.|\{[^}]*\}`) // or an escape, which is none
	exitAny = regexp.MustCompile(`^\[exit ([0-9]+)\]$`)
)

// blanked puts something in the place of names.
func blanked(line, name string) string {
	return braces.ReplaceAllStringFunc(line, func(m string) string {
		if m[0] == '\\' {
			return m
		}
		return name
	})
}

// String returns the outcome as a choice: names in braces stand for anything.
func (o outcome) String() string {
	line := plain(blanked(o.line, "…"))
	switch m := exitAny.FindStringSubmatch(o.status); {
	case o.status == wentWell && line == "":
		return "it prints nothing, and all is well"
	case o.status == wentWell, o.status == "":
		return line
	case o.status == "[running]" && line == "":
		return "it keeps running"
	case o.status == "[running]":
		return "it keeps running: " + line
	case m != nil && line == "":
		return "it fails with status " + m[1]
	case m != nil:
		return fmt.Sprintf("%s (status %s)", line, m[1])
	}
	return strings.TrimSpace(line + " " + o.status)
}

// plain undoes the escapes of an expected line.
func plain(line string) string {
	if !strings.HasPrefix(line, `\{`) {
		line = strings.TrimPrefix(line, `\`)
	}
	return strings.ReplaceAll(line, `\{`, "{")
}

// is reports whether what really came out is the outcome.
func (o outcome) is(really outcome) bool {
	var re strings.Builder
	for i, piece := range strings.Split(blanked(o.line, "\x00"), "\x00") {
		if i > 0 {
			re.WriteString(".+")
			piece = strings.ReplaceAll(piece, `\{`, "{")
		} else {
			piece = plain(piece)
		}
		re.WriteString(regexp.QuoteMeta(piece))
	}
	return (o.status == really.status || o.status == "") && regexp.MustCompile(`(?s)\A`+re.String()+`\z`).MatchString(really.line)
}

// stated returns what a block says of the command at an index of its steps.
func stated(b *lesson.Block, index int) outcome {
	o := outcome{status: wentWell}
	if b.Kind == lesson.Book {
		o.status = "" // the book shows lines
	}
	for _, s := range b.Steps[index+1:] {
		switch {
		case s.Place != b.Steps[index].Place:
		case s.Kind == lesson.Expect:
			o.line = s.Text
		case s.Kind == lesson.End:
			o.status = s.Text
			return o
		case s.Kind != lesson.Skip: // a key, or the next command there
			return o
		}
	}
	return o
}

// experiment is what makes two commands comparable: the program, and whether it
// is the server or the client.
func experiment(text string) string {
	words := strings.Fields(text)
	if len(words) > 1 && (words[1] == "server" || words[1] == "client") {
		return words[0] + " " + words[1]
	}
	return append(words, "")[0]
}

// general are choices for a program of which the lesson knows too little.
var general = []outcome{{status: wentWell}, {status: "[running]"}, {status: "[exit 1]"}}

// leastChoices is how many outcomes a question offers at least.
const leastChoices = 3

// choicesOf returns, by experiment, the outcomes among which the lesson lets
// one choose: all that it states or lets the book predict, in an order that
// tells nothing.
func choicesOf(l *lesson.Lesson) map[string][]outcome {
	choices := map[string][]outcome{}
	add := func(of string, o outcome) {
		known := func(c outcome) bool { return c.String() == o.String() || o.status == "" && c.line == o.line }
		if !slices.ContainsFunc(choices[of], known) {
			choices[of] = append(choices[of], o)
		}
	}
	for _, kind := range []lesson.BlockKind{lesson.Console, lesson.Book} {
		eachCommand(l, kind, func(b *lesson.Block, i int) { add(experiment(b.Steps[i].Text), stated(b, i)) })
	}
	for of, all := range choices {
		for _, o := range general {
			other := func(c outcome) bool { return c.status == o.status }
			if len(choices[of]) < leastChoices && !slices.ContainsFunc(all, other) {
				add(of, o)
			}
		}
		slices.SortFunc(choices[of], func(a, b outcome) int { return strings.Compare(a.String(), b.String()) })
	}
	return choices
}

// eachCommand calls f for every command in blocks of a kind.
func eachCommand(l *lesson.Lesson, kind lesson.BlockKind, f func(b *lesson.Block, index int)) {
	for _, s := range l.Sections {
		for _, b := range s.Blocks {
			for i, st := range b.Steps {
				if b.Kind == kind && st.Kind == lesson.Command {
					f(b, i)
				}
			}
		}
	}
}

// hurried returns, for every command while which a program runs that ends by
// itself, the command of that program: whoever waits there with a question lets
// its time run out. Programs that are ended with a key have time.
func hurried(l *lesson.Lesson) map[*lesson.Step]*lesson.Step {
	var steps []*lesson.Step
	for _, s := range l.Sections {
		for _, b := range s.Blocks {
			if b.Kind == lesson.Console {
				steps = append(steps, b.Steps...)
			}
		}
	}
	before := map[*lesson.Step]*lesson.Step{}
	for i, s := range steps {
		if s.Kind != lesson.Command {
			continue
		}
		for _, in := range steps[i+1 : i+1+until(steps[i+1:], s.Place)] {
			if first := before[s]; first != nil {
				before[in] = first // it is in a hurry itself
			} else if before[in] == nil {
				before[in] = s
			}
		}
	}
	return before
}

// until returns how many steps there are until a program that runs in a place
// ends by itself; 0 when it does not.
func until(steps []*lesson.Step, place lesson.Place) int {
	running := false
	for i, s := range steps {
		switch {
		case s.Place != place:
		case s.Kind == lesson.Key || s.Kind == lesson.Command:
			return 0
		case s.Kind == lesson.End && s.Status.Kind == lesson.Running:
			running = true
		case s.Kind == lesson.End && running:
			return i
		case s.Kind == lesson.End:
			return 0
		}
	}
	return 0
}
