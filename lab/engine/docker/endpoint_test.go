package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hostlab/lab/engine"
)

// TestFindEndpoint: the docker command's own order.
func TestFindEndpoint(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_HOST", "")
	writeContext(t, dir, "class", "unix:///class.sock")
	if got := findEndpoint(""); got.from != "" {
		t.Errorf("nothing said: %+v", got)
	}
	writeFile(t, filepath.Join(dir, "config.json"), `{"currentContext": "class"}`)
	for _, test := range []struct{ configured, host, context, want string }{
		{"", "", "", "unix:///class.sock (from docker context class)"},
		{"", "", "class", "unix:///class.sock (from docker context class)"},
		{"", "tcp://a:2375", "class", "tcp://a:2375 (from DOCKER_HOST)"},
		{"ssh://b", "tcp://a:2375", "class", "ssh://b (from the configuration)"},
	} {
		t.Setenv("DOCKER_HOST", test.host)
		t.Setenv("DOCKER_CONTEXT", test.context)
		if got := findEndpoint(test.configured).String(); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	t.Setenv("DOCKER_HOST", "")
	for _, name := range []string{"default", "nosuch"} {
		t.Setenv("DOCKER_CONTEXT", name)
		if got := findEndpoint(""); got.from != "" {
			t.Errorf("context %s: %s; want the usual place", name, got)
		}
	}
}

func writeContext(t *testing.T, dir, name, host string) {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	writeFile(t, filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"),
		fmt.Sprintf(`{"Name":%q,"Endpoints":{"docker":{"Host":%q}}}`, name, host))
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestSSH reaches the engine through a command in the place of ssh, which runs
// on this machine what it is asked to run on the other.
func TestSSH(t *testing.T) {
	c, err := newEngine(t).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skipf("the other machine would need the docker command: %v", err)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "ssh"), fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s/args\nDOCKER_HOST=%s exec %s system dial-stdio\n", dir, c.endpoint.host, docker))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	e := New(Config{Names: []string{"udp_remote", "sh"}, Binary: standinBinary, Endpoint: "ssh://reader@machine:2222"})
	l := up(t, e, pair())
	if got := newTalk(t, l).ask("h1", "echo hello"); got != "hello" {
		t.Errorf("h1 says %q", got)
	}
	if !l.c.remote() {
		t.Error("the engine counts as local")
	}
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	want := "-T -o ConnectTimeout=10 -l reader -p 2222 -- machine docker system dial-stdio"
	if err != nil || !strings.HasPrefix(string(args), want+"\n") {
		t.Errorf("ssh was called with %q, %v; want %q", args, err, want)
	}
}

// TestSSHFails: what ssh says is in the error.
func TestSSHFails(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "ssh"), "#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	_, err := New(Config{Endpoint: "ssh://machine"}).Up(t.Context(), pair(), engine.Options{})
	checkUnavailable(t, err, "Host key verification failed.", "docker")
	_, err = New(Config{Endpoint: "ssh://-oProxyCommand=bad"}).Up(t.Context(), pair(), engine.Options{})
	checkUnavailable(t, err, "want ssh://user@machine", "docker")
}

func TestUsualSockets(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_CONFIG", dir)
	socket := filepath.Join(dir, ".docker", "run", "docker.sock")
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	list := usualSockets()
	if len(list) < 3 || list[1] != socket {
		t.Errorf("usual sockets %q; want %s second", list, socket)
	}
}
