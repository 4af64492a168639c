package netns

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// All ways to have a program in no directory can be executed, while children
// are born.
func TestExecutable(t *testing.T) {
	data, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	for name, file := range map[string]func() (*os.File, error){
		"memory":  func() (*os.File, error) { return memoryFile(data) },
		"unnamed": func() (*os.File, error) { return unnamedFile(dir, data) },
		"any":     func() (*os.File, error) { return executable(data) },
	} {
		t.Run(name, func(t *testing.T) {
			stop := make(chan struct{})
			defer close(stop)
			go func() {
				for {
					select {
					case <-stop:
						return
					default:
						exec.Command("/bin/true").Run()
					}
				}
			}()
			for range 20 {
				f, err := file()
				if err != nil {
					t.Skip(err) // in a file system that cannot do that
				}
				defer f.Close()
				if err := exec.Command(fmt.Sprintf("/proc/self/fd/%d", f.Fd())).Run(); err != nil || f.Fd() < highFD {
					t.Errorf("descriptor %d: %v", f.Fd(), err)
				}
			}
		})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	if _, err := unnamedFile("/no/such/directory", data); err == nil {
		t.Error("a file in no file system at all")
	}
	if f, err := unnamedFile("/dev/shm", data); err == nil {
		f.Close()
		t.Error("a file in memory, though another way is for that")
	}
}
