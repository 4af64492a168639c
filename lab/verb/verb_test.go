package verb_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"hostlab/lab"
	"hostlab/lab/labtest"
	"hostlab/lab/topology"
	"hostlab/lab/verb"
)

// laptop .10 --- lan 192.168.5.0/24, fd00:5::/64 --- .130 guinness; .77 tower
func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	host := func(name, four, six string) topology.LANHost {
		return topology.LANHost{Name: name, Addrs: []netip.Prefix{netip.MustParsePrefix(four), netip.MustParsePrefix(six)}}
	}
	top, err := topology.LAN("",
		host("laptop", "192.168.5.10/24", "fd00:5::10/64"),
		host("guinness", "192.168.5.130/24", "fd00:5::130/64"),
		host("tower", "192.168.5.77/24", "fd00:5::77/64"))
	if err != nil {
		t.Fatal(err)
	}
	return labtest.Start(t, top)
}

// What verbs do on one lab; each test leaves it clean.
func TestVerbs(t *testing.T) {
	l := newLab(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *lab.Lab)
	}{{"Faults", testFaults}, {"LinkLocal", testPartitionLinkLocal}, {"Misuse", testMisuse}, {"Restore", testRestore}, {"Capture", testCapture}} {
		t.Run(tt.name, func(t *testing.T) {
			tt.test(t, l)
			say(t, l, "fault clear")
		})
	}
}

// say runs words that must succeed and returns what they print.
func say(t *testing.T, l *lab.Lab, words string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	if err := verb.Run(ctx, l, strings.Fields(words), &out); err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return out.String()
}

// pings tells by which addresses a host reaches another.
func pings(t *testing.T, l *lab.Lab, from, to string) (reached string) {
	t.Helper()
	for _, a := range l.Host(to).Spec().Addrs() {
		_, err := l.Host(from).Run(t.Context(), "ping", "-c", "1", "-W", "0.2", a.String())
		var exit *lab.ExitError
		switch {
		case err == nil && a.Is4():
			reached += "4"
		case err == nil:
			reached += "6"
		case !errors.As(err, &exit):
			t.Fatal(err)
		}
	}
	return reached
}

// What each order does to who reaches whom, and that clear mends it all.
func testFaults(t *testing.T, l *lab.Lab) {
	for _, tt := range []struct {
		words   string
		reached [3]string // laptop to guinness, guinness to laptop, laptop to tower
		list    string
	}{
		{"", [3]string{"46", "46", "46"}, "no faults\n"},
		{"partition laptop guinness", [3]string{"", "", "46"}, "" +
			"HOST       FAULT                       TAKEN   SEEN\n" +
			"laptop     partition laptop guinness   2       2\n" +
			"guinness   partition laptop guinness   2       2\n"},
		{"partition laptop guinness,tower", [3]string{"", "", ""}, "" +
			"HOST       FAULT                             TAKEN   SEEN\n" +
			"laptop     partition laptop guinness,tower   2       2\n" +
			"guinness   partition laptop guinness,tower   2       2\n" +
			"tower      partition laptop guinness,tower   2       2\n"},
		{"drop guinness icmp --from laptop", [3]string{"6", "6", "46"}, "" +
			"HOST       FAULT                     TAKEN   SEEN\n" +
			"guinness   drop icmp --from laptop   2       2\n"},
		{"drop guinness ip --from tower", [3]string{"46", "46", "46"}, "" +
			"HOST       FAULT                  TAKEN   SEEN\n" +
			"guinness   drop ip --from tower   0       0\n"},
		{"drop laptop icmp6 --to tower --first 1000", [3]string{"46", "46", "4"}, ""},
		{"pause guinness", [3]string{"46", "", "46"}, "" + // a kernel answers pings itself
			"HOST       FAULT    TAKEN   SEEN\n" +
			"guinness   paused   0       0\n"},
		{"cut guinness lan", [3]string{"", "", "46"}, "" +
			"HOST       FAULT          TAKEN   SEEN\n" +
			"guinness   cut from lan   0       0\n"},
	} {
		if tt.words != "" {
			say(t, l, "fault "+tt.words)
		}
		got := [3]string{pings(t, l, "laptop", "guinness"), tt.reached[1], pings(t, l, "laptop", "tower")}
		if tt.words != "pause guinness" { // it can't ask
			got[1] = pings(t, l, "guinness", "laptop")
		}
		if got != tt.reached {
			t.Errorf("%s: %q reach each other; want %q", tt.words, got, tt.reached)
		}
		if list := say(t, l, "fault list"); tt.list != "" && list != tt.list {
			t.Errorf("%s: the list is\n%swant\n%s", tt.words, list, tt.list)
		}
		say(t, l, "fault clear")
		if list := say(t, l, "fault list --json"); list != "[]\n" {
			t.Errorf("%s: after clear: %s", tt.words, list)
		}
	}
	// A host's own program asks the host who laptop is.
	if _, err := l.Host("guinness").Run(t.Context(), "fault", "drop", "icmp", "--from", "laptop"); err != nil {
		t.Error(err)
	}
	if got := pings(t, l, "laptop", "guinness") + " " + pings(t, l, "tower", "guinness"); got != "6 46" {
		t.Errorf("behind guinness' own fault %s are reached", got)
	}
	say(t, l, "fault clear guinness")
	if got := pings(t, l, "laptop", "guinness") + pings(t, l, "guinness", "laptop"); got != "4646" {
		t.Errorf("in the end %s are reached", got)
	}
}

