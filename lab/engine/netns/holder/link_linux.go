package holder

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// onLink does something on the thread with a living host's interface on a network.
func (l *lab) onLink(h *host, network string, do func(*plug) error) error {
	return l.thread.do(l.thread.home, func() error {
		if err := h.living(); err != nil {
			return err
		}
		for _, p := range h.plugs {
			if p.link.Network == network {
				return do(p)
			}
		}
		return fmt.Errorf("host %s: not on a network %q", h.spec.Name, network)
	})
}

func (h *host) living() error {
	if h.dead {
		return fmt.Errorf("host %s: it was ended", h.spec.Name)
	}
	return nil
}

// cut takes an interface away, and its routes with it.
func (l *lab) cut(p *plug) error {
	if p.cut {
		return fmt.Errorf("host %s: its cable to network %s is cut already", p.host.spec.Name, p.link.Network)
	}
	var b batch
	b.removeLink("network "+p.link.Network, p.port)
	err := l.sw.do(&b)
	p.cut = true
	return errors.Join(err, l.forget(p))
}

// join lays the cable of an interface again.
func (l *lab) join(p *plug) error {
	h := p.host
	if !p.cut {
		return fmt.Errorf("host %s: its cable to network %s is not cut", h.spec.Name, p.link.Network)
	}
	if err := l.thread.move(h.net); err != nil {
		return err
	}
	if h.rt == nil {
		var err error
		if h.rt, err = openRTNL(l.buf); err != nil {
			return err
		}
		if !l.plan.Static {
			defer h.closeRT()
		}
	}
	var b batch
	if err := l.plugIn(p, &b); err != nil {
		return err
	}
	p.cut = false
	if err := l.configure(h, &b, p); err != nil {
		return err
	}
	if err := l.sw.awaitUp("switch", p.port); err != nil {
		return err
	}
	return l.introduceAgain(p)
}

// With static neighbours, hosts in which programs run know all the others, and
// all others know them, by entries that never age. Idle hosts do not know each
// other: that would be a million entries for a thousand hosts, 0.5 kB each.

// introduce lets a host and all the others on its networks know each other.
func (l *lab) introduce(h *host) error {
	if !l.plan.Static {
		return nil
	}
	var own batch
	var errs []error
	for _, p := range h.plugs {
		if p.cut {
			continue
		}
		news := map[int]*batch{} // of p, by the number of the interface that is told
		for _, other := range l.others(p) {
			own.know(p, other)
			if other.host.dialed {
				continue // it knows everybody
			}
			b := news[other.inner]
			if b == nil {
				b = &batch{}
				b.know(other, p)
				news[other.inner] = b
			}
			errs = append(errs, other.host.rt.do(b))
		}
	}
	return errors.Join(append(errs, h.rt.do(&own))...)
}

// know tells the first interface where the addresses of the second are.
func (b *batch) know(p, other *plug) {
	for _, a := range other.link.Addrs {
		b.knowNeighbour("neighbour", p.inner, a.Addr(), other.link.MAC)
	}
}

// forget has every host ask for the addresses of an absent one again, in vain.
func (l *lab) forget(p *plug) error {
	return l.retell(p, func(b *batch, other *plug) {
		for _, a := range p.link.Addrs {
			b.forgetNeighbour("neighbour", other.inner, a.Addr())
		}
	})
}

// introduceAgain restores what forget took, and what the host itself lost with
// its interface.
func (l *lab) introduceAgain(p *plug) error {
	if err := l.retell(p, func(b *batch, other *plug) { b.know(other, p) }); err != nil {
		return err
	}
	if p.host.dialed {
		return l.introduce(p.host)
	}
	var own batch
	for _, other := range l.others(p) {
		if l.plan.Static && other.host.dialed {
			own.know(p, other)
		}
	}
	if len(own.messages) == 0 {
		return nil
	}
	return p.host.rt.do(&own)
}

// retell changes what the hosts on p's network know of p, in those that know it.
func (l *lab) retell(p *plug, change func(*batch, *plug)) error {
	if !l.plan.Static {
		return nil
	}
	var errs []error
	for _, other := range l.others(p) {
		if other.host.dialed || p.host.dialed {
			var b batch
			change(&b, other)
			if err := other.host.rt.do(&b); !errors.Is(err, unix.ENOENT) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// others are the other interfaces on a plug's network, of living hosts.
func (l *lab) others(p *plug) []*plug {
	var found []*plug
	for _, h := range l.hosts {
		if h == p.host || h.dead {
			continue
		}
		for _, other := range h.plugs {
			if other.link.Network == p.link.Network && !other.cut {
				found = append(found, other)
			}
		}
	}
	return found
}
