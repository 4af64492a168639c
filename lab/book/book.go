// Package book holds the programs of the book: the UDP and TCP servers and
// clients of chapters 2 and 3 of "Foundations of Python Network Programming",
// written anew, that print the lines which the book shows.
//
// They speak as the Python programs do, so that either answers the other: port
// 1060, the same octets, the socket options of a plain Python socket and not
// those that Go's net package adds (SO_BROADCAST, TCP_NODELAY, keepalive,
// Multipath TCP). Where a program knows more than its Python original, its
// --help says so.
//
// All of them share these rules. An address prints as Python prints that of an
// IPv4 socket, ('192.168.5.130', 1060), also when it is IPv6, whose zone stands
// inside the address: ('fe80::1%eth0', 1060). Received text prints between
// Python's quotes; an octet that is not printable ASCII prints as an escape. A
// server never dies of what a client sends. Failures are lines on standard
// error, in the C library's words, and exit status 1.
package book

import "hostlab/lab/program"

// Programs returns the book's programs in the order of the chapters. They keep
// no state between runs and may run side by side.
func Programs() []program.Program {
	return []program.Program{
		udpLocal.program(),
		udpRemote.program(),
		bigSender.program(),
		udpBroadcast.program(),
		tcpSixteen.program(),
		tcpDeadlock.program(),
	}
}
