package host_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hostlab/lab/host"
	"hostlab/lab/program"
)

func run(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = host.Run(t.Context(), program.Stdio{In: strings.NewReader(""), Out: &o, Err: &e}, args...)
	return status, o.String(), e.String()
}

// One binary is every program, by the name it is called or by its first word.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name         string
		args         []string
		status       int
		out, errText string
	}{
		{"by its own name", []string{"/bin/udp_remote", "--help"}, 0, "udp_remote client", ""},
		{"by the first word", []string{"/bin/host", "udp_remote", "--help"}, 0, "udp_remote client", ""},
		{"list", []string{"host"}, 0, "  udp_remote ", ""},
		{"help", []string{"host", "--help"}, 0, "Usage:", ""},
		{"unknown", []string{"host", "udp_remot"}, 2, "", `"udp_remot" is not one of its programs`},
		{"process 1 is not linked", []string{"agent"}, 0, "Usage:", ""},
		{"install without a place", []string{"host", "install"}, 2, "", "usage: host install DIR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, errs := run(t, tt.args...)
			if status != tt.status || !strings.Contains(out, tt.out) || !strings.Contains(errs, tt.errText) {
				t.Errorf("status %d, want %d\nout: %s\nerr: %s", status, tt.status, out, errs)
			}
		})
	}
}

func TestNamesAreProgramsOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range host.Programs() {
		if seen[p.Name] {
			t.Errorf("two programs %q", p.Name)
		}
		seen[p.Name] = true
		if p.Summary == "" || strings.HasSuffix(p.Summary, ".") || p.Run == nil {
			t.Errorf("program %q: summary %q; want one line without a period, and a Run", p.Name, p.Summary)
		}
	}
	for _, name := range []string{"udp_remote", "tcp_deadlock", "sh", "bash", "ip", "ss", "ping", "nc", "fault"} {
		if !seen[name] {
			t.Errorf("no program %q", name)
		}
	}
}

func TestInstall(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // a second time replaces the first
		if err := host.Install(dir); err != nil {
			t.Fatal(err)
		}
	}
	if to, err := os.Readlink(filepath.Join(dir, "bin", "udp_remote")); err != nil || to != "host" {
		t.Errorf("bin/udp_remote leads to %q, %v; want host", to, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "tmp")); err != nil || info.Mode() != fs.ModeDir|fs.ModeSticky|0o777 {
		t.Errorf("tmp: %v, %v; want a sticky directory for all", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(dir, "bin", "sh")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("bin/sh: %v; want an executable behind the link", err)
	}
	if err := host.Install(filepath.Join(dir, "etc", "passwd")); err == nil {
		t.Error("installed below a file")
	}
}
