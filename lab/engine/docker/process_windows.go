package docker

import (
	"os"
	"os/exec"
	"syscall"
)

// detachedProcess is DETACHED_PROCESS: no console, so no Ctrl-C from it.
const detachedProcess = 0x8

// detach keeps Ctrl-C at the console from a child.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}

// ownProgram returns the path to start this program again.
func ownProgram() (string, error) { return os.Executable() }
