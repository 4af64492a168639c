package book

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"hostlab/lab/program"
)

func stdio(out, err io.Writer) program.Stdio {
	return program.Stdio{In: strings.NewReader(""), Out: out, Err: err}
}

// call runs a program to its end.
func call(name string, args ...string) (out, errs string, status int) {
	var o, e strings.Builder
	status = find(name).Run(context.Background(), stdio(&o, &e), args...)
	return o.String(), e.String(), status
}

func TestPrograms(t *testing.T) {
	var names []string
	for _, p := range Programs() {
		names = append(names, p.Name)
		if p.Summary == "" || strings.HasSuffix(p.Summary, ".") || strings.Contains(p.Summary, "\n") {
			t.Errorf("%s: summary %q; want one line without a period", p.Name, p.Summary)
		}
	}
	want := []string{"udp_local", "udp_remote", "big_sender", "udp_broadcast", "tcp_sixteen", "tcp_deadlock"}
	if !slices.Equal(names, want) {
		t.Errorf("programs %q; want %q", names, want)
	}
}

func TestHelp(t *testing.T) {
	for _, p := range Programs() {
		for _, args := range [][]string{{"-h"}, {"--help"}, {"client", "--help"}, {"server", "127.0.0.1", "-h"}} {
			out, errs, status := call(p.Name, args...)
			if status != 0 || errs != "" {
				t.Errorf("%s %q: exit status %d, standard error %q; want 0 and nothing", p.Name, args, status, errs)
			}
			for _, part := range []string{"Usage:\n  " + p.Name, "--json", "-p, --port PORT", "(default 1060)", "Examples:", "Exit status:"} {
				if !strings.Contains(out, part) {
					t.Errorf("%s %q: help lacks %q", p.Name, args, part)
				}
			}
			for line := range strings.Lines(out) {
				if len(line) > 81 || strings.HasSuffix(line, " \n") {
					t.Errorf("%s: %d columns or a blank at the end: %q", p.Name, len(line)-1, line)
				}
			}
		}
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line string // words between blanks; '' is the empty one
		want string
	}{
		{"udp_remote", "expected server or client"},
		{"udp_remote serve 127.0.0.1", `role "serve": expected server or client`},
		{"udp_remote ''", `role "": expected server or client`},
		{"udp_remote server", "a word is missing, expected: udp_remote server INTERFACE"},
		{"udp_remote client", "a word is missing, expected: udp_remote client HOST"},
		{"udp_remote client a b", `"b": one word too many, expected: udp_remote client HOST`},
		{"udp_remote client ''", `host "": expected a name or an address`},
		{"udp_remote client 127.0.0.1 -p 0", "port 0: a client needs the server's port, 1 to 65535"},
		{"udp_remote client 127.0.0.1 -p 65536", `invalid argument "65536" for "-p, --port" flag: expected a number from 0 to 65535`},
		{"udp_remote client 127.0.0.1 -p -1", `invalid argument "-1" for "-p, --port" flag: expected a number from 0 to 65535`},
		{"udp_remote client 127.0.0.1 --port=http", `invalid argument "http" for "-p, --port" flag: expected a number from 0 to 65535`},
		{"udp_remote client 127.0.0.1 -p ''", `invalid argument "" for "-p, --port" flag: expected a number from 0 to 65535`},
		{"udp_remote client 127.0.0.1 -p", "flag needs an argument: 'p' in -p"},
		{"udp_remote client 127.0.0.1 -x", "unknown shorthand flag: 'x' in -x"},
		{"udp_remote client 127.0.0.1 --fast", "unknown flag: --fast"},
		{"udp_remote client 127.0.0.1 --drop 50%", "--drop: is for the server, not the client"},
		{"udp_remote client 127.0.0.1 --v6only", "--v6only: is for the server, not the client"},
		{"udp_remote server 127.0.0.1 --recv-err", "--recv-err: is for the client, not the server"},
		{"udp_remote server 127.0.0.1 --patience 1s", "--patience: is for the client, not the server"},
		{"udp_remote client 127.0.0.1 --patience 99ms", `invalid argument "99ms" for "--patience" flag: expected a time from 0.1s up, such as 0.5s`},
		{"udp_remote client 127.0.0.1 --patience 5", `invalid argument "5" for "--patience" flag: expected a time from 0.1s up, such as 0.5s`},
		{"udp_remote server 127.0.0.1 --drop 0.5", `invalid argument "0.5" for "--drop" flag: expected a percentage from 0% to 100%, such as 50%`},
		{"udp_remote server 127.0.0.1 --drop-first 0", `invalid argument "0" for "--drop-first" flag: expected a number from 1 up`},
		{"udp_remote server 127.0.0.1 --drop-every -2", `invalid argument "-2" for "--drop-every" flag: expected a number from 1 up`},
		{"udp_remote server 127.0.0.1 --drop 50% --seed x", `invalid argument "x" for "--seed" flag: expected a number from 0 to 18446744073709551615`},
		{"udp_remote server 127.0.0.1 --seed 7", "--seed is for --drop, which is not there"},
		{"udp_remote server 127.0.0.1 --drop-first 1 --drop-every 2", "expected one of --drop, --drop-first and --drop-every, not more"},
		{"udp_local", "expected server or client"},
		{"udp_local server a b", `"b": one word too many, expected: udp_local server [INTERFACE]`},
		{"udp_local client ''", `host "": expected a name or an address`},
		{"udp_broadcast client ::1", `"::1": expected an IPv4 address; IPv6 has no broadcast`},
		{"udp_broadcast server ::", `"::": expected an IPv4 address; IPv6 has no broadcast`},
		{"udp_broadcast server '' --no-broadcast-option", "--no-broadcast-option: is for the client, not the server"},
		{"udp_broadcast server '' --v6only", "unknown flag: --v6only"},
		{"big_sender", "a word is missing, expected: big_sender HOST [BYTES]"},
		{"big_sender 127.0.0.1 1472 3", `"3": one word too many, expected: big_sender HOST [BYTES]`},
		{"big_sender 127.0.0.1 much", `BYTES "much": expected a number from 0 to 1048576`},
		{"big_sender 127.0.0.1 1048577", `BYTES "1048577": expected a number from 0 to 1048576`},
		{"big_sender 127.0.0.1 -p 0", "port 0: a client needs the server's port, 1 to 65535"},
		{"tcp_sixteen client 127.0.0.1 16", `"16": one word too many, expected: tcp_sixteen client HOST`},
		{"tcp_sixteen client 127.0.0.1 --reuse-addr", "--reuse-addr: is for the server, not the client"},
		{"tcp_deadlock server 127.0.0.1 16", `"16": one word too many, expected: tcp_deadlock server INTERFACE`},
		{"tcp_deadlock client 127.0.0.1 -- -16", `BYTES "-16": expected a number from 0 to 9223372036854775792`},
		{"tcp_deadlock client 127.0.0.1 9223372036854775807", `BYTES "9223372036854775807": expected a number from 0 to 9223372036854775792`},
	} {
		words := strings.Fields(tt.line)
		for i, w := range words {
			if w == "''" {
				words[i] = ""
			}
		}
		name := words[0]
		out, errs, status := call(name, words[1:]...)
		if status != 2 || out != "" {
			t.Errorf("%s: exit status %d, standard output %q; want 2 and nothing", tt.line, status, out)
		}
		got, usage, _ := strings.Cut(errs, "\n")
		if got != name+": "+tt.want {
			t.Errorf("%s:\n got: %s\nwant: %s: %s", tt.line, got, name, tt.want)
		}
		if !strings.HasPrefix(usage, name+": hint: "+name+" --help\nUsage:\n  "+name+" ") {
			t.Errorf("%s: no hint and usage: %q", tt.line, usage)
		}
	}
}

// Flags may stand anywhere, also before the role.
func TestFlagsAnywhere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-p", "0", "server", "127.0.0.1"},
		{"server", "-p0", "127.0.0.1"},
		{"server", "127.0.0.1", "--port=0"},
	} {
		r := start(t, "udp_remote", args...)
		r.match(`Listening at \('127.0.0.1', \d+\)`)
		r.stop()
	}
}

// events parses the lines of --json and drops the times.
func events(t *testing.T, s string) (all []event) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	for {
		var e event
		switch err := d.Decode(&e); {
		case err == io.EOF:
			return all
		case err != nil:
			t.Fatalf("%v in %q", err, s)
		}
		if e.Time.IsZero() {
			t.Errorf("%s has no time", e.Event)
		}
		all = append(all, e)
	}
}

// kinds returns the names of events and checks that the help tells of them.
func kinds(t *testing.T, name, s string) string {
	t.Helper()
	out, _, _ := call(name, "--help")
	var names []string
	for _, e := range events(t, s) {
		names = append(names, e.Event)
		if !strings.Contains(out, "\n  "+e.Event+" ") {
			t.Errorf("%s: --help does not tell of event %q", name, e.Event)
		}
	}
	return strings.Join(names, " ")
}
