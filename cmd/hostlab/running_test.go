package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// eventually runs a program again and again until it ends with status 0. The
// script has its output then.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: eventually PROGRAM...")
	}
	for end := time.Now().Add(2 * time.Minute); ts.Exec(args[0], args[1:]...) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("not within 2 minutes")
		}
	}
}

// Without a running lab, each verb for one says so, with the way out.
func TestNoLab(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("DOCKER_HOST", "unix:///no/such/socket") // so that docker compose has none up
	for _, words := range []string{
		"fault list", "fault drop guinness udp --first 2", "wait guinness udp/1060", "capture", "capture -w -",
		"exec guinness hostname", "exec --lab mine guinness ls -l",
	} {
		out, errs, status := call(t, words)
		if status != statusMisuse || out != "" || errs != "hostlab: error: no lab is running\nhostlab: hint: hostlab lab\n" {
			t.Errorf("hostlab %s: status %d, %q, %q", words, status, out, errs)
		}
	}
	if out, errs, status := call(t, "ps"); status != 0 || out != "no lab is running\n" || errs != "" {
		t.Errorf("ps: status %d, %q, %q", status, out, errs)
	}
	if out, _, status := call(t, "ps --json"); status != 0 || out != "[]\n" {
		t.Errorf("ps --json: status %d, %q", status, out)
	}
	for _, tt := range []struct{ words, want string }{
		{"fault", "what shall it do?"},
		{"fault drop --lab", "--lab: want a name behind it"},
		{"wait", "what shall it do?"},
		{"exec guinness", "requires at least 2 arg"},
		{"shell", "requires at least 1 arg"},
		{"ps all", `unknown command "all"`},
		{"capture -w " + filepath.Join(os.DevNull, "file"), "no lab is running"},
	} {
		if out, errs, status := call(t, tt.words); status != statusMisuse || out != "" || !strings.Contains(errs, tt.want) {
			t.Errorf("hostlab %s: status %d, %q, %q; want %q", tt.words, status, out, errs, tt.want)
		}
	}
}

func call(t *testing.T, words string) (out, errs string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(context.Background(), strings.Fields(words), &console{in: strings.NewReader(""), out: &o, err: &e})
	return o.String(), e.String(), status
}

// The words of a verb are the lab's, but for --lab.
func TestTakeLab(t *testing.T) {
	for _, tt := range []struct {
		words, rest, lab string
	}{
		{"drop guinness udp --first 2", "drop guinness udp --first 2", ""},
		{"--lab mine drop guinness udp", "drop guinness udp", "mine"},
		{"drop guinness --lab=mine udp --first 2", "drop guinness udp --first 2", "mine"},
	} {
		var o labFlag
		rest, err := o.take(strings.Fields(tt.words))
		if err != nil || !slices.Equal(rest, strings.Fields(tt.rest)) || o.name != tt.lab {
			t.Errorf("%s: %q, lab %q, %v", tt.words, rest, o.name, err)
		}
	}
}
