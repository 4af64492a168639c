package book

import (
	"fmt"
	"net/netip"
	"strings"
)

// quote returns data as Python's repr of ASCII text writes it: between single
// quotes, or double ones where only those save an escape. An octet outside
// printable ASCII becomes \t, \n, \r or \xNN, where repr of the original's
// decoded text would have failed (the book's servers die of such a datagram).
// Nothing that a peer sends can therefore start a new line or reach the
// terminal as a control code.
func quote(data []byte) string {
	mark := byte('\'')
	if strings.IndexByte(string(data), '\'') >= 0 && strings.IndexByte(string(data), '"') < 0 {
		mark = '"'
	}
	var b strings.Builder
	b.Grow(len(data) + 2)
	b.WriteByte(mark)
	for _, c := range data {
		switch {
		case c == mark || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(mark)
	return b.String()
}

// quoteBytes returns data as Python's repr of a bytes object writes it: b'text'.
func quoteBytes(data []byte) string { return "b" + quote(data) }

// tuple returns a as Python writes the name of an IPv4 socket. IPv6 addresses
// print the same way, zone included, without Python's flow label and scope
// number.
func tuple(a netip.AddrPort) string {
	return fmt.Sprintf("(%s, %d)", quote([]byte(a.Addr().String())), a.Port())
}

// ascii reports whether text has no octet above 127.
func ascii(text []byte) bool {
	for _, c := range text {
		if c > 127 {
			return false
		}
	}
	return true
}
