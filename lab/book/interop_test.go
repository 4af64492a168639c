package book

import (
	"os/exec"
	"strings"
	"testing"
)

// python returns a Python 3, without which a test has nothing to compare with.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on this machine to talk to")
	}
	return path
}

// pythonServer starts a server of testdata/peer.py and returns its port.
func pythonServer(t *testing.T, role string) (*running, string) {
	t.Helper()
	cmd := exec.Command(python(t), "testdata/peer.py", role)
	r := &running{t: t, name: role, out: make(lines, 100), err: make(lines, 100)}
	pieces := &byLine{to: r.out}
	cmd.Stdout = pieces
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return r, r.line()
}

// pythonClient runs a client of testdata/peer.py and returns what it printed.
func pythonClient(t *testing.T, role, port string) string {
	t.Helper()
	out, err := exec.Command(python(t), "testdata/peer.py", role, port).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// A byLine hands on whole lines, however they come.
type byLine struct {
	to   lines
	rest string
}

func (b *byLine) Write(p []byte) (int, error) {
	b.rest += string(p)
	for {
		line, rest, ok := strings.Cut(b.rest, "\n")
		if !ok {
			return len(p), nil
		}
		b.to <- line
		b.rest = rest
	}
}

func TestPythonClients(t *testing.T) {
	t.Parallel()
	python(t)

	srv, port := server(t, "udp_remote", "127.0.0.1")
	name, ok := strings.CutSuffix(pythonClient(t, "udp_connected", port), " b'Your data was 23 bytes'")
	if !ok {
		t.Errorf("the connected client printed %q", name)
	}
	srv.want("The client at " + name + " says 'This is another message'")
	if got, want := pythonClient(t, "udp_unconnected", port), "('127.0.0.1', "+port+") b'Your data was 7 bytes'"; got != want {
		t.Errorf("the unconnected client printed %q; want %q", got, want)
	}
	srv.match(`The client at \('127.0.0.1', \d+\) says "it's me"`)

	srv, port = server(t, "tcp_sixteen", "127.0.0.1")
	name, ok = strings.CutSuffix(pythonClient(t, "sixteen_client", port), " b'Farewell, client'")
	if !ok {
		t.Errorf("the client of sixteen printed %q", name)
	}
	srv.want("Waiting to accept a new connection", "We have accepted a connection from "+name,
		"  Socket name: ('127.0.0.1', "+port+")", "  Socket peer: "+name,
		"  Incoming sixteen-octet message: b'Hi there, server'", "  Reply sent, socket closed")

	srv, port = server(t, "tcp_deadlock", "127.0.0.1")
	if got, want := pythonClient(t, "capitals_client", port), "b'"+strings.Repeat("CAPITALIZE THIS!", 3)+"' b''"; got != want {
		t.Errorf("the client of capitals printed %q; want %q", got, want)
	}
	srv.match(`Processing up to 1024 bytes at a time from .*`)
	srv.want("  48 bytes processed so far", "  Socket closed")
}

func TestPythonServers(t *testing.T) {
	t.Parallel()
	python(t)

	srv, port := pythonServer(t, "udp_server")
	client := start(t, "udp_remote", "client", "127.0.0.1", "-p", port)
	name := client.match(`Client socket name is (.*)`)[0]
	client.says("'Your data was 23 bytes'")
	client.end(0)
	srv.want(name + " b'This is another message'")

	local := start(t, "udp_local", "client", "-p", port)
	local.match(`The OS assigned me the address \('0.0.0.0', \d+\)`)
	local.want("The server ('127.0.0.1', " + port + ") replied 'Your data was 38 bytes'")
	local.end(0)

	srv, port = pythonServer(t, "sixteen_server")
	client = start(t, "tcp_sixteen", "client", "127.0.0.1", "-p", port)
	client.match(`Client has been assigned socket name .*`)
	client.want("The server said b'Farewell, client'")
	client.end(0)
	srv.want("b'Hi there, server'")

	srv, port = pythonServer(t, "capitals_server")
	client = start(t, "tcp_deadlock", "client", "127.0.0.1", "40", "-p", port)
	client.want("Sending 48 bytes of data, in chunks of 16 bytes", "  48 bytes sent",
		"Receiving all the data the server sends back",
		"  The first data received says b'CAPITALIZE THIS!CAPITALIZE THIS!CAPITALIZE'", "  48 bytes received")
	client.end(0)
	srv.want("48")
}
