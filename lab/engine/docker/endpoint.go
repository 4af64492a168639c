package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/docker/docker/client"
)

// An endpoint is where an engine listens and who said so.
type endpoint struct {
	host string // "unix:///var/run/docker.sock"
	from string // "DOCKER_HOST", "docker context desktop-linux", "" for the usual place
	mend string // a command to paste when nothing answers there
}

// local says whether the engine is on this computer, as far as the address
// tells: one on tcp://127.0.0.1 may as well be the end of a tunnel.
func (e endpoint) local() bool {
	return strings.HasPrefix(e.host, "unix://") || strings.HasPrefix(e.host, "npipe://")
}

// findEndpoint decides as the docker command does. Reading the command's own
// files replaces its library, which has ten times the size of this package.
func findEndpoint(configured string) endpoint {
	if configured != "" {
		return endpoint{host: configured, from: "the configuration", mend: startCommand()}
	}
	if host := os.Getenv(client.EnvOverrideHost); host != "" {
		return endpoint{host: host, from: client.EnvOverrideHost, mend: "unset " + client.EnvOverrideHost}
	}
	if name := contextName(); name != "" && name != "default" {
		if host := contextHost(name); host != "" {
			return endpoint{host: host, from: "docker context " + name, mend: "docker context use default"}
		}
	}
	for _, path := range usualSockets() {
		if _, err := os.Stat(path); err == nil {
			return endpoint{host: "unix://" + path, mend: startCommand()}
		}
	}
	return endpoint{host: client.DefaultDockerHost, mend: startCommand()}
}

// startCommand is what starts the engine of this computer.
func startCommand() string {
	switch runtime.GOOS {
	case "linux":
		return "sudo systemctl start docker   # not installed? https://docs.docker.com/engine/install/"
	case "darwin":
		return "open -a Docker   # not installed? https://docs.docker.com/desktop/"
	default:
		return "start Docker Desktop   # not installed? https://docs.docker.com/desktop/"
	}
}

// usualSockets are where engines listen when nobody says otherwise: the
// system's, Docker Desktop's and the rootless one.
func usualSockets() []string {
	if runtime.GOOS == "windows" {
		return nil // client.DefaultDockerHost is the named pipe
	}
	paths := []string{strings.TrimPrefix(client.DefaultDockerHost, "unix://")}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".docker/run/docker.sock"), filepath.Join(home, ".docker/desktop/docker.sock"))
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "docker.sock"))
	}
	return paths
}

// contextName returns the current docker context, "" when there is none.
func contextName() string {
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		return name
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	readJSON(filepath.Join(dockerConfigDir(), "config.json"), &config)
	return config.CurrentContext
}

// contextHost returns the endpoint of a docker context. The directory's name
// is the digest of the context's (docker/cli, cli/context/store).
func contextHost(name string) string {
	sum := sha256.Sum256([]byte(name))
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	readJSON(filepath.Join(dockerConfigDir(), "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"), &meta)
	return meta.Endpoints["docker"].Host
}

func dockerConfigDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".docker"
	}
	return filepath.Join(home, ".docker")
}

// readJSON leaves v as it is when the file is missing or not JSON: the docker
// command is the one to complain about its files.
func readJSON(path string, v any) {
	if data, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(data, v) // see above
	}
}

func (e endpoint) String() string {
	if e.from == "" {
		return e.host
	}
	return fmt.Sprintf("%s (from %s)", e.host, e.from)
}