// A partition parts link-local addresses too, which no topology has.
func testPartitionLinkLocal(t *testing.T, l *lab.Lab) {
	all, err := l.Host("guinness").Sources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, netip.Addr.IsLinkLocalUnicast)
	if len(all) != 3 || i < 0 {
		t.Fatalf("guinness sends from %s; want two addresses of the topology and a link-local one", all)
	}
	ping := func() error {
		_, err := l.Host("laptop").Run(t.Context(), "ping", "-c", "1", "-W", "0.5", all[i].String()+"%eth0")
		return err
	}
	// The kernel takes a second to find out that the address is nobody else's.
	for end := time.Now().Add(10 * time.Second); ping() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("without a partition the link-local address is not reached")
		}
	}
	say(t, l, "fault partition laptop guinness")
	if ping() == nil {
		t.Error("the link-local address is reached")
	}
}

// Words that make no sense, and what a host can't do as it is, have a status
// and a way out; neither breaks the lab.
func testMisuse(t *testing.T, l *lab.Lab) {
	say(t, l, "fault pause tower")
	for _, tt := range []struct {
		words  string
		status int
		text   string
	}{
		{"", 2, `hostlab: error: "": a lab knows capture, fault, wait`},
		{"explode", 2, `"explode": a lab knows capture, fault, wait`},
		{"fault", 2, "fault: what shall it do?"},
		{"fault drop attic udp", 2, `fault: no host "attic" in this lab; there are laptop, guinness, tower`},
		{"fault drop laptop udp --from attic", 2, `no host "attic"`},
		{"fault partition laptop attic", 2, `no host "attic"`},
		{"fault drop laptop", 2, "want one like udp/1060\nhostlab: hint: hostlab fault --help\n"},
		{"fault drop laptop icmp --from fd00:5::130", 2, "that is no address that icmp comes from"},
		{"fault drop tower udp", 1, "tower: it is paused\nhostlab: hint: hostlab fault resume tower\n"},
		{"fault partition laptop tower", 1, "tower: it is paused"},
		{"capture", 1, "tower: it is paused"},
		{"fault resume laptop", 1, "laptop: it is not paused"},
		{"fault cut laptop wan", 1, `network "wan": the host is not on it; it is on lan`},
		{"fault join laptop lan", 1, `no cable of the host was taken out of it`},
		{"wait laptop", 2, "wait: for which socket of which host?"},
		{"wait attic udp/1060", 2, `wait: no host "attic"`},
		{"wait laptop udp/0", 2, "udp/0"},
	} {
		err := verb.Run(t.Context(), l, strings.Fields(tt.words), new(bytes.Buffer))
		status, text, ok := verb.Status(err)
		if !ok || status != tt.status || !strings.Contains(text, tt.text) {
			t.Errorf("%s: status %d, %v, %q; want %d and %q", tt.words, status, ok, text, tt.status, tt.text)
		}
	}
	if _, _, ok := verb.Status(errors.New("the engine is gone")); ok {
		t.Error("a broken lab has a status")
	}
	if help := say(t, l, "fault --help"); !strings.Contains(help, "hostlab fault partition") {
		t.Errorf("the help is %q", help)
	}
}
