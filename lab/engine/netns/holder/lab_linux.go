package holder

import (
	"fmt"
	"net/netip"
	"os"
	"time"
)

// A lab is what a holder holds. After up, all of it but the connection is of
// the thread: whoever looks at it or changes it does so there.
type lab struct {
	conn     *Conn
	thread   *thread
	children *children

	plan    *Plan
	sw      *rtnl       // in the switch
	bridges []int       // their interfaces' numbers
	trunks  map[int]int // by bridge: the port at its own end of its trunk
	downs   map[int]int // by bridge: the port at the other end
	hosts   map[string]*host
	next    int // number of the next interface of the switch
	set     *settings
	buf     []byte // of every rtnl

	rooted  chan struct{} // closed when the root is the hosts' and not the computer's
	rootErr error         // why it is not; set before
	laid    chan struct{} // closed when the hosts' files are there
	layErr  error         // why they are not; set before
}

// A host is one of the lab's, as it runs.
type host struct {
	spec   Host
	net    *os.File // its network namespace; nil when it was killed
	rt     *rtnl    // in there; kept open where neighbours are static
	plugs  []*plug
	dialed bool
	paused bool
	asleep map[int]bool  // processes that were stopped before the host was
	agent  int           // its process 1; 0 before it is dialed
	gone   chan struct{} // closed when that has ended
	dead   bool
}

// A plug is an interface of a host in its place on a network.
type plug struct {
	host  *host
	n     int // eth0, eth1 …
	link  Link
	port  int // the number of the other end, in the switch
	inner int // and of this one, in the host
	cut   bool
}

func newLab(conn *Conn) (*lab, error) {
	t, err := newThread()
	if err != nil {
		return nil, err
	}
	return &lab{
		conn: conn, thread: t, children: newChildren(), hosts: map[string]*host{}, next: 2, set: newSettings(), buf: make([]byte, bufferSize),
		trunks: map[int]int{}, downs: map[int]int{}, rooted: make(chan struct{}), laid: make(chan struct{}),
	}, nil
}

// host returns a host of the lab.
func (l *lab) host(name string) (h *host, err error) {
	err = l.thread.do(l.thread.home, func() error {
		if h = l.hosts[name]; h == nil {
			return fmt.Errorf("host %q: not in this lab", name)
		}
		return nil
	})
	return h, err
}

// reportEvery is how often up tells how far it is.
const reportEvery = 100 * time.Millisecond

// up makes all of a plan. Done is told how many hosts are there.
func (l *lab) up(p *Plan, done func(int)) error {
	go func() {
		<-l.rooted
		if l.layErr = l.rootErr; l.layErr == nil {
			l.layErr = layFiles(p.Programs)
		}
		close(l.laid)
	}()
	err := l.thread.do(l.thread.home, func() error { return l.make(p, done) })
	if <-l.rooted; l.rootErr != nil {
		return l.rootErr // what else went wrong comes of it
	}
	return err
}

// make makes the switch and all hosts, on the thread.
func (l *lab) make(p *Plan, done func(int)) error {
	defer l.set.close()
	if err := l.makeSwitch(p); err != nil {
		return err
	}
	told := time.Now()
	for i, spec := range p.Hosts {
		if err := l.makeHost(spec); err != nil {
			return fmt.Errorf("host %s: %w", spec.Name, err)
		}
		if time.Since(told) > reportEvery {
			told = time.Now()
			done(i + 1)
		}
	}
	return l.awaitPorts()
}

// makeSwitch makes the bridges and the trunks between them.
func (l *lab) makeSwitch(p *Plan) error {
	l.plan = p
	l.set.next() // the computer's /proc is here still, and may be read-only
	if err := l.set.write(switchSettings); err != nil {
		return err
	}
	var err error
	if l.sw, err = openRTNL(l.buf); err != nil {
		return err
	}
	var b batch
	for i, br := range p.Bridges {
		l.bridges = append(l.bridges, l.number())
		b.addBridge("bridge of network "+br.Network, fmt.Sprintf("br%d", i), l.bridges[i], br.MTU)
	}
	for i, br := range p.Bridges {
		if br.Trunk < 0 {
			continue
		}
		l.trunks[i], l.downs[i] = l.number(), l.number()
		about := "trunk of network " + br.Network
		b.addCable(about, br.MTU,
			end{name: fmt.Sprintf("up%d", i), index: l.trunks[i], bridge: l.bridges[i]},
			end{name: fmt.Sprintf("down%d", i), index: l.downs[i]})
		b.plug(about, l.downs[i], l.bridges[br.Trunk])
	}
	return l.sw.do(&b)
}

