//go:build unix

package docker

import "syscall"

// credentialOfNobody makes a child an ordinary user's.
func credentialOfNobody() (*syscall.SysProcAttr, bool) {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}, true
}
