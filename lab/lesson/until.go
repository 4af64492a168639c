package lesson

import (
	"fmt"
	"slices"
	"strings"
)

// Until returns the lesson as far as a claim: up to the end of the section in
// which its verdict stands, for what comes before it makes the state that it
// is put to the test in. The error says which claims there are.
func (l *Lesson) Until(claim string) (*Lesson, error) {
	i := slices.IndexFunc(l.Claims, func(c *Claim) bool { return c.ID == claim })
	if i < 0 {
		var ids []string
		for _, c := range l.Claims {
			ids = append(ids, c.ID)
		}
		return nil, fmt.Errorf("lesson: %s: no claim %q; there are %s", l.File, claim, strings.Join(ids, ", "))
	}
	verdict := l.Claims[i].VerdictPos.Offset
	cut := *l
	for k, s := range l.Sections {
		if s.Pos.Offset > verdict {
			cut.Sections = l.Sections[:k]
			break
		}
	}
	end := len(l.source.data)
	if k := len(cut.Sections); k < len(l.Sections) {
		end = l.Sections[k].Pos.Offset
	}
	cut.Claims = slices.DeleteFunc(slices.Clone(l.Claims), func(c *Claim) bool { return c.VerdictPos.Offset >= end })
	return &cut, nil
}
