package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"hostlab/lab"
	"hostlab/lab/control"
	"hostlab/lab/topology"
)

// docker runs the docker command and returns what it prints.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command("docker", args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

// hostImage returns the image of a lab's hosts: a lab of one host brings it.
func hostImage(t *testing.T) string {
	e, err := lab.FindEngine("docker")
	if err != nil {
		t.Fatal(err)
	}
	top, err := topology.LAN("", topology.LANHost{Name: "laptop", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.5.10/24")}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Start(t.Context(), top, &lab.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for line := range strings.Lines(docker(t, "ps", "--filter", "label=hostlab.host=laptop", "--format", `{{.Image}} {{.Label "hostlab.owner"}}`)) {
		if image, owner, _ := strings.Cut(line, " "); strings.Contains(owner, fmt.Sprintf("/%d/", os.Getpid())) {
			return image
		}
	}
	t.Fatal("the lab's container is not there")
	return ""
}

// needsDocker skips a test of what only Docker has where none answers, unless
// HOSTLAB_STRICT is set.
func needsDocker(t *testing.T) {
	t.Helper()
	if exec.Command("docker", "version").Run() != nil && os.Getenv("HOSTLAB_STRICT") == "" {
		t.Skip("no Docker engine answers here")
	}
}

// What docker compose has up is a lab for the verbs, too: here two containers
// as Compose labels them.
func TestComposed(t *testing.T) {
	needsDocker(t)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	image, project := hostImage(t), fmt.Sprint("hostlab-test-", os.Getpid())
	docker(t, "network", "create", "--internal", project+"_lan")
	t.Cleanup(func() { docker(t, "network", "rm", project+"_lan") })
	for _, host := range []string{"laptop", "guinness"} {
		id := docker(t, "run", "-d", "--rm", "--network", project+"_lan", "--hostname", host,
			"--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW",
			"--label", "com.docker.compose.project="+project, "--label", "com.docker.compose.service="+host,
			"--label", "com.docker.compose.project.config_files=mine.yaml",
			"--label", "org.opencontainers.image.title=hostlab", image, "init")
		t.Cleanup(func() { docker(t, "rm", "-f", id) })
	}
	// at calls hostlab on that project; it must succeed.
	at := func(words string) string {
		t.Helper()
		verb, rest, _ := strings.Cut(words, " ")
		out, errs, status := call(t, verb+" --lab "+project+" "+rest)
		if status != 0 || errs != "" {
			t.Fatalf("hostlab %s: status %d, %s", words, status, errs)
		}
		return out
	}

	var all []control.Info
	out, _, _ := call(t, "ps --json")
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(l control.Info) bool { return l.Name == project })
	if i < 0 || all[i].PID != 0 || all[i].Source != "mine.yaml" || len(all[i].Hosts) != 2 || all[i].Hosts[0].Name != "guinness" {
		t.Fatalf("ps: %+v", all)
	}
	ping := fmt.Sprint("exec laptop ping -c 1 -W 0.3 ", all[i].Hosts[0].Addrs[0])
	if got := at("exec laptop hostname"); got != "laptop\n" {
		t.Errorf("exec: %q", got)
	}
	at(ping)
	at("fault drop guinness icmp --from laptop --first 1")
	if _, _, status := call(t, strings.Replace(ping, "exec", "exec --lab "+project, 1)); status != 1 {
		t.Errorf("a ping behind the fault: status %d; want 1", status)
	}
	at(ping)
	if got := strings.Join(strings.Fields(at("fault list")), " "); got != "HOST FAULT TAKEN SEEN guinness drop icmp --from laptop --first 1 1 2" {
		t.Errorf("the list is %q", got)
	}
	at("fault clear")
	at("fault pause laptop") // each command is a process of its own, and sees what another did
	if got := at("fault list --json"); got != `[{"host":"laptop","fault":"paused","seen":0,"taken":0}]`+"\n" {
		t.Errorf("the list is %s", got)
	}
	if _, errs, status := call(t, "exec --lab "+project+" laptop hostname"); status != 1 || !strings.Contains(errs, "hint: hostlab fault resume laptop") {
		t.Errorf("exec on a paused host: status %d, %s", status, errs)
	}
	at("fault clear")
	at(ping)
	if _, errs, status := call(t, "fault --lab "+project+" cut laptop lan"); status != 1 || !strings.Contains(errs, "hint: docker network disconnect "+project+"_lan ") {
		t.Errorf("cut: status %d, %s", status, errs)
	}
	if _, errs, status := call(t, "exec --lab other laptop hostname"); status != 2 || !strings.Contains(errs, "no lab") {
		t.Errorf("another lab: status %d, %s", status, errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lines := &trigger{text: "# capturing guinness, laptop\n", cancel: cancel}
	if status := run(ctx, []string{"capture", "--lab", project}, &console{in: strings.NewReader(""), out: lines, err: lines}); status != 0 {
		t.Errorf("capture: status %d, %s", status, lines.all.String())
	}
}
