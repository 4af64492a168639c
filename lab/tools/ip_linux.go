package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

// An ipCall is one call of ip, past its flags.
type ipCall struct {
	out    io.Writer
	family int // AF_INET, AF_INET6, or AF_UNSPEC for both
	json   bool
	brief  bool
	words  []string // what is still to be read
}

func ip() *command {
	return &command{
		name: "ip",
		forms: []string{
			"[-4 | -6] [-j] [-br] addr [show] [[dev] IF]",
			"[-j] [-br] link [show] [[dev] IF]",
			"[-4 | -6] [-j] route [show]",
			"[-j] route get ADDRESS",
			"[-4 | -6] [-j] neigh [show]",
			"addr add|del ADDRESS/LENGTH dev IF [nodad]",
			"route add|replace|del PREFIX|default [via ADDRESS] [dev IF] [src ADDRESS]",
			"link set IF up|down|mtu N",
			"neigh flush dev IF",
		},
		about: "Shows and sets the host's addresses, links, routes and neighbours, and prints\nthem as iproute2 does.",
		more: `Words may be shortened: "ip a", "ip r". What is set lasts as long as the host.
JSON has iproute2's fields.`,
		examples: []string{"addr", "-br addr", "route get 192.168.5.130", "addr add 192.168.5.131/24 dev eth0", "link set eth0 mtu 1280"},
		early:    true,
		spell: func(arg string) string {
			switch arg {
			case "-br", "-brief":
				return "--brief"
			case "-json":
				return "--json"
			case "-c", "-o", "-color", "-oneline":
				return "--" + map[byte]string{'c': "color", 'o': "oneline"}[arg[1]]
			}
			return arg
		},
		define: func(flags *pflag.FlagSet) action {
			four := flags.BoolP("ipv4", "4", false, "IPv4 only")
			six := flags.BoolP("ipv6", "6", false, "IPv6 only; ip route shows IPv4 unless told")
			asJSON := flags.BoolP("json", "j", false, "print JSON")
			brief := flags.BoolP("brief", "b", false, "one line for each interface, also -br")
			flags.Bool("color", false, "ignored: there are no colours")
			flags.MarkHidden("color")
			return func(_ context.Context, s program.Stdio, words []string) error {
				c := &ipCall{out: s.Out, json: *asJSON, brief: *brief, words: words}
				switch {
				case *four:
					c.family = unix.AF_INET
				case *six:
					c.family = unix.AF_INET6
				}
				return c.run()
			}
		},
	}
}

// run finds the object and the command, both of which may be shortened.
func (c *ipCall) run() error {
	if len(c.words) == 0 {
		return misusef("addr, link, route or neigh was expected")
	}
	object := c.words[0]
	c.words = c.words[1:]
	switch {
	case short(object, "address"):
		return c.verb(c.showAddrs, verb{"add", c.setAddr(netlink.AddrAdd)}, verb{"delete", c.setAddr(netlink.AddrDel)})
	case short(object, "link"):
		return c.verb(c.showLinks, verb{"set", c.setLink})
	case short(object, "route"):
		return c.verb(c.showRoutes, verb{"get", c.getRoute}, verb{"add", c.setRoute(netlink.RouteAdd)},
			verb{"replace", c.setRoute(netlink.RouteReplace)}, verb{"delete", c.setRoute(netlink.RouteDel)})
	case short(object, "neighbour") || short(object, "neighbor"):
		return c.verb(c.showNeighbours, verb{"flush", c.flushNeighbours})
	}
	return misusef("%q: addr, link, route or neigh was expected", object)
}

// A verb is a command of an object.
type verb struct {
	name string
	run  func() error
}

// verb runs the command that the next word names; show when there is none.
func (c *ipCall) verb(show func() error, verbs ...verb) error {
	if len(c.words) == 0 {
		return show()
	}
	word := c.words[0]
	if word == "dev" {
		return show()
	}
	c.words = c.words[1:]
	if short(word, "show") || short(word, "list") || word == "lst" {
		return show()
	}
	var names []string
	for _, v := range verbs {
		if short(word, v.name) {
			return v.run()
		}
		names = append(names, v.name)
	}
	return misusef("%q: show, %s was expected", word, strings.Join(names, ", "))
}

// short tells whether word is name, or its beginning.
func short(word, name string) bool { return word != "" && strings.HasPrefix(name, word) }

// device reads an optional "dev IF", or just the name.
func (c *ipCall) device() (string, error) {
	if len(c.words) > 0 && c.words[0] == "dev" {
		c.words = c.words[1:]
		if len(c.words) == 0 {
			return "", misusef("dev: the name of an interface was expected")
		}
	}
	if len(c.words) == 0 {
		return "", nil
	}
	name := c.words[0]
	c.words = c.words[1:]
	return name, noWords(c.words)
}

// printJSON prints one line, as iproute2 does.
func (c *ipCall) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s\n", b)
	return err
}

// linkByName finds an interface.
func linkByName(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("dev %s: %w", name, unix.ENODEV)
	}
	return link, nil
}
