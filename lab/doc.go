// Package lab starts a topology on an engine and gives its hosts to a program:
// run a command on one, keep a server in front of another, pull a cable, read
// what came out.
//
//	t, err := lab.Load("compose.yaml")
//	l, err := lab.Start(ctx, t, nil)
//	defer l.Close()
//	server, err := l.Host("guinness").Start(ctx, "udp_remote", "server", "192.168.5.130")
//	line, err := server.WaitLine(ctx, "Listening at")
//	res, err := l.Host("laptop").Run(ctx, "udp_remote", "client", "guinness")
//
// Every host is a machine of its own with its own addresses; what one prints
// for a reader of the book, it prints here. In tests, package labtest starts
// and ends labs.
package lab
