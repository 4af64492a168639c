package agent

import (
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/shell"
)

// Whatever the arguments are, the other side splits the same ones.
func FuzzQuote(f *testing.F) {
	f.Add("say\x00a b\x00\x00$HOME `x` *\x00\xff\xc3\u200b\ufffd'\\")
	f.Add("if\x00~\x00a=b\x00{a,b}\x00#\x00!\x00-\x00\r\n\t\x1b\x7f")
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00") // the only byte that arguments cannot have
		line, err := quote(args)
		if err != nil {
			t.Fatalf("quote(%q): %v", args, err)
		}
		got, err := shell.Fields(line, func(string) string { return "expanded" })
		if err != nil || !slices.Equal(got, args) {
			t.Errorf("%q split to %q, %v; want %q", line, got, err, args)
		}
	})
}

// Modes from anyone do not break the reader.
func FuzzDecodeModes(f *testing.F) {
	f.Add("\x03\x01\x02\x03\x04\x35\x00\x00\x00\x00\x00")
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		decodeModes(s, func(op uint8, _ uint32) {
			n++
			if op == 0 || op >= 160 {
				t.Errorf("opcode %d", op)
			}
		})
		if n > len(s)/5 {
			t.Errorf("%d modes in %d bytes", n, len(s))
		}
	})
}
