package tools

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An ipRoute is what ip shows of a route; the JSON fields are iproute2's.
type ipRoute struct {
	Type     string   `json:"type,omitempty"` // "" is unicast
	To       string   `json:"dst"`
	Source   string   `json:"from,omitempty"` // of route get
	Via      string   `json:"gateway,omitempty"`
	Dev      string   `json:"dev,omitempty"`
	Protocol string   `json:"protocol,omitempty"` // "" is boot
	Scope    string   `json:"scope,omitempty"`    // "" is global
	From     string   `json:"prefsrc,omitempty"`
	Metric   int      `json:"metric,omitempty"`
	Flags    []string `json:"flags"`
	MTU      int      `json:"-"`
	Hops     []string `json:"-"` // of a route with several next hops
	Pref     string   `json:"pref,omitempty"`
	UID      *int     `json:"uid,omitempty"`
	Cache    []string `json:"cache,omitzero"`
}

// showRoutes is "ip route": the main table, IPv4 unless told.
func (c *ipCall) showRoutes() error {
	name, err := c.device()
	if err != nil {
		return err
	}
	family := c.family
	if family == unix.AF_UNSPEC {
		family = unix.AF_INET
	}
	names, err := linkNames()
	if err != nil {
		return err
	}
	list, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("routes: %w", err)
	}
	routes := []ipRoute{}
	for _, r := range list {
		route := newRoute(r, family, names)
		if r.Family != family || name != "" && name != route.Dev {
			continue
		}
		if name != "" {
			route.Dev = "" // goes without saying
		}
		routes = append(routes, route)
	}
	if c.json {
		return c.printJSON(routes)
	}
	for _, r := range routes {
		fmt.Fprintf(c.out, "%s\n", r)
	}
	return nil
}

