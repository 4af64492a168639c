package fault

import (
	"bytes"
	"context"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"hostlab/lab/program"
)

func TestForms(t *testing.T) {
	a4, a6 := netip.MustParseAddr("192.168.5.10"), netip.MustParseAddr("fd00:5::10")
	for _, tt := range []struct {
		form string
		want Fault
	}{
		{form: "drop udp/1060", want: Drop{Proto: UDP, Port: 1060}},
		{form: "drop udp/1060 --first 2", want: Drop{Proto: UDP, Port: 1060, First: 2}},
		{form: "drop udp/65535 --every 3", want: Drop{Proto: UDP, Port: 65535, Every: 3}},
		{form: "drop tcp --from 192.168.5.10", want: Drop{Proto: TCP, From: []netip.Addr{a4}}},
		{form: "drop ip --from fd00:5::10 --first 100000", want: Drop{Proto: IP, From: []netip.Addr{a6}, First: MaxFirst}},
		{form: "drop ip --from 192.168.5.10,fd00:5::10", want: Drop{Proto: IP, From: []netip.Addr{a4, a6}}},
		{form: "drop udp/1060 --fragment first", want: Drop{Proto: UDP, Port: 1060, Fragment: FirstFragment}},
		{form: "drop udp --fragment last --first 1", want: Drop{Proto: UDP, Fragment: LastFragment, First: 1}},
		{form: "drop icmp", want: Drop{Proto: ICMP}},
		{form: "drop icmp6", want: Drop{Proto: ICMP6}},
		{form: "reject tcp/80", want: Reject{Proto: TCP, Port: 80}},
		{form: "reject tcp/80 --with tcp-reset", want: Reject{Proto: TCP, Port: 80, With: TCPReset}},
		{form: "reject udp/1060 --from 192.168.5.10 --with admin-prohibited", want: Reject{Proto: UDP, Port: 1060, From: []netip.Addr{a4}, With: AdminProhibited}},
		{form: "reject udp/1060 --with port-unreachable", want: Reject{Proto: UDP, Port: 1060, With: PortUnreachable}},
	} {
		got, err := Parse(tt.form)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%q) = %#v, %v; want %#v", tt.form, got, err, tt.want)
			continue
		}
		if got.String() != tt.form {
			t.Errorf("Parse(%q).String() = %q; want the same", tt.form, got)
		}
	}
}

// Flags may stand anywhere, and with "=".
func TestFormsFreely(t *testing.T) {
	got, err := ParseArgs("drop", "--first=2", "udp/1060", "--from=192.168.5.10")
	want := Drop{Proto: UDP, Port: 1060, First: 2, From: []netip.Addr{netip.MustParseAddr("192.168.5.10")}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v; want %#v", got, err, want)
	}
}

func TestBadForms(t *testing.T) {
	for _, tt := range []struct{ form, want string }{
		{"", "fault: no words: want drop or reject"},
		{"delay udp/1060", `fault: "delay": want drop or reject`},
		{"drop", "fault: drop: got 0 words beside the flags; want one like udp/1060"},
		{"drop udp/1060 udp/1061", "fault: drop: got 2 words beside the flags; want one like udp/1060"},
		{"drop sctp/1", `fault: protocol "sctp": want udp, tcp, icmp, icmp6 or ip`},
		{"drop udp/", `fault: udp/: port "": want 1 to 65535`},
		{"drop udp/0", `fault: udp/0: port "0": want 1 to 65535`},
		{"drop udp/65536", `fault: udp/65536: port "65536": want 1 to 65535`},
		{"drop udp/-1", `fault: udp/-1: port "-1": want 1 to 65535`},
		{"drop udp/1060/2", `fault: udp/1060/2: port "1060/2": want 1 to 65535`},
		{"drop icmp/3", "fault: icmp/3: only udp and tcp have ports"},
		{"drop udp/1060 --first 0", "fault: --first 0: want at least 1 packet"},
		{"drop udp/1060 --first -1", "fault: --first -1: want 1 to 100000 packets"},
		{"drop udp/1060 --first 100001", "fault: --first 100001: want 1 to 100000 packets"},
		{"drop udp/1060 --every 0", "fault: --every 0: want at least 1 packet"},
		{"drop udp/1060 --first 1 --every 2", "fault: --first beside --every: want one of them"},
		{"drop udp/1060 --first two", `fault: drop: invalid argument "two" for "--first" flag: strconv.ParseInt: parsing "two": invalid syntax`},
		{"drop udp/1060 --with tcp-reset", "fault: drop: unknown flag: --with"},
		{"drop udp/1060 --from laptop", `fault: --from "laptop": want an address`},
		{"drop udp/1060 --from 10.0.0.1,10.0.0.1", "fault: --from 10.0.0.1: stands there twice"},
		{"drop udp --from=", "fault: --from: want a word behind it"},
		{"drop udp --fragment=", "fault: --fragment: want a word behind it"},
		{"drop udp --fragment 2", `fault: --fragment "2": want first, middle, last or any`},
		{"drop udp/1060 --fragment last", "fault: --fragment last: only the first fragment has a port; want udp without one"},
		{"reject udp --fragment last", "fault: reject: unknown flag: --fragment"},
		{"drop udp --to laptop", "fault: drop: unknown flag: --to"},
		{"drop udp/1060 --from fe80::1%eth0", "fault: --from fe80::1%eth0: want an IPv4 or IPv6 address without a zone"},
		{"drop icmp --from fd00::1", "fault: --from fd00::1: that is no address that icmp comes from"},
		{"drop icmp6 --from 10.0.0.1", "fault: --from 10.0.0.1: that is no address that icmp6 comes from"},
		{"reject udp/1060 --first 2", "fault: reject: unknown flag: --first"},
		{"reject udp/1060 --with silence", `fault: --with "silence": want port-unreachable, admin-prohibited or tcp-reset`},
		{"reject udp/1060 --with tcp-reset", "fault: --with tcp-reset: only tcp is answered so"},
	} {
		if f, err := Parse(tt.form); err == nil || err.Error() != tt.want {
			t.Errorf("Parse(%q) = %v, %v; want error %q", tt.form, f, err, tt.want)
		}
	}
}

