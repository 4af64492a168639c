package topology

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	addr       = netip.MustParseAddr
	pfx        = netip.MustParsePrefix
	byValue    = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	prefixes   = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	noPosition = cmp.Options{byValue, prefixes, cmpopts.IgnoreTypes(Pos{}), cmpopts.EquateEmpty()}
)

// parse reads a topology that has to be right.
func parse(t *testing.T, text string, env map[string]string) *Topology {
	t.Helper()
	top, err := ParseEnv(t.Context(), "compose.yaml", []byte(text), env)
	if err != nil {
		t.Fatalf("%v\nin:\n%s", err, text)
	}
	return top
}

// The Compose file at the top of the repository is the lab of page 30.
func TestParseRepository(t *testing.T) {
	data, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	limit := map[string]string{"net.ipv4.icmp_ratelimit": "0"}
	host := func(name, a string) Host {
		return Host{Name: name, Interfaces: []Interface{{Network: "lan", Addrs: []netip.Addr{addr(a)}}}, Sysctls: limit}
	}
	want := &Topology{
		Name:     "lab",
		Networks: []Network{{Name: "lan", Prefixes: []netip.Prefix{pfx("192.168.5.0/24")}, Gateways: []netip.Addr{addr("192.168.5.254")}}},
		Hosts:    []Host{host("laptop", "192.168.5.10"), host("guinness", "192.168.5.130"), host("stranger", "192.168.5.66")},
	}
	got := parse(t, string(data), nil)
	if diff := cmp.Diff(want, got, noPosition); diff != "" {
		t.Errorf("compose.yaml differs (-want +got):\n%s", diff)
	}

	elsewhere := parse(t, string(data), map[string]string{"HOSTLAB_NET": "10.7.8", "COMPOSE_PROJECT_NAME": "mine"})
	renumbered, err := got.Renumber(map[netip.Prefix]netip.Prefix{pfx("192.168.5.0/24"): pfx("10.7.8.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	renumbered.Name = "mine"
	if diff := cmp.Diff(renumbered, elsewhere, noPosition); diff != "" {
		t.Errorf("with HOSTLAB_NET (-want +got):\n%s", diff)
	}
}

// h1 --- lan --- r1 --- wan --- h2, with everything that a file can say.
const everything = `
name: two-nets
version: "3.8"
x-common: &common
  build: {context: ., target: host}
  sysctls:
    net.ipv4.icmp_ratelimit: 0
  restart: "no"
services:
  h1:
    <<: *common
    hostname: first
    profiles: []
    networks:
      lan:
        ipv4_address: 10.0.2.7
        ipv6_address: FD00:2:0::7
        aliases: [www, www.example.com, h1, www]
    x-hostlab:
      routes:
        - {to: 0.0.0.0/0, via: 10.0.2.1}
        - to: "::/0"
          via: fd00:2::1
  r1:
    image: ghcr.io/somebody/hostlab:1.2@sha256:1111111111111111111111111111111111111111111111111111111111111111
    x-hostlab: {forward: true}
    extra_hosts:
      - "gate:10.0.9.1"
      - "h2.example.com=10.0.9.7"
    networks:
      wan: {ipv4_address: 10.0.9.1}
      lan: {ipv4_address: "${GATE}", ipv6_address: fd00:2::1}
  h2:
    image: debian:12
    command: sleep 1h
    depends_on: [r1]
    healthcheck: {test: [CMD, "true"]}
    environment: {A: "$${NOT_A_VARIABLE}"}
    networks: {wan: {ipv4_address: 10.0.9.7}}
    x-hostlab:
      forward: "${FORWARD:-false}"
      routes: [{to: 10.0.2.0/24, via: 10.0.9.1}]
  absent:
    profiles: [later]
    networks: [lan]
networks:
  wan:
    ipam: {config: [{subnet: 10.0.9.0/24, gateway: 10.0.9.254}]}
    driver_opts: {com.docker.network.driver.mtu: 1400}
    internal: true
  lan:
    driver: bridge
    enable_ipv6: true
    ipam:
      config:
        - subnet: 10.0.2.0/24
        - subnet: fd00:2::/64
          gateway: fd00:2::fe
`

func TestParseEverything(t *testing.T) {
	got := parse(t, everything, map[string]string{"GATE": "10.0.2.1"})
	limit := map[string]string{"net.ipv4.icmp_ratelimit": "0"}
	want := &Topology{
		Name: "two-nets",
		Networks: []Network{
			{Name: "wan", Prefixes: []netip.Prefix{pfx("10.0.9.0/24")}, Gateways: []netip.Addr{addr("10.0.9.254")}, MTU: 1400},
			{Name: "lan", Prefixes: []netip.Prefix{pfx("10.0.2.0/24"), pfx("fd00:2::/64")}, Gateways: []netip.Addr{addr("fd00:2::fe")}},
		},
		Hosts: []Host{
			{
				Name: "h1", Aliases: []string{"first", "www", "www.example.com"}, Sysctls: limit,
				Interfaces: []Interface{{Network: "lan", Addrs: []netip.Addr{addr("10.0.2.7"), addr("fd00:2::7")}}},
				Routes:     []Route{{To: pfx("0.0.0.0/0"), Via: addr("10.0.2.1")}, {To: pfx("::/0"), Via: addr("fd00:2::1")}},
			},
			{
				Name: "r1", Aliases: []string{"gate"}, Forward: true,
				Interfaces: []Interface{
					{Network: "wan", Addrs: []netip.Addr{addr("10.0.9.1")}},
					{Network: "lan", Addrs: []netip.Addr{addr("10.0.2.1"), addr("fd00:2::1")}},
				},
			},
			{
				Name: "h2", Aliases: []string{"h2.example.com"}, Image: "debian:12",
				Interfaces: []Interface{{Network: "wan", Addrs: []netip.Addr{addr("10.0.9.7")}}},
				Routes:     []Route{{To: pfx("10.0.2.0/24"), Via: addr("10.0.9.1")}},
			},
		},
	}
	if diff := cmp.Diff(want, got, noPosition); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h1, _ := got.Host("h1")
	r1, _ := got.Host("r1")
	wan, _ := got.Network("wan")
	for _, tt := range []struct {
		what string
		pos  Pos
		want int
	}{
		{"host h1", h1.Pos, 10},
		{"h1 on lan", h1.Interfaces[0].Pos, 15},
		{"h1's second route", h1.Routes[1].Pos, 22},
		{"r1 on lan", r1.Interfaces[1].Pos, 32},
		{"network wan", wan.Pos, 47},
	} {
		if want := (Pos{File: "compose.yaml", Line: tt.want}); tt.pos != want {
			t.Errorf("%s stands at %s; want %s", tt.what, tt.pos, want)
		}
	}
}

// Profiles are Compose's: a service with one is there when it is active.
func TestParseProfiles(t *testing.T) {
	got := parse(t, everything, map[string]string{"GATE": "10.0.2.1", "COMPOSE_PROFILES": "now,later"})
	if h, ok := got.Host("absent"); !ok || len(h.Interfaces) != 1 || h.Interfaces[0].Addrs != nil {
		t.Errorf("host absent: %+v, %v; want it on one network without an address", h, ok)
	}
}

// A service that names no network stands on Compose's default one.
func TestParseDefaultNetwork(t *testing.T) {
	got := parse(t, "services: {a: {image: hostlab}, b: {}}", nil)
	want := &Topology{
		Name:     "lab",
		Networks: []Network{{Name: "default"}},
		Hosts: []Host{
			{Name: "a", Interfaces: []Interface{{Network: "default"}}},
			{Name: "b", Interfaces: []Interface{{Network: "default"}}},
		},
	}
	if diff := cmp.Diff(want, got, noPosition); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The computer's own environment and files are nothing to Parse.
func TestParseIsClosed(t *testing.T) {
	t.Setenv("HOSTLAB_TEST_VARIABLE", "10.0.2.7")
	for _, tt := range []struct{ name, text, want string }{
		{
			name: "environment",
			text: "services:\n  a:\n    hostname: $HOSTLAB_TEST_VARIABLE\n",
			want: "topology: compose.yaml:3: the variable HOSTLAB_TEST_VARIABLE is not set: set it, or give it a value for that case, ${HOSTLAB_TEST_VARIABLE:-value}",
		},
		{
			name: "include",
			text: "include:\n  - parse_test.go\nservices: {a: {}}\n",
			want: "topology: compose.yaml:2: include and extends of another file, parse_test.go: a topology is one file",
		},
		{
			name: "extends",
			text: "services:\n  a:\n    extends:\n      file: parse_test.go\n      service: b\n",
			want: "topology: compose.yaml:4: include and extends of another file, parse_test.go: a topology is one file",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(t.Context(), "compose.yaml", []byte(tt.text))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	// env_file and label_file say nothing about a topology and are not opened.
	parse(t, "services: {a: {env_file: [no-such-file], label_file: [no-such-file]}}", nil)
	if _, err := Parse(t.Context(), "../../compose.yaml", nil); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("no data under a file's name: %v; want an error, not the file", err)
	}
}

func TestParseExtendsWithinTheFile(t *testing.T) {
	got := parse(t, `
services:
  base:
    hostname: base
    sysctls: {net.ipv4.ip_default_ttl: "7"}
    networks: [lan]
  a:
    extends: {service: base}
    hostname: a
networks: {lan: {}}
`, nil)
	if a, _ := got.Host("a"); a.Sysctls["net.ipv4.ip_default_ttl"] != "7" || len(a.Interfaces) != 1 {
		t.Errorf("a is %+v; want base's sysctl and network", a)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	for _, tt := range badFiles {
		f.Add([]byte(tt.text))
	}
	if data, err := os.ReadFile("../../compose.yaml"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := Parse(t.Context(), "compose.yaml", data)
		if err != nil {
			if top != nil || !strings.HasPrefix(err.Error(), "topology: compose.yaml") || strings.Contains(err.Error(), "\n\n") {
				t.Errorf("got %v and %q; want no topology, and errors that name the file", top, err)
			}
			return
		}
		if err := top.Validate(); err != nil {
			t.Errorf("what Parse took, Validate refuses: %v", err)
		}
		if same := Rewriter(top, top)(string(data)); same != string(data) {
			t.Errorf("rewritten for itself: %q; want no change", same)
		}
	})
}

// A library does not log, and keeps the libraries below it from doing so.
func TestParseWritesNothing(t *testing.T) {
	if os.Getenv("HOSTLAB_TEST_CHILD") != "" {
		parse(t, everything, map[string]string{"GATE": "10.0.2.1"})
		Parse(t.Context(), "compose.yaml", []byte("services: {a: {hostname: $UNSET}}"))
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestParseWritesNothing$")
	child.Env = append(os.Environ(), "HOSTLAB_TEST_CHILD=1")
	var errs strings.Builder
	child.Stderr = &errs
	if err := child.Run(); err != nil || errs.String() != "" {
		t.Errorf("%v; on standard error: %q; want nothing", err, &errs)
	}
}

// YAML has many ways to say a thing; positions and order survive them all.
func TestParseOddYAML(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"list of merges", "x-a: &a\n  hostname: one\nx-b: &b\n  networks:\n    lan: {ipv4_address: 10.0.9.7}\nservices:\n  a:\n    <<: [*a, *b]\n" + lan,
			"5: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"own before merged", "x-a: &a\n  networks: {lan: {ipv4_address: 10.0.9.7}}\nservices:\n  a:\n    <<: *a\n    networks:\n      lan: {ipv4_address: 10.0.9.8}\n" + lan,
			"7: host a: interface lan: address 10.0.9.8 is outside network lan 10.0.2.0/24"},
		{"alias of a value", "x-n: &n\n  lan:\n    ipv4_address: 10.0.9.7\nservices:\n  a: {networks: *n}\n" + lan,
			"3: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"anchored value", "services:\n  a:\n    networks:\n      lan:\n        ipv4_address: &addr 10.0.9.7\n" + lan,
			"5: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"tag", "services:\n  a:\n    networks:\n      lan:\n        ipv4_address: !!str 10.0.9.7\n" + lan,
			"5: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"quoted keys", "\"services\":\n  'a':\n    \"networks\":\n      'lan':\n        \"ipv4_address\": '10.0.9.7'\n" + lan,
			"5: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"folded text", "services:\n  a:\n    networks:\n      lan:\n        ipv4_address: >-\n          10.0.9.7\n" + lan,
			"5: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"question mark", "services:\n  ? a\n  : networks:\n      lan: {ipv4_address: 10.0.9.7}\n" + lan,
			"4: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"two documents", "services:\n  a:\n    networks:\n      lan: {ipv4_address: 10.0.9.7}\n---\n" + lan,
			"4: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"carriage returns", "services:\r\n  a:\r\n    networks:\r\n      lan: {ipv4_address: 10.0.9.7}\r\n" + strings.ReplaceAll(lan, "\n", "\r\n"),
			"4: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},
		{"extended", "services:\n  a:\n    networks:\n      lan: {ipv4_address: 10.0.9.7}\n  b:\n    extends: a\n    networks:\n      wan: {ipv4_address: 10.0.2.7}\n" + lan, "" +
			"4: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24\n" +
			"7: host b: interface lan: address 10.0.9.7 is taken by host a\n" +
			"7: host b: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24\n" +
			"8: host b: interface wan: address 10.0.2.7 is outside network wan 10.0.9.0/24"},
		{"interpolated text in a block", "services:\n  a:\n    networks: [lan]\n    labels:\n      text: |\n        one\n        $NOBODY\n" + lan,
			"5: the variable NOBODY is not set: set it, or give it a value for that case, ${NOBODY:-value}"},
		{"a bomb", "x-0: &l0 [a, a]\n" + bomb(30) + "services: {a: {networks: [lan]}}\n" + lan,
			"16: aliases unfold this to more than 100000 values"},
		{"a tail-biting alias", "services:\n  a: &a\n    <<: *a\n    networks: [lan]\n" + lan,
			"3: the alias *a stands within what it stands for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top, err := Parse(t.Context(), "compose.yaml", []byte(tt.text))
			want := "topology: compose.yaml:" + strings.ReplaceAll(tt.want, "\n", "\ntopology: compose.yaml:")
			if err == nil || err.Error() != want {
				t.Errorf("got  %+v, %v\nwant %s", top, err, want)
			}
		})
	}
}

// bomb doubles a list n times.
func bomb(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x-%d: &l%d [*l%d, *l%d]\n", i+1, i+1, i, i)
	}
	return b.String()
}