func linkNames() (map[int]string, error) {
	list, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	names := map[int]string{}
	for _, l := range list {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	return names, nil
}

// routeTypes are rtnetlink(7)'s RTN_, but for unicast, which goes without saying.
var routeTypes = map[int]string{
	unix.RTN_LOCAL: "local", unix.RTN_BROADCAST: "broadcast", unix.RTN_ANYCAST: "anycast", unix.RTN_MULTICAST: "multicast",
	unix.RTN_BLACKHOLE: "blackhole", unix.RTN_UNREACHABLE: "unreachable", unix.RTN_PROHIBIT: "prohibit", unix.RTN_THROW: "throw",
}

func newRoute(r netlink.Route, family int, names map[int]string) ipRoute {
	route := ipRoute{
		Type: routeTypes[r.Type], To: "default", Dev: names[r.LinkIndex], Metric: r.Priority, MTU: r.MTU, Flags: []string{},
	}
	if r.Dst != nil {
		if ones, bits := r.Dst.Mask.Size(); ones == bits {
			route.To = r.Dst.IP.String()
		} else if ones > 0 || !r.Dst.IP.IsUnspecified() {
			route.To = r.Dst.String()
		}
	}
	if r.Gw != nil {
		route.Via = r.Gw.String()
	}
	if r.Src != nil {
		route.From = r.Src.String()
	}
	if r.Protocol != unix.RTPROT_BOOT && r.Protocol != unix.RTPROT_UNSPEC {
		route.Protocol = r.Protocol.String()
	}
	if family == unix.AF_INET && r.Scope != netlink.SCOPE_UNIVERSE {
		route.Scope = r.Scope.String()
	}
	if family == unix.AF_INET6 && route.Type == "" {
		route.Pref = "medium"
	}
	for _, f := range []struct {
		bit  int
		name string
	}{{unix.RTNH_F_DEAD, "dead"}, {unix.RTNH_F_ONLINK, "onlink"}, {unix.RTNH_F_LINKDOWN, "linkdown"}} {
		if r.Flags&f.bit != 0 {
			route.Flags = append(route.Flags, f.name)
		}
	}
	for _, h := range r.MultiPath {
		route.Hops = append(route.Hops, fmt.Sprintf("nexthop via %s dev %s weight %d", h.Gw, names[h.LinkIndex], h.Hops+1))
	}
	return route
}

// String is the route's line, which ends with a blank as iproute2's does.
func (r ipRoute) String() string {
	var b strings.Builder
	add := func(key, value string) {
		if value != "" && value != "0" {
			b.WriteString(key + value + " ")
		}
	}
	add("", r.Type)
	add("", r.To)
	add("from ", r.Source)
	add("via ", r.Via)
	add("dev ", r.Dev)
	add("proto ", r.Protocol)
	add("scope ", r.Scope)
	add("src ", r.From)
	add("metric ", strconv.Itoa(r.Metric))
	add("", strings.Join(r.Flags, " "))
	add("mtu ", strconv.Itoa(r.MTU))
	if r.UID != nil {
		b.WriteString("uid " + strconv.Itoa(*r.UID) + " ")
	}
	if r.Pref != "" {
		b.WriteString("pref " + r.Pref)
	}
	for _, h := range r.Hops {
		b.WriteString("\n\t" + h + " ")
	}
	return b.String()
}

// getRoute is "ip route get ADDRESS": which way a packet would leave. To an
// address of this very host that is lo.
func (c *ipCall) getRoute() error {
	opts, err := c.options("from")
	if err != nil {
		return err
	}
	to, err := netip.ParseAddr(opts[""])
	if err != nil {
		return misusef("route get %q: an address was expected", opts[""])
	}
	var ask *netlink.RouteGetOptions
	if opts["from"] != "" {
		from, err := netip.ParseAddr(opts["from"])
		if err != nil {
			return misusef("from %q: an address was expected", opts["from"])
		}
		ask = &netlink.RouteGetOptions{SrcAddr: from.AsSlice()}
	}
	list, err := netlink.RouteGetWithOptions(net.IP(to.AsSlice()), ask)
	if err != nil {
		return fmt.Errorf("route get %s: %w", to, err)
	}
	names, err := linkNames()
	if err != nil {
		return err
	}
	uid := unix.Getuid()
	var routes []ipRoute
	for _, r := range list {
		family := unix.AF_INET
		if to.Is6() {
			family = unix.AF_INET6
		}
		route := newRoute(r, family, names)
		route.To, route.Scope = to.String(), ""
		switch {
		case to.Is6():
			if route.Source = "::"; opts["from"] != "" {
				route.Source = opts["from"]
			}
		case route.Type == "local":
			route.UID, route.Cache = &uid, []string{"local"}
		default:
			route.UID, route.Cache = &uid, []string{}
		}
		routes = append(routes, route)
	}
	if c.json {
		return c.printJSON(routes)
	}
	for _, r := range routes {
		fmt.Fprintln(c.out, r)
		if len(r.Cache) > 0 {
			fmt.Fprintf(c.out, "    cache <%s> \n", strings.Join(r.Cache, ","))
		} else if r.Cache != nil {
			fmt.Fprintln(c.out, "    cache ")
		}
	}
	return nil
}

// setRoute is "ip route add|replace|del PREFIX [via ADDRESS] [dev IF] …".
func (c *ipCall) setRoute(do func(*netlink.Route) error) func() error {
	return func() error {
		opts, err := c.options("via", "dev", "src", "metric")
		if err != nil {
			return err
		}
		route := &netlink.Route{}
		if err := c.destination(route, opts[""], opts["via"]); err != nil {
			return err
		}
		for key, into := range map[string]*net.IP{"via": &route.Gw, "src": &route.Src} {
			if opts[key] == "" {
				continue
			}
			addr, err := netip.ParseAddr(opts[key])
			if err != nil {
				return misusef("%s %q: an address was expected", key, opts[key])
			}
			*into = addr.AsSlice()
		}
		if opts["metric"] != "" {
			if route.Priority, err = strconv.Atoi(opts["metric"]); err != nil {
				return misusef("metric %q: a number was expected", opts["metric"])
			}
		}
		if opts["dev"] != "" {
			link, err := linkByName(opts["dev"])
			if err != nil {
				return err
			}
			route.LinkIndex = link.Attrs().Index
			if route.Gw == nil && route.Family == unix.AF_INET {
				route.Scope = netlink.SCOPE_LINK
			}
		}
		if err := do(route); err != nil {
			return change(fmt.Errorf("route %s: %w", strings.Join(c.words, " "), err))
		}
		return nil
	}
}

// destination reads a prefix, an address or "default", whose family is that of
// the gateway.
func (c *ipCall) destination(route *netlink.Route, word, via string) error {
	if word == "" {
		return misusef("a prefix, an address or default was expected")
	}
	if word == "default" {
		word = "0.0.0.0/0"
		if strings.Contains(via, ":") || via == "" && c.family == unix.AF_INET6 {
			word = "::/0"
		}
	}
	prefix, err := addressOf(word)
	if err != nil {
		return misusef("%q: a prefix, an address or default was expected", word)
	}
	route.Dst, route.Family = ipNet(prefix.Masked()), unix.AF_INET
	if prefix.Addr().Is6() {
		route.Family = unix.AF_INET6
	}
	return nil
}
