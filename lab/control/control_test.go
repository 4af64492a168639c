package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hostlab/lab"
	"hostlab/lab/agent"
	"hostlab/lab/control"
	"hostlab/lab/hint"
	"hostlab/lab/labtest"
	"hostlab/lab/topology"
)

// A door is a lab with its door, and as somebody found it.
type door struct {
	lab    *lab.Lab
	server *control.Server
	found  *control.Lab
}

// laptop .10 --- lan 192.168.5.0/24 --- .130 guinness
func TestDoor(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	top, err := topology.LAN("",
		topology.LANHost{Name: "laptop", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.5.10/24")}},
		topology.LANHost{Name: "guinness", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.5.130/24")}})
	if err != nil {
		t.Fatal(err)
	}
	d := door{lab: labtest.Start(t, top)}
	if d.server, err = control.Serve(d.lab, control.Options{Name: "mine", Source: "mine.md"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.server.Close() })
	if d.found, err = control.Find(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		test func(*testing.T, door)
	}{
		{"Verbs", testVerbs}, {"CallOff", testCallOff}, {"Agent", testAgent}, {"ClientLeaves", testClientLeaves},
		{"BadRequests", testBadRequests}, {"Close", testClose},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, d) })
	}
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Another terminal finds the lab, acts on it, and gets what it asked for or is
// told why not.
func testVerbs(t *testing.T, d door) {
	l, c := d.lab, d.found
	if c.PID != os.Getpid() || c.Source != "mine.md" || c.Engine != l.Describe() || len(c.Hosts()) != 2 ||
		c.Hosts()[1].Name != "guinness" || c.Hosts()[1].Addrs[0] != l.Host("guinness").Addr() {
		t.Errorf("the lab says that it is %+v", c.Info)
	}
	ctx := limited(t)
	for _, tt := range []struct {
		words  string
		out    string
		status int
		text   string
	}{
		{"fault drop guinness udp/1060 --first 2", "", 0, ""},
		{"fault list", "HOST       FAULT                    TAKEN   SEEN\nguinness   drop udp/1060 --first 2   0       0\n", 0, ""},
		{"fault clear", "", 0, ""},
		{"fault list", "no faults\n", 0, ""},
		{"fault drop tower udp", "", 2, `fault: no host "tower" in this lab; there are laptop, guinness`},
		{"wait guinness udp/1060 --timeout 10ms", "", 1, "await"},
	} {
		var out bytes.Buffer
		err := c.Run(ctx, strings.Fields(tt.words), &out)
		var refused *control.Error
		if errors.As(err, &refused); err != nil && refused == nil {
			t.Fatalf("%s: %v", tt.words, err)
		}
		if refused == nil {
			refused = &control.Error{}
		}
		if normal(out.String()) != normal(tt.out) || refused.Status != tt.status || !strings.Contains(refused.Text, tt.text) {
			t.Errorf("%s: %q, status %d, %q; want %q, %d, %q", tt.words, out.String(), refused.Status, refused.Text, tt.out, tt.status, tt.text)
		}
	}
	if err := c.Run(ctx, []string{"explode"}, io.Discard); err == nil {
		t.Error("a verb that is none was run")
	}
	if err := c.Run(ctx, []string{"fault"}, io.Discard); hint.Of(err) != "hostlab fault --help" {
		t.Errorf("the way out is %q", hint.Of(err))
	}
}

func normal(text string) string { return strings.Join(strings.Fields(text), " ") }

// A verb that waits is called off with its ctx, in the lab too.
func testCallOff(t *testing.T, d door) {
	l, c := d.lab, d.found
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, strings.Fields("wait guinness udp/1060 --timeout 1h"), io.Discard) }()
	waiting := func() bool {
		res, _ := l.Host("guinness").Run(t.Context(), "state")
		return regexp.MustCompile("(?m)^process .*await").MatchString(res.Stdout)
	}
	poll(t, "await runs", waiting)
	cancel()
	if err := <-done; err == nil {
		t.Error("the wait came out well")
	}
	poll(t, "await has ended", func() bool { return !waiting() })
}

