package holder

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

// A message crosses a connection with its files, and neither is mixed up with
// another message's.
func TestConn(t *testing.T) {
	near, far := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1<<20) // more than a socket's buffer holds
	go func() {
		near.Send(Request{ID: 1, Host: long})
		near.Send(Request{ID: 2, Op: OpDial}, w)
		w.Close()
		near.Close()
	}()
	var got Request
	if files, err := far.Receive(&got); err != nil || got.ID != 1 || got.Host != long || len(files) != 0 {
		t.Fatalf("request %d with %d files, %v", got.ID, len(files), err)
	}
	files, err := far.Receive(&got)
	if err != nil || got.ID != 2 || len(files) != 1 {
		t.Fatalf("request %d with %d files, %v", got.ID, len(files), err)
	}
	if _, err := files[0].WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	files[0].Close()
	if said, err := io.ReadAll(r); err != nil || string(said) != "hello" {
		t.Errorf("through the file came %q, %v", said, err)
	}
	if _, err := far.Receive(&got); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v; want io.EOF", err)
	}
}

// What is no message is an error, and no reason to panic or to wait.
func TestConnRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"too long":   "\xff\xff\xff\xff",
		"no JSON":    "\x00\x00\x00\x02[[",
		"cut short":  "\x00\x00\x00\x09{",
		"short head": "\x00",
	} {
		near, far := pair(t)
		if _, err := near.c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		near.Close()
		var r Request
		if _, err := far.Receive(&r); err == nil || errors.Is(err, io.EOF) && name == "no JSON" {
			t.Errorf("%s: %+v, %v; want an error", name, r, err)
		}
	}
}

func pair(t *testing.T) (*Conn, *Conn) {
	t.Helper()
	near, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	far, err := NewConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// The program is no toy: outside of its namespaces it does nothing.
func TestOutside(t *testing.T) {
	p := Programs()[0]
	var errs bytes.Buffer
	for _, args := range [][]string{nil, {Hold}, {Enter}, {"x"}} {
		errs.Reset()
		s := program.Stdio{In: strings.NewReader(""), Out: io.Discard, Err: &errs}
		if status := p.Run(t.Context(), s, args...); status != 2 || !strings.Contains(errs.String(), "usage: netns") {
			t.Errorf("netns %q: status %d, %q", args, status, errs.String())
		}
	}
}

// An error of the kernel stays one on the other side of a connection.
func TestError(t *testing.T) {
	e := forOthers(failed(os.NewSyscallError("mount", unix.EPERM), "mount %s", "proc"))
	if !errors.Is(e, unix.EPERM) || e.Error() != "netns: mount proc: operation not permitted" {
		t.Errorf("%v", e)
	}
	if e := asError(errors.New("x")); errors.Unwrap(e) != nil {
		t.Errorf("an error of no kernel's has one: %v", e)
	}
	if forOthers(nil) != nil || failed(nil, "x") != nil {
		t.Error("nothing became an error")
	}
}

// A batch is done to its end, and says which of its requests were refused.
func TestBatch(t *testing.T) {
	s, err := openRTNL(make([]byte, bufferSize))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var b batch
	var states []int
	b.replies = func(kind uint16, body []byte) {
		if kind == unix.RTM_NEWLINK {
			index, _ := linkState(body)
			states = append(states, index)
		}
	}
	for range 100 { // more than fit into one system call
		b.ask("lo", 1)
	}
	b.ask("the one that is not there", 1<<30)
	b.ask("lo", 1)
	err = s.do(&b)
	if !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "the one that is not there: ") {
		t.Errorf("%v; want ENODEV and what it is about", err)
	}
	if len(states) != 101 {
		t.Errorf("%d answers; want 101", len(states))
	}
	if err := s.do(&batch{}); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}
