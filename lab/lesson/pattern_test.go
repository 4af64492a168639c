package lesson

import (
	"maps"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		want, line string
		before     scope // bound already
		bound      scope // and afterwards, when it matches
		diff       int   // when it does not: where, in want
	}{
		{want: "port {port}!", line: "port 65535!", bound: scope{"port": "65535"}},
		{want: "port {port}!", line: "port 65536!", diff: 11}, // 6553 is one
		{want: "port {port}", line: "port 0", diff: 5},
		{want: "port {port}", line: "port 7", before: scope{"port": "7"}, bound: scope{"port": "7"}},
		{want: "port {port}", line: "port 8", before: scope{"port": "7"}, diff: 5},
		{want: "{port} {port2}", line: "7 8", bound: scope{"port": "7", "port2": "8"}},

		// One name twice in a line.
		{want: "{n}-{n}", line: "5-5", bound: scope{"n": "5"}},
		{want: "{n}+{n}", line: "5+6", diff: 4},
		{want: "{port}{text}{port}", line: "77 x 77", bound: scope{"port": "77", "text": " x "}},

		// Where literal text differs, braces count double in the source form.
		{want: "abc", line: "abd", diff: 2},
		{want: "abc", line: "ab", diff: 2},
		{want: "abc", line: "abcd", diff: 3},
		{want: `\\{a\{b\{c`, line: `{a{b{d`, diff: 9},
		{want: `\{a\{b{n}c`, line: `{a{b5d`, diff: 9},
		{want: `a\{`, line: `a{x`, diff: 3},
		{want: `\\\{a`, line: `\{b`, diff: 4},
		{want: `\^C`, line: `^D`, diff: 2},
		{want: "", line: "", bound: scope{}},
		{want: "", line: "x", diff: 0},

		{want: "{ip}", line: "192.168.5.130", bound: scope{"ip": "192.168.5.130"}},
		{want: "{ip}", line: "192.168.5.256", diff: 4}, // 192.168.5.25 is one
		{want: "{ip}", line: "::", bound: scope{"ip": "::"}},
		{want: "{ip}", line: "::ffff:10.0.0.1", bound: scope{"ip": "::ffff:10.0.0.1"}},
		{want: "{ip}", line: "fe80::1%eth0", bound: scope{"ip": "fe80::1%eth0"}},
		{want: "{ip}", line: "12:34", diff: 0},
		{want: "{mac}", line: "02:42:ac:11:00:02", bound: scope{"mac": "02:42:ac:11:00:02"}},
		{want: "{ms} ms {s} s {hex} {pid} {bytes}", line: "0.25 ms 3 s 0x1f 4194304 0",
			bound: scope{"ms": "0.25", "s": "3", "hex": "0x1f", "pid": "4194304", "bytes": "0"}},
		{want: "{text}", line: "", diff: 0},
	} {
		parts, mistakes := builtin.split(test.want)
		if len(mistakes) > 0 {
			t.Errorf("%q: mistakes %v", test.want, mistakes)
			continue
		}
		s := scope{}
		maps.Copy(s, test.before)
		diff, ok := s.match(parts, test.line)
		switch {
		case ok != (test.bound != nil):
			t.Errorf("%q and %q: match %v; want %v", test.want, test.line, ok, !ok)
		case ok && !maps.Equal(s, test.bound):
			t.Errorf("%q and %q: bound %v; want %v", test.want, test.line, s, test.bound)
		case !ok && diff != test.diff:
			t.Errorf("%q and %q: differ at %d; want %d", test.want, test.line, diff, test.diff)
		case !ok && !maps.Equal(s, test.before):
			t.Errorf("%q and %q: bound %v without a match", test.want, test.line, s)
		}
	}
}
