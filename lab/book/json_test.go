package book

import (
	"regexp"
	"strings"
	"testing"
)

// take returns the next n lines of standard output.
func (r *running) take(n int) string {
	r.t.Helper()
	var b strings.Builder
	for range n {
		b.WriteString(r.line() + "\n")
	}
	return b.String()
}

// until returns the lines of standard output up to the event with that name.
func (r *running) until(name string) string {
	r.t.Helper()
	for all := ""; ; {
		line := r.take(1)
		all += line
		if strings.Contains(line, `"event":"`+name+`"`) {
			return all
		}
	}
}

func TestJSONRemote(t *testing.T) {
	t.Parallel()
	srv := start(t, "udp_remote", "server", "127.0.0.1", "-p", "0", "--json", "--drop-first", "1")
	listening := srv.take(1)
	at := events(t, listening)[0].Local
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(at), "--json")
	story := client.until("reply")
	client.end(0)
	// A busy machine may make the client ask more often than twice.
	if got, want := kinds(t, "udp_remote", story), "connected sent waiting( sent waiting)+ reply"; !regexp.MustCompile("^" + want + "$").MatchString(got) {
		t.Fatalf("client's events %s; want %s", got, want)
	}
	e := events(t, story)
	me, last := e[0].Local, e[len(e)-1]
	if e[0].Peer != at || !me.IsValid() {
		t.Errorf("connected %v to %v; want to %v", me, e[0].Peer, at)
	}
	if *e[1].Text != "This is another message" || *e[1].Bytes != 23 || e[1].Data != nil {
		t.Errorf("sent %q, %d bytes, data %q", *e[1].Text, *e[1].Bytes, e[1].Data)
	}
	if *last.Text != "Your data was 23 bytes" || *last.Bytes != 22 {
		t.Errorf("reply %q, %d bytes", *last.Text, *last.Bytes)
	}
	dropped := events(t, srv.take(1))[0]
	if dropped.Event != "dropped" || dropped.Peer != me || *dropped.Bytes != 23 || dropped.Text != nil {
		t.Errorf("%+v; want dropped, %v, 23 bytes and no text", dropped, me)
	}
	for range (len(e) - 4) / 2 { // the sends but the first
		srv.take(2)
	}

	conn, other := peerUDP(t)
	send(t, conn, portOf(at), "")
	send(t, conn, portOf(at), "\xff\u00e9")
	told := srv.take(4)
	if got, want := kinds(t, "udp_remote", told), "request replied request replied"; got != want {
		t.Fatalf("server's events %s; want %s", got, want)
	}
	s := events(t, told)
	if s[0].Peer != other || s[0].Text == nil || *s[0].Text != "" || *s[0].Bytes != 0 {
		t.Errorf("an empty datagram: %+v", s[0])
	}
	if *s[2].Text != "\ufffd\u00e9" || string(s[2].Data) != "\xff\u00e9" || *s[2].Bytes != 3 {
		t.Errorf("not ASCII: text %q, data %q, %d bytes", *s[2].Text, s[2].Data, *s[2].Bytes)
	}
	srv.stop()
}

// An error has the errno's name and number, on standard output with the rest.
func TestJSONError(t *testing.T) {
	t.Parallel()
	closed, addr := peerUDP(t)
	closed.Close()
	for _, tt := range []struct {
		name, line, errno, message string
	}{
		{"udp_remote", "client 127.0.0.1 -p " + portOf(addr), "ECONNREFUSED", "Connection refused"},
		{"udp_remote", "server 192.0.2.1", "EADDRNOTAVAIL", "Cannot assign requested address"},
		{"tcp_sixteen", "server 192.0.2.1", "EADDRNOTAVAIL", "Cannot assign requested address"},
		{"udp_local", "client " + strings.Repeat("n", 64), "", "Name or service not known: " + strings.Repeat("n", 64)},
	} {
		out, errs, status := call(tt.name, append(strings.Fields(tt.line), "--json")...)
		all := events(t, out)
		e := all[len(all)-1]
		if status != 1 || errs != "" || e.Event != "error" || e.Errno != tt.errno || e.Message != tt.message || (e.Number != 0) != (tt.errno != "") {
			t.Errorf("%s %s: exit status %d, standard error %q, last event %+v", tt.name, tt.line, status, errs, e)
		}
	}
	// Misuse is not the lab's evidence but the person's: plain, on standard error.
	out, errs, status := call("udp_remote", "--json", "dance")
	if status != 2 || out != "" || !strings.HasPrefix(errs, `udp_remote: role "dance"`) {
		t.Errorf("misuse: exit status %d, %q, %q", status, out, errs)
	}
}

