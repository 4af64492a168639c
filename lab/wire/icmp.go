package wire

import "fmt"

// What diagrams call the messages of ICMP, by type and code. A type whose
// codes say nothing more stands with anyCode.
type icmpType struct{ kind, code uint8 }

const anyCode = 255

// RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1.
var icmp4Words = map[icmpType]string{
	{0, anyCode}:  "echo reply",
	{3, 0}:        "net unreachable",
	{3, 1}:        "host unreachable",
	{3, 2}:        "protocol unreachable",
	{3, 3}:        "port unreachable",
	{3, 4}:        "fragmentation needed",
	{3, 5}:        "source route failed",
	{3, 9}:        "net prohibited",
	{3, 10}:       "host prohibited",
	{3, 13}:       "admin prohibited",
	{5, anyCode}:  "redirect",
	{8, anyCode}:  "echo request",
	{11, 0}:       "time exceeded",
	{11, 1}:       "reassembly time exceeded",
	{12, anyCode}: "parameter problem",
}

// RFC 4443, RFC 4861, RFC 2710, RFC 3810.
var icmp6Words = map[icmpType]string{
	{1, 0}:         "no route",
	{1, 1}:         "admin prohibited",
	{1, 2}:         "beyond scope",
	{1, 3}:         "address unreachable",
	{1, 4}:         "port unreachable",
	{1, 5}:         "source address prohibited",
	{1, 6}:         "reject route",
	{2, anyCode}:   "packet too big",
	{3, 0}:         "time exceeded",
	{3, 1}:         "reassembly time exceeded",
	{4, anyCode}:   "parameter problem",
	{128, anyCode}: "echo request",
	{129, anyCode}: "echo reply",
	{130, anyCode}: "multicast listener query",
	{131, anyCode}: "multicast listener report",
	{132, anyCode}: "multicast listener done",
	{133, anyCode}: "router solicitation",
	{134, anyCode}: "router advertisement",
	{135, anyCode}: "neighbour solicitation",
	{136, anyCode}: "neighbour advertisement",
	{137, anyCode}: "redirect",
	{143, anyCode}: "multicast listener report",
}

// String returns what diagrams call the message: "port unreachable",
// "fragmentation needed (mtu 1280)", "neighbour solicitation for fe80::1".
func (m *ICMPMessage) String() string {
	words := icmp4Words
	if m.Version == 6 {
		words = icmp6Words
	}
	s, ok := words[icmpType{m.Type, m.Code}]
	if !ok {
		s, ok = words[icmpType{m.Type, anyCode}]
	}
	switch {
	case !ok:
		return fmt.Sprintf("type %d code %d", m.Type, m.Code)
	case m.isTooBig():
		return fmt.Sprintf("%s (mtu %d)", s, m.MTU)
	case m.Target.IsValid():
		return s + " for " + m.Target.String()
	}
	return s
}

func (m *ICMPMessage) isTooBig() bool {
	return m.Version == 4 && m.Type == 3 && m.Code == 4 || m.Version == 6 && m.Type == 2
}

// isError reports whether the message is about a datagram, and quotes it.
func (m *ICMPMessage) isError() bool {
	if m.Version == 6 {
		return m.Type < 128 // RFC 4443 section 2.1
	}
	switch m.Type {
	case 3, 4, 5, 11, 12: // RFC 1122 section 3.2.2
		return true
	}
	return false
}

// discovery reports whether a message keeps neighbours and multicast groups,
// which hosts send by themselves whenever they like: RFC 4861, MLD.
func (m *ICMPMessage) discovery() bool {
	return m != nil && m.Version == 6 && (m.Type >= 130 && m.Type <= 137 || m.Type == 143)
}