func poll(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// The agent behind the door is the host's own: streams, ends, signals and
// terminals, several at once.
func testAgent(t *testing.T, d door) {
	c := d.found
	ctx := limited(t)
	a, err := c.Agent(ctx, "guinness")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	run := func(cmd agent.Command) agent.Status {
		t.Helper()
		p, err := a.Start(ctx, cmd)
		if err != nil {
			t.Fatal(err)
		}
		status, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	var out, errs bytes.Buffer
	big := strings.Repeat("a line of some length\n", 200_000) // twice SSH's window
	if status := run(agent.Command{Args: []string{"cat"}, Stdin: strings.NewReader(big), Stdout: &out}); status.Code != 0 || out.String() != big {
		t.Errorf("cat: %+v, %d bytes; want %d", status, out.Len(), len(big))
	}
	out.Reset()
	status := run(agent.Command{Args: []string{"sh", "-c", "hostname; hostname >&2; exit 3"}, Stdout: &out, Stderr: &errs})
	if status.Code != 3 || out.String() != "guinness\n" || errs.String() != "guinness\n" {
		t.Errorf("sh: %+v, %q, %q", status, out.String(), errs.String())
	}

	// The host answers and ends the channel in the same breath.
	for range 300 {
		if status := run(agent.Command{Args: []string{"nonsense"}}); status.Code != 127 {
			t.Fatalf("nonsense: %+v", status)
		}
	}

	server, err := a.Start(ctx, agent.Command{Args: []string{"udp_remote", "server", ""}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(ctx, strings.Fields("wait guinness udp/1060"), io.Discard); err != nil {
		t.Fatal(err)
	}
	server.Signal("INT")
	if status, err := server.Wait(); err != nil || status.Signal != "SIGINT" {
		t.Errorf("the server ended with %+v, %v", status, err)
	}

	if _, err := c.Agent(ctx, "tower"); err == nil || !strings.Contains(err.Error(), `no host "tower"`) {
		t.Errorf("tower: %v", err)
	}
	if err := c.Run(ctx, strings.Fields("fault pause laptop"), io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Agent(ctx, "laptop"); err == nil || hint.Of(err) != "hostlab fault resume laptop" {
		t.Errorf("a paused host: %v, %q", err, hint.Of(err))
	}
	if err := c.Run(ctx, strings.Fields("fault clear"), io.Discard); err != nil {
		t.Error(err)
	}
}

// What a client started ends with the client, the host goes on; and a client
// whose program reads nothing and says nothing can leave as well.
func testClientLeaves(t *testing.T, d door) {
	l, c := d.lab, d.found
	a, err := c.Agent(limited(t), "guinness")
	if err != nil {
		t.Fatal(err)
	}
	endless, feed := io.Pipe()
	defer endless.Close()
	var fed atomic.Int64
	go func() {
		for buf := make([]byte, 1<<16); ; fed.Add(1) {
			if _, err := feed.Write(buf); err != nil {
				return
			}
		}
	}()
	if _, err := a.Start(t.Context(), agent.Command{Args: []string{"udp_remote", "server", ""}, Stdin: endless}); err != nil {
		t.Fatal(err)
	}
	if err := l.Host("guinness").AwaitBound(limited(t), "udp/1060"); err != nil {
		t.Fatal(err)
	}
	// Until every buffer on the way is full: nothing moves any more.
	for still, last := 0, int64(0); still < 20; time.Sleep(5 * time.Millisecond) {
		still++
		if now := fed.Load(); now != last {
			still, last = 0, now
		}
	}
	a.Close()
	if _, err := l.Host("guinness").Run(limited(t), "await", "gone", "udp/1060"); err != nil {
		t.Errorf("the program is still there: %v", err)
	}
}

// Close ends what others do, and the door is gone.
func testClose(t *testing.T, d door) {
	s, c := d.server, d.found
	a, err := c.Agent(limited(t), "guinness")
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Start(t.Context(), agent.Command{Args: []string{"udp_remote", "server", ""}})
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() {
		waiting <- c.Run(context.Background(), strings.Fields("wait guinness tcp/9 --timeout 1h"), io.Discard)
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Wait(); !errors.Is(err, agent.ErrGone) {
		t.Errorf("the program ended with %v; want that the host is gone", err)
	}
	if err := <-waiting; err == nil {
		t.Error("the wait came out well")
	}
	if err := s.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := control.Find(t.Context(), ""); err == nil || hint.Of(err) != "hostlab lab" {
		t.Errorf("after the end: %v, %q", err, hint.Of(err))
	}
	if left, _ := filepath.Glob(os.Getenv("XDG_RUNTIME_DIR") + "/hostlab/*"); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// What makes no sense is answered, and the door stays open.
func testBadRequests(t *testing.T, d door) {
	path, _ := filepath.Glob(os.Getenv("XDG_RUNTIME_DIR") + "/hostlab/*.sock")
	for _, tt := range []struct{ request, want string }{
		{"nonsense\n", "control: request: invalid character"},
		{`{"hostlab":2,"do":"info"}` + "\n", "version 1 of the protocol, you speak 2"},
		{`{"hostlab":1,"do":"explode"}` + "\n", "want info, verb or agent"},
		{`{"hostlab":1,"do":"agent","host":"tower"}` + "\n", "tower"},
		{`{"hostlab":1,"do":"verb"}` + "\n", "a lab knows"},
		{strings.Repeat("x", 1<<20+1), ""}, // it hangs up
	} {
		c, err := net.Dial("unix", path[0])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, tt.request) // the last one may be cut short
		text, _ := io.ReadAll(c)
		c.Close()
		var answer struct{ End struct{ Error string } }
		json.Unmarshal(text, &answer)
		if !strings.Contains(answer.End.Error, tt.want) || tt.want == "" && len(text) > 0 {
			t.Errorf("%.40q is answered %q; want %q", tt.request, text, tt.want)
		}
	}
	if _, err := control.Find(t.Context(), "mine"); err != nil {
		t.Error(err)
	}
}
