package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hostlab/lab/engine"
)

const childVariable = "HOSTLAB_TEST_CHILD"

// child is the program that the tests kill, this test binary in another
// process. It says its owner label and its reaper's process ID, starts a lab,
// and then does what the lines of its standard input say until that ends.
func child(endpoint string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	err := runChild(ctx, endpoint)
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	return 0
}

func runChild(ctx context.Context, endpoint string) error {
	e := New(Config{Names: []string{"udp_remote", "sh"}, Binary: standinBinary, Endpoint: strings.TrimPrefix(endpoint, "default")})
	c, err := e.connect(ctx)
	if err != nil {
		return err
	}
	me, err := self()
	if err != nil {
		return err
	}
	if err := c.reaper.hold(c.endpoint.host); err != nil {
		return err
	}
	fmt.Println("owner", me, c.reaper.cmd.Process.Pid)
	in, err := e.Up(ctx, lan(3), engine.Options{})
	if err != nil {
		return err
	}
	fmt.Println("up")
	conn, err := in.Dial(ctx, "h1")
	if err != nil {
		return err
	}
	host := bufio.NewReader(conn)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "down" {
			fmt.Println("going down")
			if err := in.Down(ctx); err != nil {
				return err
			}
			fmt.Println("down")
			continue
		}
		fmt.Fprintln(conn, lines.Text())
		answer, err := host.ReadString('\n')
		if err != nil {
			return err
		}
		fmt.Print(answer)
	}
	return errors.Join(in.Down(ctx), c.reaper.release())
}

// A running is a child as the test has it.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	owner  string
	reaper int
}

// startChild starts a child and returns when it has said its owner.
func startChild(t *testing.T) *running {
	t.Helper()
	path, err := standin()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := ownProgram()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, cmd: exec.Command(exe)}
	r.cmd.Env = append(os.Environ(), childVariable+"=default", standinVariable+"="+path)
	r.cmd.Stderr = os.Stderr
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.out = bufio.NewReader(out)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	if _, err := fmt.Sscanf(r.line(), "owner %s %d", &r.owner, &r.reaper); err != nil {
		t.Fatalf("child: %v", err)
	}
	return r
}

// line returns the child's next line.
func (r *running) line() string {
	r.t.Helper()
	line, err := r.out.ReadString('\n')
	if err != nil {
		r.t.Errorf("child: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (r *running) say(line string) {
	r.t.Helper()
	if _, err := fmt.Fprintln(r.in, line); err != nil {
		r.t.Errorf("child: %v", err)
	}
}

// kill is "kill -9", and waits until the child is no more.
func (r *running) kill() {
	_ = r.cmd.Process.Kill() // it may have ended
	_ = r.cmd.Wait()         // of which this is the news
}
