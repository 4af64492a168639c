package predict

import (
	"fmt"
	"io"
)

// A Sheet is what a student said, beside what happened. As JSON its fields are
// a contract.
type Sheet struct {
	Lesson    string      `json:"lesson"` // file
	Title     string      `json:"title"`
	Answered  int         `json:"answered"` // questions that were answered and came to an outcome
	Right     int         `json:"right"`
	Complete  bool        `json:"complete"` // the lesson ran to its end
	Questions []*Question `json:"questions"`
}

// A Question is about a command or about a claim.
type Question struct {
	Line    int      `json:"line"` // of the lesson
	Command string   `json:"command,omitempty"`
	Claim   string   `json:"claim,omitempty"` // its ID
	Choices []string `json:"choices"`
	Chosen  int      `json:"chosen"` // from 1; 0 when skipped, or answered in the student's own words
	Answer  string   `json:"answer"` // "" when skipped
	Really  string   `json:"really"` // "" when it did not come to it
	Right   bool     `json:"right"`

	outcomes []outcome // the choices but the last one; of a command
	lines    []string  // what it printed
}

// counts reports whether the question was answered and came to an outcome.
func (x *Question) counts() bool { return x.Answer != "" && x.Really != "" }

// subject returns what the question is about.
func (x *Question) subject() string {
	if x.Claim != "" {
		return "claim " + x.Claim
	}
	return x.Command
}

// Sheet returns the answers so far. Complete says whether the lesson ran to its
// end.
func (q *Quiz) Sheet(complete bool) *Sheet {
	s := q.sheet
	s.Complete = complete
	for _, x := range s.Questions {
		if x.counts() {
			s.Answered++
		}
		if x.counts() && x.Right {
			s.Right++
		}
	}
	return &s
}

// Write writes the summary for the student.
func (s *Sheet) Write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "\n%d of %d right", s.Right, s.Answered)
	for _, x := range s.Questions {
		if err == nil && x.counts() && !x.Right {
			_, err = fmt.Fprintf(w, "\nline %d: %s\n    you said: %s\n    it was:   %s", x.Line, x.subject(), x.Answer, x.Really)
		}
	}
	if err == nil && !s.Complete {
		_, err = fmt.Fprint(w, "\nThe lesson did not run to its end.")
	}
	if err == nil {
		_, err = fmt.Fprintln(w)
	}
	return err
}
