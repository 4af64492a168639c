package lab_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"hostlab/lab"
	"hostlab/lab/topology"
)

// The page's experiment: a server on one host, a client on another.
func Example() {
	ctx := context.Background()
	t, err := lab.Load(ctx, "../compose.yaml")
	if err != nil {
		log.Fatal(err)
	}
	l, err := lab.Start(ctx, t, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	server, err := l.Host("guinness").Start(ctx, "udp_remote", "server", "192.168.5.130")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := server.WaitLine(ctx, "Listening at"); err != nil {
		log.Fatal(err)
	}
	res, err := l.Host("laptop").Run(ctx, "udp_remote", "client", "guinness")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(res.Stdout)
}

// A topology can be written as a literal: a server behind a router.
//
//	client .10 --- near 10.0.1.0/24 --- .1 router .1 --- far 10.0.2.0/24 --- .10 server
func ExampleStart() {
	near, far := netip.MustParsePrefix("10.0.1.0/24"), netip.MustParsePrefix("10.0.2.0/24")
	on := func(network, addr string) topology.Interface {
		return topology.Interface{Network: network, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}
	}
	t := &topology.Topology{
		Networks: []topology.Network{
			{Name: "near", Prefixes: []netip.Prefix{near}},
			{Name: "far", Prefixes: []netip.Prefix{far}},
		},
		Hosts: []topology.Host{
			{Name: "client", Interfaces: []topology.Interface{on("near", "10.0.1.10")},
				Routes: []topology.Route{{To: far, Via: netip.MustParseAddr("10.0.1.1")}}},
			{Name: "router", Forward: true, Interfaces: []topology.Interface{on("near", "10.0.1.1"), on("far", "10.0.2.1")}},
			{Name: "server", Interfaces: []topology.Interface{on("far", "10.0.2.10")},
				Routes: []topology.Route{{To: near, Via: netip.MustParseAddr("10.0.2.1")}}},
		},
	}
	l, err := lab.Start(context.Background(), t, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	res, err := l.Host("client").Run(context.Background(), "ping", "-c", "1", "server")
	fmt.Print(res.Stdout, err)
}

// A cut cable: what was sent is lost without a word.
func ExampleHost_Cut() {
	var l *lab.Lab // a running one
	ctx := context.Background()
	guinness := l.Host("guinness")
	if err := guinness.Cut(ctx, "lan"); err != nil {
		log.Fatal(err)
	}
	_, err := l.Host("laptop").Run(ctx, "udp_remote", "client", "192.168.5.130")
	fmt.Println(err) // exit status 1: I think the server is down
	if err := guinness.Join(ctx, "lan"); err != nil {
		log.Fatal(err)
	}
}
