package lesson

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse: no file makes Parse panic, every complaint is at a place in the
// file, and every step stands where it says.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no testdata: ", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("f.md", data)
		text := string(data)
		for _, p := range Problems(err) {
			checkPos(t, text, p.Pos)
		}
		if err != nil {
			if len(Problems(err)) == 0 {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		for _, s := range l.Sections {
			checkPos(t, text, s.Pos)
			for _, b := range s.Blocks {
				checkPos(t, text, b.Pos)
				for _, st := range b.Steps {
					checkPos(t, text, st.Pos)
					checkPos(t, text, st.TextPos)
					if st.End < st.TextPos.Offset || st.End > len(text) {
						t.Errorf("step ends at %d, its text begins at %d", st.End, st.TextPos.Offset)
					}
					if all := text[st.TextPos.Offset:st.End]; all != st.Text && !strings.Contains(all, "\\\n") {
						t.Errorf("step is %q where the file has %q", st.Text, all)
					}
				}
			}
		}
	})
}

// checkPos compares a position with the text that it is a position of.
func checkPos(t *testing.T, text string, p Pos) {
	t.Helper()
	if p.Offset < 0 || p.Offset > len(text) {
		t.Fatalf("offset %d in a file of %d bytes", p.Offset, len(text))
	}
	before := text[:p.Offset]
	line, column := strings.Count(before, "\n")+1, p.Offset-strings.LastIndexByte(before, '\n')
	if p.Line != line || p.Column != column {
		t.Errorf("offset %d is %d:%d; want %d:%d", p.Offset, p.Line, p.Column, line, column)
	}
}

// FuzzMatch: a line that matches is what the names stand for, a line that does
// not differs at a place in the expected one and binds nothing.
func FuzzMatch(f *testing.F) {
	f.Add("Client socket name is ('192.168.5.10', {port})", "Client socket name is ('192.168.5.10', 35084)", "35084")
	f.Add(`\{{text}} {text2}{text}`, "{a b} c da b", "")
	f.Add("{text} {text}", "a b a b", "")
	f.Add("{x-text}{text}\\{", "\xff\xfe", "\xff")
	f.Fuzz(func(t *testing.T, want, line, bound string) {
		if !utf8.ValidString(want) {
			return // refused by Parse
		}
		parts, mistakes := builtin.split(want)
		if len(mistakes) > 0 {
			return
		}
		s := scope{}
		if bound != "" {
			s["port"] = bound
		}
		n := len(s)
		diff, ok := s.match(parts, line)
		switch {
		case ok && s.show(parts) != line:
			t.Errorf("%q matches %q as %q", want, line, s.show(parts))
		case ok && bound != "" && s["port"] != bound:
			t.Errorf("port was %q and is %q", bound, s["port"])
		case !ok && (diff < 0 || diff > len(want)):
			t.Errorf("%q differs from %q at %d", want, line, diff)
		case !ok && len(s) != n:
			t.Errorf("%q differs from %q and binds %v", want, line, s)
		}
		if again, _ := s.match(parts, line); ok && again != 0 {
			t.Errorf("%q matches %q once only", want, line)
		}
	})
}
