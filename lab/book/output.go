package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// eventFields says for each event of --json what it carries besides its time
// and name, in the order of a program's life. Names and meanings are a contract.
var eventFields = map[string]string{
	"seed":      "seed: what --drop draws from",
	"listening": "local: a server's socket is bound",
	"accepting": "a server waits for a connection",
	"accepted":  "local, peer: it has one",
	"connected": "local, peer: a client's socket has its name",
	"sending":   "bytes: so much a client is going to send",
	"sent":      "local, peer, bytes, text: a client has sent this",
	"waiting":   "seconds: its patience for a reply",
	"cut":       "peer, bytes: of a longer datagram it has read so many",
	"request":   "peer, bytes, text: a server has received this",
	"dropped":   "peer, bytes: it pretends not to have received this",
	"held":      "peer, bytes, text: it has kept this answer for later",
	"replied":   "peer, bytes, text: it has answered this",
	"receiving": "a client has sent all and begins to read",
	"numbered":  "text: the identifier of a client's request",
	"ignored":   "peer, bytes, text: not the reply to its request",
	"reply":     "peer, bytes, text: a client has received this",
	"progress":  "phase (sent, received, processed), bytes so far",
	"closed":    "peer: a server is done with a connection",
	"mtu":       "local, peer, bytes, mtu: so many bytes are too many",
	"error":     "message, and errno and number when the system said it",
}

// An event is a line of --json: what happened, and only the fields that belong
// to it.
type event struct {
	Time    time.Time      `json:"time"`             // RFC 3339, UTC
	Event   string         `json:"event"`            // one of the words above
	Local   netip.AddrPort `json:"local,omitzero"`   // "127.0.0.1:1060" or "[::1]:1060"
	Peer    netip.AddrPort `json:"peer,omitzero"`    // the other end
	Text    *string        `json:"text,omitempty"`   // U+FFFD where it is not UTF-8
	Data    []byte         `json:"data,omitempty"`   // base64, only when not all ASCII
	Bytes   *int64         `json:"bytes,omitempty"`  // octets of data, headers not counted
	Phase   string         `json:"phase,omitempty"`  // which bytes
	Seconds float64        `json:"seconds,omitzero"` // patience
	MTU     int            `json:"mtu,omitzero"`     // octets, IP header included
	Seed    *uint64        `json:"seed,omitempty"`
	Errno   string         `json:"errno,omitempty"`  // "ECONNREFUSED"
	Number  int            `json:"number,omitzero"`  // 111; differs between systems
	Message string         `json:"message,omitzero"` // the line of standard error, without the name
}

// carrying returns e with data as its text.
func (e event) carrying(data []byte) event {
	text := string(data)
	e.Text = &text
	if !ascii(data) {
		e.Data = data
	}
	return e.counting(int64(len(data)))
}

// counting returns e with a number of octets.
func (e event) counting(n int64) event {
	e.Bytes = &n
	return e
}

// An output writes what a program has to say: lines for people, or with json
// the same as events, all on standard output then. Each line is one Write.
type output struct {
	name     string
	json     bool
	mu       sync.Mutex
	out, err io.Writer
	held     *[]heldLine // nil: nothing is held back
}

// A heldLine is to be written soon.
type heldLine struct {
	to   io.Writer
	line []byte
}

// behind writes what f says only when f has done all that it does: who sees the
// line of a request can then find the reply on the cable.
func (o *output) behind(f func()) {
	var lines []heldLine
	o.mu.Lock()
	o.held = &lines
	o.mu.Unlock()
	f()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = nil
	for _, l := range lines {
		l.to.Write(l.line) // a reader who has left is no reason to end
	}
}

// say prints a line for people, or e. Without a format, only e.
func (o *output) say(e event, format string, args ...any) {
	o.write(o.out, e, format, args...)
}

// note prints a line that is not the book's, on standard error after the
// program's name, or e.
func (o *output) note(e event, format string, args ...any) {
	o.write(o.err, e, o.name+": "+format, args...)
}

func (o *output) write(w io.Writer, e event, format string, args ...any) {
	line := []byte(fmt.Sprintf(format, args...))
	if o.json {
		e.Time = time.Now().UTC()
		var err error
		if line, err = json.Marshal(e); err != nil {
			panic(err) // no field of an event can fail
		}
		w = o.out
	}
	if len(line) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if line = append(line, '\n'); o.held != nil {
		*o.held = append(*o.held, heldLine{w, line})
		return
	}
	w.Write(line) // see behind
}

// A plainError's words are the whole line: no name of the program before them.
type plainError string

func (e plainError) Error() string { return string(e) }

// fail prints the error that ends the program.
func (o *output) fail(err error) {
	e := errorEvent(err)
	var plain plainError
	if errors.As(err, &plain) {
		o.write(o.err, e, "%s", plain)
		return
	}
	o.note(e, "%s", e.Message)
}

// trouble prints an error with one client, which a server survives.
func (o *output) trouble(peer netip.AddrPort, err error) {
	e := errorEvent(err)
	if e.Peer = peer; !peer.IsValid() {
		o.note(e, "%s", e.Message)
		return
	}
	o.note(e, "%s: %s", tuple(peer), e.Message)
}

// errorEvent describes err in the C library's words where it is an errno.
func errorEvent(err error) event {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // without the net package's words around it
	}
	e := event{Event: "error", Message: err.Error()}
	if number, name, text, ok := errno(err); ok {
		e.Number, e.Errno, e.Message = number, name, text
	}
	return e
}
