package lesson

import (
	"strings"
	"testing"
)

func TestUntil(t *testing.T) {
	claim := func(id string) string {
		return "> **Claim " + id + ":** c\n\n```console\nlaptop:~$ " + id + "\n```\n\n> **Verdict:** confirmed\n\n"
	}
	text := "---\ntitle: T\nlab: {laptop: 192.168.5.10/24}\n---\n\n# A\n\n" + claim("1") + claim("2") + "# B\n\n" + claim("3") + "# C\n\n" + claim("4")
	l, err := Parse("t.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"1": "12", "2": "12", "3": "123", "4": "1234"} {
		cut, err := l.Until(id)
		if err != nil {
			t.Fatal(err)
		}
		var claims, commands strings.Builder
		for _, c := range cut.Claims {
			claims.WriteString(c.ID)
		}
		for _, s := range cut.Sections {
			for _, b := range s.Blocks {
				commands.WriteString(b.Steps[0].Text)
			}
		}
		if claims.String() != want || commands.String() != want {
			t.Errorf("until %s: claims %s, commands %s; want %s", id, &claims, &commands, want)
		}
	}
	if len(l.Claims) != 4 || len(l.Sections) != 3 {
		t.Errorf("the lesson itself has %d claims and %d sections now", len(l.Claims), len(l.Sections))
	}
	if _, err := l.Until("5"); err == nil || !strings.Contains(err.Error(), `t.md: no claim "5"; there are 1, 2, 3, 4`) {
		t.Errorf("error %v; want one that lists the claims", err)
	}
}
