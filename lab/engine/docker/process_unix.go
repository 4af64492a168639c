//go:build unix

package docker

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// detach puts a child into a session of its own, so that Ctrl-C at the
// terminal and the terminal's end reach this process alone.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}

// ownProgram returns the path to start this program again. On Linux it works
// after the file was replaced or deleted, too.
func ownProgram() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}