// Go literals are held to the same rules, all of them at once.
func TestValidateAllAtOnce(t *testing.T) {
	err := Drop{Proto: "sctp", First: -1, Every: 2}.Validate()
	want := `fault: protocol "sctp": want udp, tcp, icmp, icmp6 or ip
fault: --first -1: want 1 to 100000 packets
fault: --first beside --every: want one of them`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// A fault has the name that a person gave it, and its words all the same.
func TestNamed(t *testing.T) {
	f, err := ParseArgs("drop", "ip", "--from", "10.0.0.1", "--as", "partition laptop guinness")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.String(); got != "partition laptop guinness" {
		t.Errorf("it is called %q", got)
	}
	if again, err := ParseArgs(f.Args()...); err != nil || !reflect.DeepEqual(again, f) {
		t.Errorf("%q is read as %#v, %v", f.Args(), again, err)
	}
	for _, as := range []string{"two\nlines", strings.Repeat("x", MaxAs+1), "\xff"} {
		if err := (Drop{Proto: IP, As: as}).Validate(); err == nil {
			t.Errorf("--as %q was taken", as)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct {
		text  string
		bytes int
		want  string
	}{
		{"short", 5, "short"}, {"longer", 5, "lo…"}, {"löwe wacht", 5, "l…"}, {"ab", 1, "…"},
	} {
		if got := Shorten(tt.text, tt.bytes); got != tt.want {
			t.Errorf("Shorten(%q, %d) = %q; want %q", tt.text, tt.bytes, got, tt.want)
		}
	}
}

func TestMisuse(t *testing.T) {
	for _, tt := range []struct {
		args       []string
		wantErr    string // on standard error, before the hint
		wantStatus int
	}{
		{nil, "fault: nothing to do: want drop, reject, list or clear\n", 2},
		{[]string{"lose"}, "fault: \"lose\": want drop, reject, list or clear\n", 2},
		{[]string{"drop"}, "fault: drop: got 0 words beside the flags; want one like udp/1060\n", 2},
		{[]string{"list", "all"}, "fault: list: unknown word \"all\"\n", 2},
		{[]string{"clear", "--json"}, "fault: clear: unknown flag: --json\n", 2},
	} {
		out, errs, status := call(tt.args...)
		if want := tt.wantErr + "fault: hint: fault --help\n"; status != tt.wantStatus || errs != want || out != "" {
			t.Errorf("fault %q: status %d, out %q, err %q; want %d, none, %q", tt.args, status, out, errs, tt.wantStatus, want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"drop", "--help"}, {"list", "-h"}, {"clear", "-h"}} {
		out, errs, status := call(args...)
		if status != 0 || errs != "" || !strings.Contains(out, "\nUsage:\n") || !strings.Contains(out, "\nExit status:\n") {
			t.Errorf("fault %q: status %d, err %q, out %q; want the help on standard output, 0", args, status, errs, out)
		}
		for line := range strings.Lines(out) {
			if len(line) > 81 {
				t.Errorf("help line is longer than 80 columns: %q", line)
			}
		}
	}
}

// call runs the program on the calling thread.
func call(args ...string) (out, errs string, status int) {
	var o, e bytes.Buffer
	p := Programs()[0]
	status = p.Run(context.Background(), program.Stdio{In: strings.NewReader(""), Out: &o, Err: &e}, args...)
	return o.String(), e.String(), status
}

func FuzzParse(f *testing.F) {
	f.Add("drop udp/1060 --first 2")
	f.Add("reject tcp/80 --with admin-prohibited --from fd00::1")
	f.Fuzz(func(t *testing.T, form string) {
		fault, err := Parse(form)
		if err != nil {
			return
		}
		again, err := ParseArgs(fault.Args()...)
		if err != nil || !reflect.DeepEqual(again, fault) {
			t.Errorf("Parse(%q) = %#v, whose form %q is read as %#v, %v", form, fault, fault, again, err)
		}
	})
}
