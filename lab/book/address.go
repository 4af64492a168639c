package book

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
)

// wildcard is what the empty name of a server's interface means, as in Python:
// every IPv4 address of the machine.
const wildcard = "0.0.0.0"

// everyone is Python's name for the limited broadcast address.
const everyone = "<broadcast>"

// A nameError is a host name without an address.
type nameError struct {
	name string
	text string // getaddrinfo's words for why
}

func (e *nameError) Error() string { return e.text + ": " + e.name }

// resolve turns the name of a host, or an address, into a socket address.
// Where a name has both, the IPv4 address is taken, the only kind that the
// book's programs know. An address that maps IPv4 into IPv6 counts as IPv4.
func resolve(ctx context.Context, host string, p port) (netip.AddrPort, error) {
	if host == everyone {
		host = "255.255.255.255"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		addr, err = lookup(ctx, host)
	}
	if err != nil {
		return netip.AddrPort{}, err
	}
	if zone := addr.Zone(); zone != "" && !knownZone(zone) {
		return netip.AddrPort{}, &nameError{host, "Name or service not known"}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), nil
}

// lookup asks the resolver for host: the hosts file, then DNS.
func lookup(ctx context.Context, host string) (netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return netip.Addr{}, ctx.Err()
	case errors.As(err, &dns) && !dns.IsNotFound:
		return netip.Addr{}, &nameError{host, "Temporary failure in name resolution"}
	case err != nil || len(addrs) == 0:
		return netip.Addr{}, &nameError{host, "Name or service not known"}
	}
	return preferred(addrs), nil
}

// preferred returns the first IPv4 address, or else the first.
func preferred(addrs []netip.Addr) netip.Addr {
	for _, a := range addrs {
		if a.Unmap().Is4() {
			return a
		}
	}
	return addrs[0]
}

// knownZone reports whether zone names an interface of this machine, by name or
// by number. The net package takes an unknown one for none.
func knownZone(zone string) bool {
	if n, err := strconv.Atoi(zone); err == nil {
		_, err = net.InterfaceByIndex(n)
		return err == nil
	}
	_, err := net.InterfaceByName(zone)
	return err == nil
}

// serverAddress resolves what a server was told to listen on; "" is everything.
func serverAddress(ctx context.Context, iface string, p port) (netip.AddrPort, error) {
	if iface == "" {
		iface = wildcard
	}
	return resolve(ctx, iface, p)
}

// clientAddress resolves the host that a client was told to call.
func clientAddress(ctx context.Context, host string, p port) (netip.AddrPort, error) {
	switch {
	case host == "":
		return netip.AddrPort{}, misuse("host %q: expected a name or an address", host)
	case p == 0:
		return netip.AddrPort{}, misuse("port 0: a client needs the server's port, 1 to 65535")
	}
	return resolve(ctx, host, p)
}

// family returns network ("udp", "tcp") with the family of a, so that the net
// package does not choose another one.
func family(network string, a netip.AddrPort) string {
	if a.Addr().Is4() {
		return network + "4"
	}
	return network + "6"
}

// local and peer return the names of a connection's two ends.
func local(c interface{ LocalAddr() net.Addr }) netip.AddrPort { return addrPort(c.LocalAddr()) }
func peer(c interface{ RemoteAddr() net.Addr }) netip.AddrPort { return addrPort(c.RemoteAddr()) }

func addrPort(a net.Addr) netip.AddrPort {
	p, ok := a.(interface{ AddrPort() netip.AddrPort }) // *net.UDPAddr, *net.TCPAddr
	if !ok {
		return netip.AddrPort{}
	}
	return p.AddrPort()
}
