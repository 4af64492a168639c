package topology

import (
	"strings"
	"testing"
)

// lan is what most of the bad files are right about, without its hosts. Its
// lines come last so that the lines of the tables' own text count from 1.
const lan = `
networks:
  lan:
    ipam: {config: [{subnet: 10.0.2.0/24, gateway: 10.0.2.254}]}
  wan:
    ipam:
      config:
        - subnet: 10.0.9.0/24
`

// badFiles are files with what is said about them, each line with its number.
var badFiles = []struct {
	name string
	text string
	want string // "LINE: text", one a line; "topology: compose.yaml:" goes before each
}{
	// Not YAML, not Compose.
	{"empty", "", " the file is empty: want networks and services"},
	{"comment only", "# nothing\n", " the file is empty: want networks and services"},
	{"a list", "- a\n", " top-level object must be a mapping"},
	{"indentation", "services:\n  a:\n    image: x\n   b: y\n", "4: not YAML: value is not allowed in this context"},
	{"unclosed", "services: {a: {}\n", "1: not YAML: could not find flow mapping end token '}'"},
	{"tab", "services:\n\ta: {}\n", "2: not YAML: found character '\t' that cannot start any token"},
	{"double key", "services:\n  a: {}\n  a: {}\n", `3: not YAML: mapping key "a" already defined at [2:3]`},
	{"unknown alias", "services:\n  a: *nobody\n", "2: not YAML: unknown anchor 'nobody' referenced"},
	{"unknown top key", "servics:\n  a: {}\n", "1: unknown key servics; did you mean services?"},
	{"unknown service key", "services:\n  a:\n    sysctl: {}\n", "3: services.a: unknown key sysctl; did you mean sysctls?"},
	{"unknown address key", "services:\n  a:\n    networks:\n      lan:\n        ipv4_adress: 10.0.2.7\n" + lan, "5: services.a.networks.lan: unknown key ipv4_adress; did you mean ipv4_address?"},
	{"unknown key far from all", "services:\n  a:\n    colour: red\n", "3: services.a: unknown key colour"},
	{"wrong type", "services:\n  a:\n    sysctls: 5\n", "3: services.a.sysctls must be a mapping"},
	{"service null", "services:\n  a:\n", "2: services.a must be a mapping"},
	{"interpolation", "services:\n  a:\n    hostname: ${A\n", "3: invalid interpolation format for services.a.hostname. You may need to escape any $ with another $. ${A"},
	{"variables", "services:\n  a:\n    hostname: $A${B:-b}$$C\n    domainname: ${D}\n", "" +
		"3: the variable A is not set: set it, or give it a value for that case, ${A:-value}\n" +
		"4: the variable D is not set: set it, or give it a value for that case, ${D:-value}"},
	{"extends nobody", "services:\n  a:\n    extends: {service: b}\n", `2: cannot extend service "a" in compose.yaml: service "b" not found`},

	// Hosts and networks that are missing.
	{"no hosts", "services: {}\n" + lan, " no hosts: want at least one"},
	{"neither", "x-nothing: 5\n", " no networks: want at least one for the hosts to stand on\n no hosts: want at least one"},
	{"only networks", "networks: {lan: {}}\n", " no hosts: want at least one"},
	{"only hosts elsewhere", "services: {a: {profiles: [b]}}\n" + lan, " no hosts: want at least one"},
	{"unknown network", "services:\n  a:\n    networks: [lan, wam]\n" + lan, "3: host a: unknown network wam; did you mean wan?"},
	{"unknown network in a list", "services:\n  a:\n    networks:\n      - lan\n      - office\n" + lan, "5: host a: unknown network office"},
	{"unknown network in a mapping", "services:\n  a:\n    networks:\n      lan:\n      office:\n        ipv4_address: 10.0.2.7\n" + lan, "5: host a: unknown network office"},

	// Names.
	{"host with underscore", "services:\n  web_1: {networks: [lan]}\n" + lan,
		`2: host "web_1": the name is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)`},
	{"host with hyphen first", "services:\n  \"-a\": {networks: [lan]}\n" + lan,
		`2: host "-a": the name is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)`},
	{"host with hyphen last", "services:\n  a-: {networks: [lan]}\n" + lan,
		`2: host "a-": the name is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)`},
	{"host with dots", "services:\n  a.b: {networks: [lan]}\n" + lan,
		`2: host "a.b": the name is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)`},
	{"host of 64 letters", "services:\n  " + strings.Repeat("a", 64) + ": {networks: [lan]}\n" + lan,
		`2: host "` + strings.Repeat("a", 64) + `": the name is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)`},
	{"host is a number", "services:\n  \"10\": {networks: [lan]}\n" + lan,
		`2: host "10": the name is a number, which programs read as an address: want a letter in it`},
	{"host is localhost", "services:\n  LocalHost: {networks: [lan]}\n" + lan,
		`2: host "LocalHost": the name means each host itself (RFC 6761 section 6.3): want another`},
	{"hosts differ in case only", "services:\n  a: {networks: [lan]}\n  A: {networks: [lan]}\n" + lan,
		"3: host A: the name A is taken by host a"},
	{"alias taken by host", "services:\n  a: {networks: [lan]}\n  b:\n    networks:\n      lan:\n        aliases:\n          - c\n          - a\n" + lan,
		"8: host b: the name a is taken by host a"},
	{"alias taken by alias", "services:\n  a: {hostname: www, networks: [lan]}\n  b:\n    hostname: WWW\n    networks: [lan]\n" + lan,
		"4: host b: the name WWW is taken by host a"},
	{"alias is no name", "services:\n  a:\n    hostname: my_host\n    networks: {lan: {aliases: [a..b, 10.0.0.1]}}\n" + lan, "" +
		`3: host a: alias "my_host" is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)` + "\n" +
		`4: host a: alias "a..b" is no DNS name: want labels of letters, digits and hyphens with dots between them (RFC 1123 section 2.1)` + "\n" +
		`4: host a: alias "10.0.0.1" is an address: want a name`},
	{"extra_hosts of nobody", "services:\n  a:\n    networks: [lan]\n    extra_hosts:\n      b: 10.0.2.77\n      c: host-gateway\n" + lan, "" +
		"5: host a: extra_hosts: b: 10.0.2.77 is no host's address\n" +
		"6: host a: extra_hosts: c: host-gateway is no host's address"},
	{"extra_hosts listed", "services:\n  a:\n    networks: [lan]\n    extra_hosts:\n      - b:10.0.2.77\n" + lan,
		"5: host a: extra_hosts: b: 10.0.2.77 is no host's address"},
	{"network name", "services: {a: {networks: [lan]}}\nnetworks:\n  lan:\n  -wan:\n", "4: network \"-wan\": the name is not letters, digits, '_', '.' and '-' after a letter or digit"},

	// Addresses.
	{"address outside", "services:\n  a:\n    networks:\n      lan: {ipv4_address: 10.0.2.7}\n      wan:\n        ipv4_address: 10.0.2.8\n" + lan,
		"6: host a: interface wan: address 10.0.2.8 is outside network wan 10.0.9.0/24"},
	{"network address", "services:\n  a: {networks: {lan: {ipv4_address: 10.0.2.0}}}\n" + lan,
		"2: host a: interface lan: address 10.0.2.0 is the address of the network 10.0.2.0/24 itself"},
	{"broadcast address", "services:\n  a: {networks: {lan: {ipv4_address: 10.0.2.255}}}\n" + lan,
		"2: host a: interface lan: address 10.0.2.255 is the broadcast address of 10.0.2.0/24"},
	{"gateway's address", "services:\n  a: {networks: {lan: {ipv4_address: 10.0.2.254}}}\n" + lan,
		"2: host a: interface lan: address 10.0.2.254 is the gateway of network lan: want another for one of them"},
	{"one address twice", "services:\n  a: {networks: {lan: {ipv4_address: 10.0.2.7}}}\n  b:\n    networks:\n      lan:\n        ipv4_address: 10.0.2.7\n" + lan,
		"6: host b: interface lan: address 10.0.2.7 is taken by host a"},
	{"no address", "services:\n  a:\n    networks:\n      lan:\n        ipv4_address: 10.0.2\n" + lan,
		`5: host a: interface lan: ipv4_address "10.0.2": want an IPv4 address`},
	{"leading zero", "services:\n  a: {networks: {lan: {ipv4_address: 10.0.2.07}}}\n" + lan,
		`2: host a: interface lan: ipv4_address "10.0.2.07": want an IPv4 address`},
	{"address with length", "services:\n  a: {networks: {lan: {ipv4_address: 10.0.2.7/24}}}\n" + lan,
		`2: host a: interface lan: ipv4_address "10.0.2.7/24": want an IPv4 address`},
	{"families confused", "services:\n  a:\n    networks:\n      lan:\n        ipv4_address: fd00::7\n        ipv6_address: 10.0.2.7\n" + lan, "" +
		`5: host a: interface lan: ipv4_address "fd00::7": want an IPv4 address` + "\n" +
		`6: host a: interface lan: ipv6_address "10.0.2.7": want an IPv6 address`},
	{"address with zone", "services:\n  a: {networks: {lan: {ipv6_address: \"fe80::1%eth0\"}}}\n" + lan,
		`2: host a: interface lan: ipv6_address "fe80::1%eth0": want an IPv6 address`},
	{"IPv6 address without a prefix", "services:\n  a: {networks: {lan: {ipv6_address: \"fd00::7\"}}}\n" + lan,
		"2: host a: interface lan: address fd00::7 is outside network lan 10.0.2.0/24"},
	{"address on a network without prefix", "services:\n  a: {networks: {lan: {ipv4_address: 10.0.2.7}}}\nnetworks: {lan: {}}\n",
		"2: host a: interface lan: address 10.0.2.7 on a network without a prefix: want the network to have one"},
	{"subnet-router anycast", "services:\n  a: {networks: {v6: {ipv6_address: \"fd00::\"}}}\nnetworks: {v6: {enable_ipv6: true, ipam: {config: [{subnet: \"fd00::/64\"}]}}}\n",
		"2: host a: interface v6: address fd00:: is the subnet-router anycast address of fd00::/64"},

	// Networks.
	{"no subnet", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    ipam:\n      config:\n        - gateway: 10.0.2.1\n",
		`6: network n: subnet "": want a prefix like 192.168.5.0/24`},
	{"subnet without length", "services: {a: {networks: {n: {ipv4_address: 10.0.2.7}}}}\nnetworks:\n  n:\n    ipam:\n      config:\n        - subnet: 10.0.2.0\n",
		`6: network n: subnet "10.0.2.0": want a prefix like 192.168.5.0/24`},
	{"subnet with host bits", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.0.2.7/24}]}}\n",
		"3: network n: prefix 10.0.2.7/24 has bits set behind its length: want 10.0.2.0/24"},
	{"loopback", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 127.0.5.0/24}]}}\n",
		"3: network n: prefix 127.0.5.0/24 is no range for hosts of a network"},
	{"multicast", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 224.0.5.0/24}]}}\n",
		"3: network n: prefix 224.0.5.0/24 is no range for hosts of a network"},
	{"everything", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 0.0.0.0/0}]}}\n",
		"3: network n: prefix 0.0.0.0/0 is no range for hosts of a network"},
	{"overlap", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.0.0.0/16}]}}\n  m:\n    ipam:\n      config:\n        - subnet: 10.0.2.0/24\n",
		"7: network m: prefix 10.0.2.0/24 overlaps 10.0.0.0/16 of network n"},
	{"same prefix", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.0.2.0/24}]}}\n  m: {ipam: {config: [{subnet: 10.0.2.0/24}]}}\n",
		"4: network m: prefix 10.0.2.0/24 overlaps 10.0.2.0/24 of network n"},
	{"two IPv4 prefixes", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    ipam:\n      config:\n        - subnet: 10.0.2.0/24\n        - subnet: 10.0.3.0/24\n",
		"7: network n: prefix 10.0.3.0/24 beside 10.0.2.0/24: want at most one IPv4 prefix on a network"},
	{"gateway outside", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    ipam:\n      config:\n        - subnet: 10.0.2.0/24\n          gateway: 10.0.3.1\n",
		"7: network n: gateway 10.0.3.1 is outside network n 10.0.2.0/24"},
	{"gateway is broadcast", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.0.2.0/24, gateway: 10.0.2.255}]}}\n",
		"3: network n: gateway 10.0.2.255 is the broadcast address of 10.0.2.0/24"},
	{"gateway is no address", "services: {a: {networks: [n]}}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.0.2.0/24, gateway: router}]}}\n",
		`3: network n: gateway "router": want an address`},
	{"MTU too small", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    driver_opts:\n      com.docker.network.driver.mtu: 67\n",
		"5: network n: MTU 67: want 68 to 65535 bytes"},
	{"MTU too small for IPv6", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    enable_ipv6: true\n    driver_opts: {com.docker.network.driver.mtu: 1279}\n    ipam: {config: [{subnet: \"fd00::/64\"}]}\n",
		"5: network n: MTU 1279: want 1280 to 65535 bytes"},
	{"MTU too large", "services: {a: {networks: [n]}}\nnetworks:\n  n: {driver_opts: {com.docker.network.driver.mtu: 65536}}\n",
		"3: network n: MTU 65536: want 68 to 65535 bytes"},
	{"MTU no number", "services: {a: {networks: [n]}}\nnetworks:\n  n: {driver_opts: {com.docker.network.driver.mtu: large}}\n",
		`3: network n: MTU "large": want a number of bytes`},
	{"MTU 0", "services: {a: {networks: [n]}}\nnetworks:\n  n: {driver_opts: {com.docker.network.driver.mtu: 0}}\n",
		`3: network n: MTU "0": want a number of bytes`},
	{"IPv6 without subnet", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    enable_ipv6: true\n",
		"4: network n: enable_ipv6 without an IPv6 subnet: want one under ipam, like fd00:5::/64"},
	{"IPv6 not enabled", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    ipam: {config: [{subnet: \"fd00::/64\"}]}\n",
		"3: network n: an IPv6 subnet without enable_ipv6: want enable_ipv6: true"},
	{"not ours", "services: {a: {networks: [n, m, o]}}\nnetworks:\n  n:\n    external: true\n  m:\n    driver: macvlan\n  o:\n    internal: false\n", "" +
		"4: network n: external: a lab stands on its own networks only\n" +
		"6: network m: driver: \"macvlan\": want bridge, or none named\n" +
		"8: network o: internal: nothing leads out of a lab: want true"},

	// What a lab can't give.
	{"refused keys", `services:
  a:
    image: debian:12
    network_mode: host
    ports: ["80:80"]
    volumes: [".:/src"]
    privileged: true
    scale: 2
    links: [b]
    devices: [/dev/kvm]
    mac_address: 02:42:ac:11:65:43
  b:
    deploy: {replicas: 0}
    build: ./web
    networks:
      lan:
        mac_address: 02:42:ac:11:65:43
        link_local_ips: [169.254.1.1]
` + lan, "" +
		"2: host a: stands on no network\n" +
		"4: host a: network_mode: a host stands on the networks that it names: want networks\n" +
		"5: host a: ports: a lab publishes no ports: connect from another host\n" +
		"6: host a: volumes: a host has no files of this computer: want them in its image\n" +
		"7: host a: privileged: a host has the capabilities NET_ADMIN, NET_RAW and NET_BIND_SERVICE and no more\n" +
		"8: host a: scale: one service is one host: want a service for each\n" +
		"9: host a: links: hosts know each other by name: want aliases under networks\n" +
		"10: host a: devices: a host has no files of this computer: want them in its image\n" +
		"11: host a: mac_address: the engine chooses it\n" +
		"13: host b: deploy: one service is one host: want a service for each\n" +
		"14: host b: build: hostlab builds no images: want image: with one that is there, or hostlab\n" +
		"17: host b: interface lan: mac_address: the engine chooses it\n" +
		"18: host b: interface lan: link_local_ips: want ipv4_address or ipv6_address"},

	// x-hostlab.
	{"unknown key", "services:\n  a:\n    networks: [lan]\n    x-hostlab:\n      forwrad: true\n" + lan,
		"5: host a: x-hostlab: unknown key forwrad; did you mean forward?"},
	{"unknown key far from all", "services:\n  a:\n    networks: [lan]\n    x-hostlab:\n      nat: true\n" + lan,
		"5: host a: x-hostlab: unknown key nat: want forward or routes"},
	{"unknown key of a route", "services:\n  a:\n    networks: [lan]\n    x-hostlab:\n      routes:\n        - to: 10.0.9.0/24\n          via: 10.0.2.1\n          metric: 5\n  r: {networks: {lan: {ipv4_address: 10.0.2.1}}}\n" + lan,
		"8: host a: x-hostlab: route: unknown key metric: want to or via"},
	{"misspelt itself", "services:\n  a:\n    networks: [lan]\n    x-hostlap: {forward: true}\n" + lan,
		"4: host a: unknown key x-hostlap; did you mean x-hostlab?"},
	{"in a network", "services: {a: {networks: [n]}}\nnetworks:\n  n:\n    x-hostlab:\n      forward: true\n",
		"5: network n: x-hostlab: unknown key forward: x-hostlab belongs to a service"},
	{"at the top", "services: {a: {}}\nx-hostlab:\n  forward: true\n",
		"3: the file: x-hostlab: unknown key forward: x-hostlab belongs to a service"},
	{"no mapping", "services:\n  a:\n    networks: [lan]\n    x-hostlab: forward\n" + lan,
		"4: host a: x-hostlab: want a mapping"},
	{"forward maybe", "services:\n  a:\n    networks: [lan]\n    x-hostlab:\n      forward: maybe\n" + lan,
		`5: host a: x-hostlab: forward "maybe": want true or false`},
	{"routes no list", "services:\n  a:\n    networks: [lan]\n    x-hostlab:\n      routes: {to: 10.0.9.0/24, via: 10.0.2.1}\n" + lan,
		"5: host a: x-hostlab: routes: want a list of {to: PREFIX, via: ADDRESS}"},
	{"route no mapping", "services:\n  a:\n    networks: [lan]\n    x-hostlab:\n      routes:\n        - 10.0.9.0/24\n" + lan,
		"6: host a: x-hostlab: route: want {to: PREFIX, via: ADDRESS}"},
	{"route's values", "services:\n  a:\n    networks: [lan]\n    x-hostlab:\n      routes:\n        - to: 10.0.9.0\n          via: r1\n        - {}\n" + lan, "" +
		`6: host a: x-hostlab: route: to "10.0.9.0": want a prefix like 10.0.9.0/24, or 0.0.0.0/0 for the default route` + "\n" +
		`7: host a: x-hostlab: route: via "r1": want an address of a neighbour` + "\n" +
		`8: host a: x-hostlab: route: to "": want a prefix like 10.0.9.0/24, or 0.0.0.0/0 for the default route` + "\n" +
		`8: host a: x-hostlab: route: via "": want an address of a neighbour`},
	{"routes", `services:
  a:
    networks: {lan: {ipv4_address: 10.0.2.7}}
    x-hostlab:
      routes:
        - {to: 10.0.9.0/24, via: 10.0.2.1}
        - {to: 10.0.9.0/24, via: 10.0.2.1}
        - {to: 10.1.9.0/24, via: 10.0.2.7}
        - {to: 10.2.9.0/24, via: 10.0.2.77}
        - {to: 10.3.9.0/24, via: 10.0.9.1}
        - {to: 10.4.9.7/24, via: 10.0.2.1}
        - {to: "fd00::/64", via: 10.0.2.1}
  r:
    networks: {lan: {ipv4_address: 10.0.2.1}, wan: {ipv4_address: 10.0.9.1}}
` + lan, "" +
		"7: host a: route to 10.0.9.0/24: a second one: want one per destination\n" +
		"8: host a: route to 10.1.9.0/24 via 10.0.2.7: that is the host itself\n" +
		"9: host a: route to 10.2.9.0/24 via 10.0.2.77: that is no address of a host on its networks\n" +
		"10: host a: route to 10.3.9.0/24 via 10.0.9.1: that is no address of a host on its networks\n" +
		"11: host a: route to 10.4.9.7/24 has bits set behind its length: want 10.4.9.0/24\n" +
		"12: host a: route to fd00::/64 via 10.0.2.1: want both IPv4 or both IPv6"},

	// Merged text is complained about where it stands.
	{"in an anchor", "x-host: &host\n  x-hostlab:\n    forwad: true\n  networks:\n    lan:\n      ipv4_address: 10.0.9.7\nservices:\n  a:\n    <<: *host\n" + lan, "" +
		"3: host a: x-hostlab: unknown key forwad; did you mean forward?\n" +
		"6: host a: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24"},

	// Everything at once, in the order of the lines.
	{"all at once", "services:\n  web_1:\n    networks:\n      lan: {ipv4_address: 10.0.9.7}\n  b:\n    networks: [man]\n    x-hostlab: {nat: true}\nnetworks:\n  lan:\n    ipam: {config: [{subnet: 10.0.2.0/24}]}\n    driver_opts: {com.docker.network.driver.mtu: 5}\n", "" +
		`2: host "web_1": the name is no DNS label: want 1 to 63 letters, digits and hyphens, with no hyphen at an end (RFC 1123 section 2.1)` + "\n" +
		"4: host web_1: interface lan: address 10.0.9.7 is outside network lan 10.0.2.0/24\n" +
		"6: host b: unknown network man; did you mean lan?\n" +
		"7: host b: x-hostlab: unknown key nat: want forward or routes\n" +
		"11: network lan: MTU 5: want 68 to 65535 bytes"},
}

func TestParseBad(t *testing.T) {
	for _, tt := range badFiles {
		t.Run(tt.name, func(t *testing.T) {
			top, err := Parse(t.Context(), "compose.yaml", []byte(tt.text))
			if err == nil {
				t.Fatalf("got %+v; want an error", top)
			}
			var want []string
			for line := range strings.SplitSeq(tt.want, "\n") {
				want = append(want, "topology: compose.yaml:"+line)
			}
			if got := err.Error(); got != strings.Join(want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
}