// number returns a free number for an interface of the switch.
func (l *lab) number() int {
	n := l.next
	l.next++
	return n
}

// makeHost makes a host in a network namespace of its own, and stays there.
func (l *lab) makeHost(spec Host) error {
	ns, err := l.thread.create()
	if err != nil {
		return err
	}
	h := &host{spec: spec, net: ns, gone: make(chan struct{})}
	l.hosts[spec.Name] = h
	l.set.next()
	if err := l.set.writeNew(spec.Early); err != nil {
		return err
	}
	if h.rt, err = openRTNL(l.buf); err != nil {
		return err
	}
	var b batch
	b.switchOn("lo", 1)
	for n, link := range spec.Links {
		p := &plug{host: h, n: n, link: link, port: l.number(), inner: n + 2} // lo is 1
		h.plugs = append(h.plugs, p)
		if err := l.plugIn(p, &b); err != nil {
			return err
		}
	}
	if err := l.configure(h, &b, nil); err != nil {
		return err
	}
	if !l.plan.Static {
		h.closeRT()
	}
	return nil
}

// plugIn lays a plug's cable, and adds to b what the host is to do with its end.
func (l *lab) plugIn(p *plug, b *batch) error {
	about := "network " + p.link.Network
	var cable batch
	cable.addCable(about, p.link.MTU,
		end{name: fmt.Sprintf("p%d", p.port), index: p.port, bridge: l.bridges[p.link.Bridge]},
		end{name: InterfaceName(p.n), index: p.inner, mac: p.link.MAC, namespace: p.host.net})
	if l.plan.Static {
		l.knowPorts(&cable, p)
	}
	if err := l.sw.do(&cable); err != nil {
		return err
	}
	b.switchOn(about, p.inner)
	for _, a := range p.link.Addrs {
		b.addAddr(about, p.inner, a)
	}
	return plainFrames(p.host.rt.fd, InterfaceName(p.n))
}

// knowPorts tells every bridge of a network where a new plug is.
func (l *lab) knowPorts(b *batch, p *plug) {
	about := "network " + p.link.Network
	b.knowPort(about, p.port, p.link.MAC)
	home := p.link.Bridge
	top := home
	if t := l.plan.Bridges[home].Trunk; t >= 0 {
		top = t
		b.knowPort(about, l.downs[home], p.link.MAC)
	}
	for i, br := range l.plan.Bridges {
		if br.Trunk == top && i != home {
			b.knowPort(about, l.trunks[i], p.link.MAC)
		}
	}
}

// configure does what is in b, and then all that needs the host's interfaces.
// Only is the one plug that is new; nil means all.
func (l *lab) configure(h *host, b *batch, only *plug) error {
	for _, r := range h.spec.Routes {
		if only == nil || only.link.reaches(r.Via) {
			b.addRoute("host", r)
		}
	}
	if err := h.rt.do(b); err != nil {
		return err
	}
	if err := l.set.write(h.spec.Late); err != nil {
		return err
	}
	var indexes []int
	for _, p := range h.plugs {
		if !p.cut {
			indexes = append(indexes, p.inner)
		}
	}
	return h.rt.awaitUp("host "+h.spec.Name, indexes...)
}

// reaches reports whether an address is on the link's network.
func (l Link) reaches(a netip.Addr) bool {
	for _, p := range l.Addrs {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (h *host) closeRT() {
	if h.rt != nil {
		h.rt.close()
		h.rt = nil
	}
}

// awaitPorts returns when every port of the switch carries packets.
func (l *lab) awaitPorts() error {
	var ports []int
	for _, h := range l.hosts {
		for _, p := range h.plugs {
			ports = append(ports, p.port)
		}
	}
	return l.sw.awaitUp("switch", ports...)
}
