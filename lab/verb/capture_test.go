package verb_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hostlab/lab"
	"hostlab/lab/verb"
	"hostlab/lab/wire"
)

// A tap is the output of a capture that runs meanwhile.
type tap struct {
	*io.PipeReader
	text bytes.Buffer
	stop context.CancelFunc
	done chan error
}

// until reads up to a text.
func (c *tap) until(t *testing.T, want string) {
	t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(c.text.String(), want) {
		n, err := c.Read(buf)
		c.text.Write(buf[:n])
		if err != nil {
			t.Fatalf("no %q in %q: %v", want, c.text.String(), err)
		}
	}
}

// end stops the capture and returns all that it wrote.
func (c *tap) end(t *testing.T) string {
	t.Helper()
	c.stop()
	io.Copy(&c.text, c)
	if err := <-c.done; err != nil {
		t.Fatal(err)
	}
	return c.text.String()
}

// A capture says each packet as a line, with the fault that took it, and only
// those of the hosts that it was asked for; or writes them all to one file.
// Several at once do not disturb each other.
func testCapture(t *testing.T, l *lab.Lab) {
	start := func(words string) *tap {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		r, w := io.Pipe()
		c := &tap{PipeReader: r, stop: cancel, done: make(chan error, 1)}
		go func() {
			err := verb.Run(ctx, l, strings.Fields(words), w)
			w.Close()
			c.done <- err
		}()
		return c
	}
	lines, tower, everything, file := start("capture"), start("capture tower"), start("capture --all"), start("capture -w -")
	for _, c := range []*tap{lines, tower, everything} {
		c.until(t, "# capturing ")
	}
	file.until(t, "hostlab")
	fifth := start("capture") // one too many to know of faults
	fifth.until(t, "# capturing ")
	if _, err := l.Host("laptop").Run(t.Context(), "ping", "-c", "1", "127.0.0.1"); err != nil { // it is on no wire
		t.Fatal(err)
	}
	pings(t, l, "laptop", "guinness")
	say(t, l, "fault drop guinness icmp --first 1")
	pings(t, l, "laptop", "guinness")
	lines.until(t, "taken at")
	fifth.until(t, "# not sure: guinness: what faults take is not known")
	fifth.end(t)

	got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{6} `).ReplaceAllString(lines.end(t), "")
	exchange := "laptop->>guinness: ICMP echo request\nguinness->>laptop: ICMP echo reply\n"
	want := "# capturing laptop, guinness, tower\n" + exchange + exchange +
		"laptop-xguinness: ICMP echo request   (taken at guinness by drop icmp --first 1)\n" + exchange
	if got != want {
		t.Errorf("the lines are\n%swant\n%s", got, want)
	}
	if got := tower.end(t); got != "# capturing tower\n" {
		t.Errorf("tower's lines are %q", got)
	}
	if got := everything.end(t); !strings.Contains(got, "laptop->>laptop: ICMP echo request\n") {
		t.Errorf("all lines are %q", got)
	}
	trace, err := wire.ReadPcapng(strings.NewReader(file.end(t)))
	if err != nil {
		t.Fatal(err)
	}
	trace.Topology = l.Topology()
	var seen []string
	for _, p := range trace.Accounted(nil) {
		fault, host := p.Fault()
		seen = append(seen, strings.Trim(p.String()+" "+host+" "+fault, " "))
	}
	request, reply := "laptop->>guinness: ICMP echo request", "guinness->>laptop: ICMP echo reply"
	if want := []string{request, reply, request, reply,
		"laptop-xguinness: ICMP echo request guinness drop icmp --first 1", request, reply}; !slices.Equal(seen, want) {
		t.Errorf("the file has %q; want %q", seen, want)
	}
}

// A file is opened where the person is.
func TestOutput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.pcapng")
	words, out, err := verb.Output([]string{"capture", "laptop", "--all", "-w", name}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"capture", "-w", "-", "--all", "laptop"}; !slices.Equal(words, want) {
		t.Errorf("%q; want %q", words, want)
	}
	io.WriteString(out, "packets")
	out.Close()
	if b, _ := os.ReadFile(name); string(b) != "packets" {
		t.Errorf("the file has %q", b)
	}
	var buf bytes.Buffer
	for _, words := range [][]string{{"fault", "list"}, {"capture"}, {"capture", "-w", "-"}, {"capture", "--nonsense"}} {
		rest, out, err := verb.Output(words, &buf)
		if err != nil || !slices.Equal(rest, words) {
			t.Errorf("%q became %q, %v", words, rest, err)
		}
		io.WriteString(out, "x")
		out.Close()
	}
	if buf.String() != "xxxx" {
		t.Errorf("on the output: %q", buf.String())
	}
	if _, _, err := verb.Output([]string{"capture", "-w", filepath.Join(name, "below")}, io.Discard); err == nil {
		t.Error("a file below a file was opened")
	}
}
