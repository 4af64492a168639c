package tools

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"hostlab/lab/hint"
	"hostlab/lab/program"
)

func await() *command {
	return &command{
		name:  "await",
		forms: []string{"[--timeout 10s] PROTOCOL/[ADDRESS:]PORT", "[--timeout 10s] gone PROTOCOL/[ADDRESS:]PORT"},
		about: `Waits until a socket of this host is bound (udp) or listening (tcp), or with
"gone" until none is. It looks at the kernel's tables and sends nothing, so
that no server hears of it. Without an address any socket on the port counts,
with one only a socket bound to just that address (0.0.0.0 is the wildcard).`,
		examples: []string{"udp/1060", "udp/192.168.5.130:1060", "tcp/[::1]:1060", "gone udp/1060 --timeout 2s"},
		exit:     "0 it is so, 1 not in time, 2 misuse",
		define: func(flags *pflag.FlagSet) action {
			patience := flags.Duration("timeout", 10*time.Second, "how long to wait at most")
			gone := flags.Bool("gone", false, "the same as the word gone")
			return func(ctx context.Context, _ program.Stdio, words []string) error {
				if len(words) > 0 && words[0] == "gone" {
					*gone, words = true, words[1:]
				}
				if len(words) != 1 {
					return misusef("one socket was expected, such as udp/1060")
				}
				want, err := parseBinding(words[0])
				if err != nil {
					return err
				}
				return want.await(ctx, *gone, *patience)
			}
		},
	}
}

// A binding names sockets by what they are bound to.
type binding struct {
	proto string     // "udp" or "tcp"
	addr  netip.Addr // zero: any
	port  uint16
}

// parseBinding reads "udp/1060", "tcp/192.168.5.130:1060", "udp/[::1]:1060".
func parseBinding(text string) (binding, error) {
	proto, rest, ok := strings.Cut(text, "/")
	if !ok || proto != "udp" && proto != "tcp" {
		return binding{}, misusef("%q: udp/PORT or tcp/PORT was expected", text)
	}
	if port, err := strconv.ParseUint(rest, 10, 16); err == nil && port > 0 {
		return binding{proto: proto, port: uint16(port)}, nil
	}
	at, err := netip.ParseAddrPort(rest)
	if err != nil || at.Port() == 0 {
		return binding{}, misusef("%q: a port from 1 to 65535, or ADDRESS:PORT, was expected", text)
	}
	return binding{proto, at.Addr().WithZone(""), at.Port()}, nil
}

// matches tells whether s is one of the sockets.
func (b binding) matches(s socket) bool {
	if s.proto == "tcp" && s.state != stateListening {
		return false
	}
	return s.local.Port() == b.port && (!b.addr.IsValid() || s.local.Addr() == b.addr)
}

// await polls the kernel's tables about every millisecond.
func (b binding) await(ctx context.Context, gone bool, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		list, err := sockets(b.proto)
		if err != nil {
			return err
		}
		bound := false
		for _, s := range list {
			bound = bound || b.matches(s)
		}
		if bound != gone {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return b.late(gone, patience, list)
		}
	}
}

// late says what was found instead.
func (b binding) late(gone bool, patience time.Duration, list []socket) error {
	if gone {
		return hint.Add(fmt.Errorf("%s: still bound after %v", b, patience), "ss -a%cnp", b.proto[0])
	}
	any := binding{proto: b.proto, port: b.port}
	for _, s := range list {
		if any.matches(s) {
			return hint.Add(fmt.Errorf("%s: not bound after %v; port %d is bound on %s", b, patience, b.port, s.local.Addr()), "ss -a%cnp", b.proto[0])
		}
	}
	return hint.Add(fmt.Errorf("%s: not bound after %v", b, patience), "ss -a%cnp", b.proto[0])
}

func (b binding) String() string {
	if b.addr.IsValid() {
		return b.proto + "/" + netip.AddrPortFrom(b.addr, b.port).String()
	}
	return b.proto + "/" + strconv.Itoa(int(b.port))
}
