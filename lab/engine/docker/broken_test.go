package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"

	"hostlab/lab/engine"
	"hostlab/lab/hint"
)

// A fakeEngine listens on a socket and answers what the test says.
func fakeEngine(t *testing.T, handler http.HandlerFunc) (endpoint string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return "unix://" + socket
}

// answers makes a fake engine's handler: a ping with an API version, and the
// answer to info.
func answers(api, info string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", api)
		w.Header().Set("Ostype", "linux")
		if strings.HasSuffix(r.URL.Path, "/info") {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, info)
		}
	}
}

// TestUnavailable: whatever is wrong with the engine, the error is
// engine.ErrUnavailable, says what it is, and has a command to paste.
func TestUnavailable(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.sock")
	stopped := stoppedSocket(t)
	silent := make(chan struct{})
	defer close(silent)
	for _, test := range []struct {
		name     string
		endpoint string
		want     string
		hint     string
	}{
		{"no socket", "unix://" + none, "no engine answers", "start docker"},
		{"nobody listens", "unix://" + stopped, "no engine answers", "start docker"},
		{"no machine", "tcp://127.0.0.1:1", "tcp://127.0.0.1:1 (from the configuration): connect: no engine answers", "docker"},
		{"not an address", "telegraph", "telegraph", "docker"},
		{"too old", fakeEngine(t, answers("1.38", "{}")), "too old: it has API 1.38, and hosts want 1.41 (Docker 20.10)", "https://docs.docker.com/engine/install/"},
		{"Windows containers", fakeEngine(t, answers("1.47", `{"OSType":"windows"}`)), "runs windows containers", "-SwitchLinuxEngine"},
		{"silent", fakeEngine(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-silent:
			case <-r.Context().Done():
			}
		}), "no answer within", "start docker"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := New(Config{Endpoint: test.endpoint, Binary: standinBinary})
			if test.name == "silent" {
				defer func(was time.Duration) { pingTimeout = was }(pingTimeout)
				pingTimeout = 50 * time.Millisecond
			}
			_, err := e.Up(t.Context(), pair(), engine.Options{})
			checkUnavailable(t, err, test.want, test.hint)
			_, err = e.Sweep(t.Context())
			checkUnavailable(t, err, test.want, test.hint)
			f := e.Check(t.Context())[0]
			if f.OK || f.Name != "engine" || !strings.Contains(f.Detail, test.want) || !strings.Contains(f.Mend, test.hint) {
				t.Errorf("Check: %+v; want the same error", f)
			}
		})
	}
}

func checkUnavailable(t *testing.T, err error, want, wantHint string) {
	t.Helper()
	if !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("%v: not engine.ErrUnavailable", err)
	}
	if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "docker: ") {
		t.Errorf("error %v; want %q in it", err, want)
	}
	if !strings.Contains(hint.Of(err), wantHint) {
		t.Errorf("hint %q; want %q in it", hint.Of(err), wantHint)
	}
}

// stoppedSocket is the socket of an engine that has ended without removing it.
func stoppedSocket(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "stopped.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	return path
}

// TestDockerHost: who named the address is named, and how to take it back. No
// other engine is used instead, as testcontainers-go would.
func TestDockerHost(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	_, err := New(Config{Binary: standinBinary}).Up(t.Context(), pair(), engine.Options{})
	checkUnavailable(t, err, "tcp://127.0.0.1:1 (from DOCKER_HOST)", "unset DOCKER_HOST")
}

