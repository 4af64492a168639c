package agent

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// withinRequest is exec (RFC 4254 section 6.5) without a process: see
// Command.Within.
const withinRequest = "exec-within@hostlab"

// The payloads of the channel requests, for ssh.Marshal and ssh.Unmarshal.
type (
	ptyRequest struct { // RFC 4254 section 6.2
		Term          string
		Columns, Rows uint32
		Width, Height uint32 // pixels
		Modes         string
	}
	windowChange struct { // section 6.7
		Columns, Rows uint32
		Width, Height uint32
	}
	envRequest   struct{ Name, Value string } // section 6.4
	namedRequest struct{ Name string }        // exec (also within), subsystem, signal: sections 6.5, 6.9
	exitStatus   struct{ Status uint32 }      // section 6.10
	exitSignal   struct {
		Signal   string
		Core     bool
		Message  string
		Language string
	}
	directTCPIP struct { // section 7.2
		Host       string
		Port       uint32
		Originator string
		FromPort   uint32
	}
)

// encodeModes writes terminal modes as RFC 4254 section 8 says: an opcode of one
// byte, a value of four, and 0 at the end.
func encodeModes(modes map[uint8]uint32) string {
	var b []byte
	for _, op := range slices.Sorted(maps.Keys(modes)) {
		b = append(b, op)
		b = binary.BigEndian.AppendUint32(b, modes[op])
	}
	return string(append(b, 0))
}

// decodeModes calls set for each mode until the end, or until an opcode that
// has no defined form (160 and above) or a cut value.
func decodeModes(s string, set func(op uint8, value uint32)) {
	for len(s) >= 5 && s[0] != 0 && s[0] < 160 {
		set(s[0], binary.BigEndian.Uint32([]byte(s[1:5])))
		s = s[5:]
	}
}

// quote joins arguments to a command line that splits into the same ones.
func quote(args []string) (string, error) {
	words := make([]string, len(args))
	for i, arg := range args {
		word, err := syntax.Quote(arg, syntax.LangBash)
		if err != nil {
			return "", fmt.Errorf("argument %d %q: %w", i, arg, err)
		}
		words[i] = word
	}
	line := strings.Join(words, " ")
	if len(line) > maxCommand {
		return "", fmt.Errorf("command line of %d bytes; at most %d fit", len(line), maxCommand)
	}
	return line, nil
}

// size makes a terminal's size from a number that may be anything.
func size(n, otherwise int) uint32 {
	if n <= 0 {
		n = otherwise
	}
	return uint32(min(n, math.MaxUint16))
}
