package book

import (
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "This is another message", `'This is another message'`},
		{"empty", "", `''`},
		{"apostrophe", "don't", `"don't"`},
		{"quotation mark", `say "hi"`, `'say "hi"'`},
		{"both", `don't say "hi"`, `'don\'t say "hi"'`},
		{"backslash", `a\xc3`, `'a\\xc3'`},
		{"controls", "\t\n\r\x00\x1b[31m\x7f", `'\t\n\r\x00\x1b[31m\x7f'`},
		{"not ASCII", "café", `'caf\xc3\xa9'`},
		{"not UTF-8", "\xff\xfe", `'\xff\xfe'`},
	} {
		if got := quote([]byte(tt.text)); got != tt.want {
			t.Errorf("%s: quote(%q) = %s; want %s", tt.name, tt.text, got, tt.want)
		}
	}
	if got, want := quoteBytes([]byte("Farewell, client")), `b'Farewell, client'`; got != want {
		t.Errorf("quoteBytes = %s; want %s", got, want)
	}
}

// TestQuoteAsPython asks Python about every octet, alone and beside quotes.
func TestQuoteAsPython(t *testing.T) {
	t.Parallel()
	script := "for i in range(256):\n" +
		"    for s in (b'', b\"'\", b'\"', b'\\'\"'):\n" +
		"        print(repr(bytes([i]) + s))\n"
	out, err := exec.Command(python(t), "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	for i := range 256 {
		for j, s := range []string{"", "'", `"`, `'"`} {
			got := quoteBytes(append([]byte{byte(i)}, s...))
			if got != want[i*4+j] {
				t.Errorf("octet %d before %q: %s; Python writes %s", i, s, got, want[i*4+j])
			}
		}
	}
}

func TestTuple(t *testing.T) {
	for _, tt := range []struct{ addr, want string }{
		{"192.168.5.130:1060", "('192.168.5.130', 1060)"},
		{"0.0.0.0:0", "('0.0.0.0', 0)"},
		{"[::1]:1060", "('::1', 1060)"},
		{"[fe80::1%eth0]:1060", "('fe80::1%eth0', 1060)"},
		{"[::ffff:192.168.5.10]:4242", "('::ffff:192.168.5.10', 4242)"},
		{"[fe80::1%a'b]:1", `("fe80::1%a'b", 1)`},
	} {
		if got := tuple(netip.MustParseAddrPort(tt.addr)); got != tt.want {
			t.Errorf("tuple(%s) = %s; want %s", tt.addr, got, tt.want)
		}
	}
}

// FuzzQuote holds that a quoted text is one line of printable ASCII from which
// the octets can be had back.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "'", `"`, `'"\`, "\x00\n\r\t\x7f\x80\xff", `\x41`, "Your data was 23 bytes"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		q := quote(data)
		for _, c := range []byte(q) {
			if c < ' ' || c > '~' {
				t.Fatalf("quote(%q) = %q has octet %#x", data, q, c)
			}
		}
		if got := unquote(t, q); got != string(data) {
			t.Fatalf("quote(%q) = %s; reads back as %q", data, q, got)
		}
	})
}

// unquote reads what quote wrote, by its own way.
func unquote(t *testing.T, q string) string {
	t.Helper()
	if len(q) < 2 || q[0] != q[len(q)-1] || (q[0] != '\'' && q[0] != '"') {
		t.Fatalf("%s is not between quotes", q)
	}
	mark, rest := q[0], q[1:len(q)-1]
	var b strings.Builder
	for rest != "" {
		if rest[0] == mark {
			t.Fatalf("%s has its own quote inside", q)
		}
		c, _, tail, err := strconv.UnquoteChar(rest, mark)
		if err != nil {
			t.Fatalf("%s: %q: %v", q, rest, err)
		}
		b.WriteByte(byte(c))
		rest = tail
	}
	return b.String()
}
