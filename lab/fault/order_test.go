package fault

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestOrders(t *testing.T) {
	laptop := netip.MustParseAddr("192.168.5.10")
	for _, tt := range []struct {
		words string
		want  Order
	}{
		{"drop guinness udp/1060 --first 2", Order{Verb: VerbBreak, Hosts: []string{"guinness"}, Fault: Drop{Proto: UDP, Port: 1060, First: 2}}},
		{"drop --every=2 guinness udp", Order{Verb: VerbBreak, Hosts: []string{"guinness"}, Fault: Drop{Proto: UDP, Every: 2}}},
		{"drop guinness udp --from 192.168.5.10", Order{Verb: VerbBreak, Hosts: []string{"guinness"}, Fault: Drop{Proto: UDP, From: []netip.Addr{laptop}}}},
		{"drop guinness udp/1060 --from laptop --first 2", Order{Verb: VerbBreak, Hosts: []string{"guinness"}, From: []string{"laptop"},
			Fault: Drop{Proto: UDP, Port: 1060, First: 2, As: "drop udp/1060 --from laptop --first 2"}}},
		{"drop guinness udp --from tower,192.168.5.10", Order{Verb: VerbBreak, Hosts: []string{"guinness"}, From: []string{"tower"},
			Fault: Drop{Proto: UDP, From: []netip.Addr{laptop}, As: "drop udp --from tower,192.168.5.10"}}},
		{"drop guinness udp --to laptop", Order{Verb: VerbBreak, Hosts: []string{"laptop"}, From: []string{"guinness"},
			Fault: Drop{Proto: UDP, As: "drop udp --from guinness"}}},
		{"drop guinness udp --fragment last", Order{Verb: VerbBreak, Hosts: []string{"guinness"}, Fault: Drop{Proto: UDP, Fragment: LastFragment}}},
		{"reject guinness tcp/80 --with tcp-reset", Order{Verb: VerbBreak, Hosts: []string{"guinness"}, Fault: Reject{Proto: TCP, Port: 80, With: TCPReset}}},
		{"partition laptop,router guinness", Order{Verb: VerbPart, Hosts: []string{"laptop", "router"}, Others: []string{"guinness"}}},
		{"pause guinness", Order{Verb: VerbPause, Hosts: []string{"guinness"}}},
		{"resume guinness", Order{Verb: VerbResume, Hosts: []string{"guinness"}}},
		{"cut guinness lan", Order{Verb: VerbCut, Hosts: []string{"guinness"}, Network: "lan"}},
		{"join guinness lan", Order{Verb: VerbJoin, Hosts: []string{"guinness"}, Network: "lan"}},
		{"list", Order{Verb: VerbList}},
		{"list laptop --json", Order{Verb: VerbList, Hosts: []string{"laptop"}, JSON: true}},
		{"clear", Order{Verb: VerbClear}},
		{"clear laptop", Order{Verb: VerbClear, Hosts: []string{"laptop"}}},
	} {
		got, err := ParseOrder(strings.Fields(tt.words)...)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.words, got, err, tt.want)
		}
	}
}

func TestBadOrders(t *testing.T) {
	for _, tt := range []struct{ words, want string }{
		{"", "fault: what shall it do? want drop, reject,"},
		{"explode guinness", `fault: "explode": want drop, reject,`},
		{"drop", "fault: drop: on which host?"},
		{"drop guinness", "fault: drop: got 0 words beside the flags; want one like udp/1060"},
		{"drop guinness udp/0", `fault: udp/0: port "0"`},
		{"drop guinness udp --from a --to b", "fault: --to beside --from: want one of them"},
		{"drop guinness udp --as x", "unknown flag: --as"},
		{"drop guinness udp --first 0", "fault: --first 0: want at least 1 packet"},
		{"reject guinness udp --with tcp-reset --from laptop", "only tcp is answered so"},
		{"partition laptop", "fault: partition: got 1 sides; want two"},
		{"partition laptop laptop,guinness", "fault: partition: laptop stands there twice"},
		{"partition laptop guinness,", "fault: partition: a host without a name"},
		{"pause", "fault: pause: on which host?"},
		{"pause guinness now", `fault: pause: unknown word "now"`},
		{"cut guinness", "fault: cut: which host, and which network?"},
		{"list laptop guinness", `fault: list: unknown word "guinness"`},
		{"clear --json", "fault: clear: unknown flag: --json"},
	} {
		if o, err := ParseOrder(strings.Fields(tt.words)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %+v, %v; want an error with %q", tt.words, o, err, tt.want)
		}
	}
}

// A name that is too long for the kernel's log is cut; the fault is not.
func TestLongNames(t *testing.T) {
	var hosts []string
	for range 40 {
		hosts = append(hosts, "host")
	}
	if name := PartName(hosts, []string{"guinness"}); len(name) > MaxAs || !strings.HasSuffix(name, "…") {
		t.Errorf("%d bytes: %s", len(name), name)
	}
	o, err := ParseOrder("drop", "guinness", "udp", "--from", strings.Join(hosts, ","))
	if err != nil || len(o.From) != 40 || len(o.Fault.String()) > MaxAs {
		t.Errorf("%d sources, %q, %v", len(o.From), o.Fault, err)
	}
}

// A fault whose sources are all of the wrong family must not become one without
// a source, which takes everything.
func TestFrom(t *testing.T) {
	four, six := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1%eth0")
	f, err := From(Drop{Proto: ICMP6}, four, six)
	if err != nil || f.String() != "drop icmp6 --from fe80::1" {
		t.Errorf("%v, %v", f, err)
	}
	if f, err := From(Drop{Proto: ICMP6}, four); err == nil {
		t.Errorf("%v is a fault", f)
	}
	if f, err := From(Drop{Proto: UDP}); err == nil {
		t.Errorf("%v is a fault", f)
	}
}
