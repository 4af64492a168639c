package lab_test

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"hostlab/lab"
)

const (
	request = "This is another message"
	waiting = `(?:Waiting up to [\d.]+ seconds for a reply\n)+` // more than one where the machine stalled
	reply   = "The server says 'Your data was 23 bytes'\n"
	gaveUp  = "I think the server is down"
)

// silence is the whole back-off: five sends, each with twice the patience.
const silence = "Waiting up to 0.1 seconds for a reply\n" +
	"Waiting up to 0.2 seconds for a reply\n" +
	"Waiting up to 0.4 seconds for a reply\n" +
	"Waiting up to 0.8 seconds for a reply\n" +
	"Waiting up to 1.6 seconds for a reply\n"

// client runs udp_remote's client, wants its exit status and standard output
// (a regexp after the name line), and returns its port and standard error.
func client(t *testing.T, h *lab.Host, to string, self netip.Addr, code int, out string) (port, stderr string) {
	t.Helper()
	res := run(t, h, code, "udp_remote", "client", to)
	want := regexp.MustCompile(`^Client socket name is \('` + regexp.QuoteMeta(self.String()) + `', (\d+)\)\n` + out + `$`)
	m := want.FindStringSubmatch(res.Stdout)
	if m == nil {
		t.Fatalf("%s: udp_remote client %s printed\n%s%s\nwant %s", h.Name, to, res.Stdout, res.Stderr, want)
	}
	return m[1], res.Stderr
}

// answered wants the client on h to be answered by server, both ends' lines
// and names: self is the address the client must have, and the server must
// have seen it under.
func answered(t *testing.T, h *lab.Host, to string, self netip.Addr, server *lab.Process) {
	t.Helper()
	port, _ := client(t, h, to, self, 0, waiting+regexp.QuoteMeta(reply))
	want := fmt.Sprintf("The client at ('%s', %s) says '%s'", self, port, request)
	if _, err := server.WaitLine(soon(t), want); err != nil {
		t.Fatal(err)
	}
}

// refused wants the client on h to be told so by a kernel: ECONNREFUSED, 111,
// within the first wait.
func refused(t *testing.T, h *lab.Host, to string, self netip.Addr) {
	t.Helper()
	_, stderr := client(t, h, to, self, 1, "Waiting up to 0.1 seconds for a reply\n")
	if want := "udp_remote: Connection refused\n"; stderr != want {
		t.Errorf("%s: client %s: %q; want %q", h.Name, to, stderr, want)
	}
	errno(t, h, "ECONNREFUSED", 111, "udp_remote", "--json", "client", to)
}

// silent wants the client on h to hear nothing at all and to give up.
func silent(t *testing.T, h *lab.Host, to string, self netip.Addr) {
	t.Helper()
	_, stderr := client(t, h, to, self, 1, regexp.QuoteMeta(silence))
	if want := gaveUp + "\n"; stderr != want {
		t.Errorf("%s: client %s: %q; want %q", h.Name, to, stderr, want)
	}
}

// errno wants a program to fail with that error of the kernel.
func errno(t *testing.T, h *lab.Host, name string, number int, args ...string) {
	t.Helper()
	res := run(t, h, 1, args...)
	for _, want := range []string{fmt.Sprintf(`"errno":"%s"`, name), fmt.Sprintf(`"number":%d`, number)} {
		if !strings.Contains(res.Stdout+res.Stderr, want) {
			t.Errorf("%s: %s: no %s in\n%s%s", h.Name, strings.Join(args, " "), want, res.Stdout, res.Stderr)
		}
	}
}

// faulty puts a fault on a host and takes it away when the test ends.
func faulty(t *testing.T, h *lab.Host, args ...string) {
	t.Helper()
	run(t, h, 0, append([]string{"fault"}, args...)...)
	t.Cleanup(func() {
		if _, err := h.Run(context.Background(), "fault", "clear"); err != nil {
			t.Error(err)
		}
	})
}

var loopback = netip.MustParseAddr("127.0.0.1")
