package book

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// identifierLength is that of an identifier with the blank behind it, in octets:
// "3fa1 ".
const identifierLength = len("3fa1 ")

// identifiers number a client's requests; chapter 2, "Request IDs: A Good
// Idea". They begin at random, so that who can't read the requests can't guess
// them. Nil numbers nothing.
type identifiers struct{ next uint16 }

// newIdentifiers returns identifiers if there shall be any.
func newIdentifiers(wanted bool) *identifiers {
	if !wanted {
		return nil
	}
	var start [2]byte
	rand.Read(start[:]) // never fails
	return &identifiers{binary.BigEndian.Uint16(start[:])}
}

// number gives a question the next identifier, and says which.
func (ids *identifiers) number(out *output, question string) numbered {
	if ids == nil {
		return numbered{question: question}
	}
	id := fmt.Sprintf("%04x", ids.next)
	ids.next++
	out.say(event{Event: "numbered", Text: &id}, "This is request %s", id)
	return numbered{id: id + " ", question: question}
}

// A numbered request has an identifier, or "" for none.
type numbered struct{ id, question string }

// data is the request as it is sent.
func (q numbered) data() []byte { return []byte(q.id + q.question) }

// receive returns the next reply that bears the request's identifier, without
// that, and tells of those that do not. Conn says how long it waits.
func (q numbered) receive(out *output, conn *net.UDPConn) ([]byte, error) {
	buf := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if reply, own := strings.CutPrefix(string(buf[:n]), q.id); own {
			return []byte(reply), nil
		}
		out.say(event{Event: "ignored", Peer: peer(conn)}.carrying(buf[:n]), "Ignoring %s", quote(buf[:n]))
	}
}

// answers is how a server replies.
type answers struct {
	drop *dropper
	ids  bool // a reply begins with the identifier of its request
	late bool // the first reply waits for the third request

	seen int // requests so far
	held func()
}

// answer replies to a datagram: with the number of its octets, an identifier
// not counted.
func (a *answers) answer(out *output, conn *net.UDPConn, data []byte, to netip.AddrPort) {
	id := ""
	if a.ids && len(data) >= identifierLength {
		id, data = string(data[:identifierLength]), data[identifierLength:]
	}
	reply := fmt.Appendf(nil, "%sYour data was %d bytes", id, len(data))
	a.seen++
	if a.late && a.seen == 1 {
		out.say(event{Event: "held", Peer: to}.carrying(reply), "Holding back the reply to %s", tuple(to))
		a.held = func() { acknowledge(out, conn, reply, to) }
		return
	}
	if a.held != nil && a.seen == 3 {
		a.held()
		a.held = nil
	}
	acknowledge(out, conn, reply, to)
}