// The back-off: sends at 0, 0.1, 0.3, 0.7 and 1.5 s, and an end at 3.1 s. Time
// is bounded from below only; a busy machine makes it longer.
func TestJSONDown(t *testing.T) {
	t.Parallel()
	_, addr := peerUDP(t) // silent
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr), "--json")
	story := client.until("error")
	client.end(1)
	if got, want := kinds(t, "udp_remote", story), "connected"+strings.Repeat(" sent waiting", 5)+" error"; got != want {
		t.Fatalf("events %s; want %s", got, want)
	}
	e := events(t, story)
	for i, wait := range []float64{0.1, 0.2, 0.4, 0.8, 1.6} {
		waiting, next := e[2+2*i], e[3+2*i]
		if waiting.Seconds != wait {
			t.Errorf("wait %d is %v s; want %v", i, waiting.Seconds, wait)
		}
		if d := next.Time.Sub(waiting.Time).Seconds(); d < wait {
			t.Errorf("wait %d took %v s; want %v", i, d, wait)
		}
	}
	if last := e[len(e)-1]; last.Message != "I think the server is down" || last.Errno != "" {
		t.Errorf("the error is %+v", last)
	}
}

func TestJSONSeed(t *testing.T) {
	t.Parallel()
	srv := start(t, "udp_remote", "server", "127.0.0.1", "-p", "0", "--json", "--drop", "50%")
	told := srv.take(2)
	if got, want := kinds(t, "udp_remote", told), "seed listening"; got != want {
		t.Fatalf("events %s; want %s", got, want)
	}
	if events(t, told)[0].Seed == nil {
		t.Error("the event seed has no seed")
	}
	srv.stop()
}

func TestJSONOthers(t *testing.T) {
	t.Parallel()
	local := start(t, "udp_local", "server", "-p", "0", "--json")
	port := portOf(events(t, local.take(1))[0].Local)
	out, _, _ := call("udp_local", "client", "-p", port, "--json")
	if got, want := kinds(t, "udp_local", out), "sent reply"; got != want {
		t.Errorf("udp_local client: %s; want %s", got, want)
	}
	if got, want := kinds(t, "udp_local", local.take(2)), "request replied"; got != want {
		t.Errorf("udp_local server: %s; want %s", got, want)
	}

	cast := start(t, "udp_broadcast", "server", "127.0.0.1", "-p", "0", "--json")
	port = portOf(events(t, cast.take(1))[0].Local)
	out, _, _ = call("udp_broadcast", "client", "127.0.0.1", "-p", port, "--json")
	if got, want := kinds(t, "udp_broadcast", out+cast.take(1)), "sent request"; got != want {
		t.Errorf("udp_broadcast: %s; want %s", got, want)
	}

	sixteen := start(t, "tcp_sixteen", "server", "127.0.0.1", "-p", "0", "--json")
	port = portOf(events(t, sixteen.take(1))[0].Local)
	out, _, _ = call("tcp_sixteen", "client", "127.0.0.1", "-p", port, "--json")
	if got, want := kinds(t, "tcp_sixteen", out), "connected sent reply"; got != want {
		t.Errorf("tcp_sixteen client: %s; want %s", got, want)
	}
	if got, want := kinds(t, "tcp_sixteen", sixteen.take(6)), "accepting accepted request replied closed accepting"; got != want {
		t.Errorf("tcp_sixteen server: %s; want %s", got, want)
	}

	dead := start(t, "tcp_deadlock", "server", "127.0.0.1", "-p", "0", "--json")
	port = portOf(events(t, dead.take(1))[0].Local)
	out, _, _ = call("tcp_deadlock", "client", "127.0.0.1", "-p", port, "--json")
	if got, want := kinds(t, "tcp_deadlock", out), "sending progress receiving reply progress"; got != want {
		t.Errorf("tcp_deadlock client: %s; want %s", got, want)
	}
	told := dead.take(3)
	if got, want := kinds(t, "tcp_deadlock", told), "accepted progress closed"; got != want {
		t.Errorf("tcp_deadlock server: %s; want %s", got, want)
	}
	if e := events(t, told)[1]; e.Phase != "processed" || *e.Bytes != 16 {
		t.Errorf("progress %+v; want processed, 16 bytes", e)
	}
}

func TestJSONBigSender(t *testing.T) {
	t.Parallel()
	_, addr := peerUDP(t)
	out, errs, status := call("big_sender", "127.0.0.1", "1000000", "-p", portOf(addr), "--json")
	if status != 0 {
		t.Skipf("no path MTU here: %s%s", out, errs) // only Linux has it
	}
	e := events(t, out)
	if kinds(t, "big_sender", out) != "mtu" || e[0].MTU < 1500 || *e[0].Bytes != 1000000 {
		t.Errorf("events %s", out)
	}
}
