//go:build !linux

package control

import "net"

// checkPeer leaves it to the directory who comes in.
func checkPeer(*net.UnixConn) error { return nil }
