package book

import (
	"net"
	"strings"
	"testing"
)

// heard returns the next line that is not about waiting; how many of those
// there are is up to how busy the machine is.
func (r *running) heard() string {
	r.t.Helper()
	for {
		if line := r.line(); !strings.HasPrefix(line, "Waiting") {
			return line
		}
	}
}

// skip reads datagrams until one comes that is not the given one, of which the
// client may have sent several.
func skip(t *testing.T, conn *net.UDPConn, again string) string {
	t.Helper()
	for {
		if got := receive(t, conn); got != again {
			return got
		}
	}
}

// Without identifiers a client takes a late reply for that to its next
// question.
func TestUDPRemoteAsks(t *testing.T) {
	t.Parallel()
	conn, addr := peerUDP(t)
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr), "--ask", "one", "--ask", "two, and more")
	port := client.match(`Client socket name is \('127.0.0.1', (\d+)\)`)[0]
	if got := receive(t, conn); got != "one" {
		t.Errorf("asked %q first", got)
	}
	send(t, conn, port, "1")
	send(t, conn, port, "1 again")
	for _, want := range []string{"The server says '1'", "The server says '1 again'"} {
		if got := client.heard(); got != want {
			t.Errorf("printed %q; want %q", got, want)
		}
	}
	if got := skip(t, conn, "one"); got != "two, and more" {
		t.Errorf("asked %q next", got)
	}
	client.end(0)
}

// With identifiers it ignores what is not the reply to its request: a late one,
// and all that those send who can't read the request.
func TestUDPRemoteIdentifiers(t *testing.T) {
	t.Parallel()
	conn, addr := peerUDP(t)
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", portOf(addr), "--ids", "--ask", "one", "--ask", "two")
	port := client.match(`Client socket name is \('127.0.0.1', (\d+)\)`)[0]
	first := client.match(`This is request ([0-9a-f]{4})`)[0]
	if got, want := receive(t, conn), first+" one"; got != want {
		t.Errorf("sent %q; want %q", got, want)
	}
	send(t, conn, port, first+" 1")
	if got := client.heard(); got != "The server says '1'" {
		t.Errorf("printed %q", got)
	}
	second := client.match(`This is request ([0-9a-f]{4})`)[0]
	if first == second {
		t.Errorf("both requests are %s", first)
	}
	for _, wrong := range []string{first + " 1", "", second, "x" + second + " no", "no"} {
		send(t, conn, port, wrong)
		if got, want := client.heard(), "Ignoring "+quote([]byte(wrong)); got != want {
			t.Errorf("printed %q; want %q", got, want)
		}
	}
	if got, want := skip(t, conn, first+" one"), second+" two"; got != want {
		t.Errorf("sent %q; want %q", got, want)
	}
	send(t, conn, port, second+" 2")
	if got := client.heard(); got != "The server says '2'" {
		t.Errorf("printed %q", got)
	}
	client.end(0)
}

// exchange sends requests to a server and reads the replies that it has for
// each.
func exchange(t *testing.T, srv *running, port string, steps []struct {
	request string
	replies []string
}) {
	t.Helper()
	conn, _ := peerUDP(t)
	for _, s := range steps {
		send(t, conn, port, s.request)
		srv.match(`The client at .* says ` + quote([]byte(s.request)))
		for _, want := range s.replies {
			if got := receive(t, conn); got != want {
				t.Errorf("after %q: the server says %q; want %q", s.request, got, want)
			}
		}
		if s.replies == nil {
			srv.match(`Holding back the reply to .*`)
		}
	}
	srv.stop()
}

func TestServerIdentifiers(t *testing.T) {
	t.Parallel()
	srv, port := server(t, "udp_remote", "127.0.0.1", "--ids")
	exchange(t, srv, port, []struct {
		request string
		replies []string
	}{
		{"", []string{"Your data was 0 bytes"}}, // too short for an identifier
		{"abcd", []string{"Your data was 4 bytes"}},
		{"abcd ", []string{"abcd Your data was 0 bytes"}},
		{"abcd text", []string{"abcd Your data was 4 bytes"}},
	})
}

func TestServerLate(t *testing.T) {
	t.Parallel()
	srv, port := server(t, "udp_remote", "127.0.0.1", "--late")
	exchange(t, srv, port, []struct {
		request string
		replies []string
	}{
		{"1", nil},
		{"22", []string{"Your data was 2 bytes"}},
		{"333", []string{"Your data was 1 bytes", "Your data was 3 bytes"}},
		{"4444", []string{"Your data was 4 bytes"}},
	})
}

// A read that is too short loses the rest of its datagram, and only of that.
func TestServerRead(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"udp_broadcast", "udp_local", "udp_remote"} {
		srv := start(t, program, "server", "127.0.0.1", "-p", "0", "--read", "4")
		port := srv.match(`Listening .*, (\d+)\)`)[0]
		conn, own := peerUDP(t)
		for _, text := range []string{"12345", "1234", "", "abcdefgh"} {
			send(t, conn, port, text)
			if len(text) > 4 {
				srv.want("Read 4 bytes of a longer datagram from " + tuple(own))
			}
			srv.match(`The client at .* says:? ` + quote([]byte(text[:min(4, len(text))])))
		}
		srv.stop()
	}
}