// TestImageDeleted deletes the lab image between the look for it and the start
// of the hosts.
func TestImageDeleted(t *testing.T) {
	e := newEngine(t)
	c, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	in, err := e.Up(t.Context(), pair(), engine.Options{Progress: func(line string) {
		said = append(said, line)
		if strings.HasPrefix(line, "starting") {
			i, err := e.makeImage(t.Context(), c.arch, func(string, ...any) {})
			if err == nil {
				_, err = c.api.ImageRemove(t.Context(), i.Tag, image.RemoveOptions{Force: true})
			}
			if err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil {
		t.Fatalf("Up: %v", err)
	}
	defer in.Down(t.Context())
	if !strings.Contains(strings.Join(said, "\n"), "is gone; loading it again") {
		t.Errorf("said %q; want that the image was loaded again", said)
	}
}

// TestImageAlwaysDeleted is an engine that never has the image.
func TestImageAlwaysDeleted(t *testing.T) {
	e, real := meddled(t, func(w http.ResponseWriter, r *http.Request, forward func(context.Context)) {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"message":"No such image: hostlab/host"}`)
			return
		}
		forward(r.Context())
	})
	_, err := e.Up(t.Context(), pair(), engine.Options{})
	if err == nil || !strings.Contains(err.Error(), "is deleted as fast as it is loaded") || hint.Of(err) != "docker events --filter type=image" {
		t.Errorf("Up: %v, hint %q", err, hint.Of(err))
	}
	me, _ := self()
	if n := left(t, real, me.String()); n != 0 {
		t.Errorf("%d containers and networks are left", n)
	}
}

// TestCanceledInTheMiddle ends the context while the engine creates a
// container, which it goes on to do when nobody waits for it any more.
func TestCanceledInTheMiddle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var at sync.WaitGroup
	e, real := meddled(t, func(_ http.ResponseWriter, r *http.Request, forward func(context.Context)) {
		if !strings.HasSuffix(r.URL.Path, "/containers/create") {
			forward(r.Context())
			return
		}
		at.Add(1)
		defer at.Done()
		cancel()
		select { // as long as a client that breaks off needs to clean up
		case <-r.Context().Done():
			<-time.After(time.Second)
		case <-time.After(time.Second):
		}
		forward(context.WithoutCancel(r.Context()))
	})
	if _, err := e.Up(ctx, lan(1), engine.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Up: %v; want context.Canceled", err)
	}
	at.Wait()
	me, _ := self()
	if n := left(t, real, me.String()); n != 0 {
		t.Errorf("%d containers and networks are left", n)
	}
}

// meddled returns an engine whose requests pass through a function, which
// forwards them to the real one or does not.
func meddled(t *testing.T, meddle func(http.ResponseWriter, *http.Request, func(context.Context))) (*Engine, *connection) {
	t.Helper()
	real, err := newEngine(t).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to, ok := strings.CutPrefix(real.endpoint.host, "unix://")
	if !ok {
		t.Skipf("the engine is at %s; this test stands between us and a socket", real.endpoint)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", to)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	endpoint := fakeEngine(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		meddle(w, r, func(ctx context.Context) {
			out := r.Clone(ctx)
			out.URL.Scheme, out.URL.Host, out.RequestURI = "http", "engine", ""
			out.Body = io.NopCloser(bytes.NewReader(body))
			answer, err := transport.RoundTrip(out)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer answer.Body.Close()
			for name, values := range answer.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.StatusCode)
			io.Copy(w, answer.Body)
		})
	})
	return New(Config{Names: []string{"udp_remote", "sh"}, Binary: standinBinary, Endpoint: endpoint}), real
}

// TestPermission asks as a user who may not use the socket.
func TestPermission(t *testing.T) {
	if what := os.Getenv("HOSTLAB_TEST_PERMISSION"); what != "" {
		_, err := New(Config{Endpoint: what}).Sweep(t.Context())
		checkUnavailable(t, err, "this user may not use the engine", "usermod -aG docker")
		return
	}
	asNobody, ok := credentialOfNobody()
	if os.Getuid() != 0 || !ok {
		t.Skip("only root can become a user who may not")
	}
	endpoint := fakeEngine(t, answers("1.41", "{}"))
	path := strings.TrimPrefix(endpoint, "unix://")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := ownProgram()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "^TestPermission$", "-test.count=1")
	cmd.Env = append(os.Environ(), "HOSTLAB_TEST_PERMISSION="+endpoint)
	cmd.Dir = "/"
	cmd.SysProcAttr = asNobody
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// TestTopologyIsValidated before any engine is asked.
func TestTopologyIsValidated(t *testing.T) {
	top := pair()
	top.Hosts[1].Interfaces[0].Addrs = top.Hosts[0].Interfaces[0].Addrs
	_, err := New(Config{Endpoint: "unix:///nowhere"}).Up(t.Context(), top, engine.Options{})
	if err == nil || errors.Is(err, engine.ErrUnavailable) || !strings.Contains(err.Error(), "topology: ") {
		t.Errorf("Up: %v; want what is wrong with the topology", err)
	}
}

func TestBinaryFails(t *testing.T) {
	newEngine(t) // or skip
	broken := errors.New("no toolchain")
	e := New(Config{Binary: func(context.Context, string) ([]byte, error) { return nil, fmt.Errorf("image: %w", broken) }})
	if _, err := e.Up(t.Context(), pair(), engine.Options{}); !errors.Is(err, broken) {
		t.Errorf("Up: %v; want why there is no binary", err)
	}
	me, _ := self()
	c, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := left(t, c, me.String()); n != 0 {
		t.Errorf("%d containers and networks are left", n)
	}
}

// TestStuckNetwork is an engine that does not let a network go, as 20.10 does
// when it has miscounted the hosts on it.
func TestStuckNetwork(t *testing.T) {
	for _, test := range []struct {
		name    string
		created string
		most    time.Duration
	}{
		{"old", "2020-01-01T00:00:00Z", time.Second},
		{"young", "2999-01-01T00:00:00Z", 2 * stuckAge},
	} {
		t.Run(test.name, func(t *testing.T) {
			endpoint := fakeEngine(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.Method == http.MethodDelete:
					w.WriteHeader(http.StatusForbidden)
					io.WriteString(w, `{"message":"error while removing network: network hostlab-1 has active endpoints"}`)
				case strings.HasSuffix(r.URL.Path, "/networks"):
					fmt.Fprintf(w, `[{"Name":"hostlab-1","Id":"1","Created":%q,"Labels":{"hostlab.lab":"1"}}]`, test.created)
				case strings.HasSuffix(r.URL.Path, "/containers/json"):
					io.WriteString(w, "[]")
				}
			})
			api, err := newClient(endpoint)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			begin := time.Now()
			s, err := (&connection{api: api}).removeAll(ctx, labelled(labelLab, "1"))
			if err == nil || !strings.Contains(err.Error(), "network hostlab-1: cannot be removed") || !strings.Contains(hint.Of(err), "restart docker") {
				t.Errorf("removeAll: %v, hint %q", err, hint.Of(err))
			}
			if took := time.Since(begin); took > test.most || s.Networks != 0 {
				t.Errorf("given up after %v, with %d networks removed; want at most %v, and none", took, s.Networks, test.most)
			}
		})
	}
}
