package control

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// checkPeer is an error when another user is at the other end: unix(7)
// SO_PEERCRED.
func checkPeer(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || failed != nil {
		return fmt.Errorf("control: who is there: %v, %v", err, failed)
	}
	if int(peer.Uid) != os.Getuid() {
		return fmt.Errorf("control: this lab is user %d's; you are user %d", os.Getuid(), peer.Uid)
	}
	return nil
}
