package fault

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// tableName is the table of our own, so that clearing it touches nothing that
// an engine put beside it.
const tableName = "hostlab"

var errForeign = errors.New("fault: the table " + tableName + " has a rule that is not ours")

// typeWords marks, in a rule's user data, a fault's words without its source
// addresses, which stand in a set, and without its name, which is the comment.
const typeWords userdata.Type = 'w'

func table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}
}

// beforeDefrag comes before nf_defrag_ipv4 and nf_defrag_ipv6 (-400), and
// before conntrack: what nft(8) calls raw, and 150 more.
const beforeDefrag = -450

// hooks returns the chains by which packets come to faults: the hook that a
// packet for this host passes last before its socket, where IPv4's fragments
// are put together, and one where nothing has been done to a packet yet.
func hooks(t *nftables.Table) (input, prerouting *nftables.Chain) {
	accept := nftables.ChainPolicyAccept
	chain := func(name string, hook *nftables.ChainHook, priority nftables.ChainPriority) *nftables.Chain {
		return &nftables.Chain{
			Name: name, Table: t, Type: nftables.ChainTypeFilter,
			Hooknum: hook, Priority: nftables.ChainPriorityRef(priority), Policy: &accept,
		}
	}
	return chain("input", nftables.ChainHookInput, 0), chain("prerouting", nftables.ChainHookPrerouting, beforeDefrag)
}

// Add makes a fault act in the network namespace of the calling thread, beside
// those that are there. It needs the capability NET_ADMIN. When the kernel
// can't do it, the error wraps errors.ErrUnsupported and says what is missing.
//
// A fault has a chain of its own with what it does. Rules at the hook jump
// there with the packets that match, one for each family that differs.
func Add(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	f = withFrom(f, slices.SortedFunc(slices.Values(f.match().from), netip.Addr.Compare))
	c, err := nftables.New()
	if err != nil {
		return explain(f, err)
	}
	t, m := table(), f.match()
	c.AddTable(t)
	hook, prerouting := hooks(t)
	if m.fragment != "" {
		hook = prerouting
	}
	c.AddChain(hook)
	own := c.AddChain(&nftables.Chain{Name: fmt.Sprintf("fault-%d", time.Now().UnixNano()), Table: t})
	for _, e := range exceptions(m) {
		c.AddRule(&nftables.Rule{Table: t, Chain: own, Exprs: append(e, &expr.Verdict{Kind: expr.VerdictReturn})})
	}
	c.AddRule(&nftables.Rule{Table: t, Chain: own, Exprs: effect(f), UserData: describe(f)})
	for _, v := range m.families() {
		from, err := addrSet(c, t, m.from, v)
		if err != nil {
			return explain(f, err)
		}
		exprs := append(matchExprs(m, v, from), &expr.Verdict{Kind: expr.VerdictJump, Chain: own.Name})
		c.AddRule(&nftables.Rule{Table: t, Chain: hook, Exprs: exprs})
	}
	if err := c.Flush(); err != nil {
		return explain(f, err)
	}
	return nil
}

// addrSet makes the set of the addresses that are of the family, or none.
func addrSet(c *nftables.Conn, t *nftables.Table, addrs []netip.Addr, v family) (*nftables.Set, error) {
	if len(addrs) == 0 {
		return nil, nil
	}
	var elements []nftables.SetElement
	for _, a := range addrs {
		if v.of(a) {
			elements = append(elements, nftables.SetElement{Key: a.AsSlice()})
		}
	}
	s := &nftables.Set{Table: t, Anonymous: true, Constant: true, KeyType: v.addrType()}
	return s, c.AddSet(s, elements)
}

// describe is the user data of the rule with a fault's effect.
func describe(f Fault) []byte {
	data := userdata.AppendString(nil, userdata.TypeComment, label(f))
	words := named(withFrom(f, nil), "").Args()
	return userdata.AppendString(data, typeWords, strings.Join(words, " "))
}

// List returns the faults that act in the network namespace of the calling
// thread, in the order in which they were added.
func List() ([]Active, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, explain(nil, err)
	}
	t := table()
	sources := map[string][]netip.Addr{} // by the name of a fault's chain
	input, prerouting := hooks(t)
	for _, hook := range []*nftables.Chain{input, prerouting} {
		rules, err := c.GetRules(t, hook)
		if err != nil && !errors.Is(err, unix.ENOENT) { // that nobody added one is no error
			return nil, explain(nil, err)
		}
		for _, r := range rules {
			if err := collect(c, r, sources); err != nil {
				return nil, err
			}
		}
	}
	var names []string
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names) // by the time in them
	var active []Active
	for _, name := range names {
		a, err := read(c, &nftables.Chain{Name: name, Table: t}, sources[name])
		if err != nil {
			return nil, err
		}
		active = append(active, a)
	}
	return active, nil
}

// collect notes to which fault a rule at a hook leads, and from which
// addresses.
func collect(c *nftables.Conn, r *nftables.Rule, sources map[string][]netip.Addr) error {
	var addrs []netip.Addr
	for _, e := range r.Exprs {
		switch e := e.(type) {
		case *expr.Lookup:
			elements, err := c.GetSetElements(&nftables.Set{Name: e.SetName, Table: r.Table})
			if err != nil {
				return explain(nil, err)
			}
			for _, element := range elements {
				if a, ok := netip.AddrFromSlice(element.Key); ok {
					addrs = append(addrs, a)
				}
			}
		case *expr.Verdict:
			sources[e.Chain] = append(sources[e.Chain], addrs...)
			return nil
		}
	}
	return errForeign
}

// read reads a fault from its chain.
func read(c *nftables.Conn, chain *nftables.Chain, from []netip.Addr) (Active, error) {
	rules, err := c.GetRules(chain.Table, chain)
	if err != nil {
		return Active{}, explain(nil, err)
	}
	var a Active
	for _, r := range rules {
		words, ok := userdata.GetString(r.UserData, typeWords)
		if !ok {
			continue // an exception
		}
		if a.Fault, err = Parse(words); err != nil {
			break
		}
		comment, _ := userdata.GetString(r.UserData, userdata.TypeComment)
		a.Fault = restore(a.Fault, from, comment)
		counters := []*uint64{&a.Seen, &a.Taken}
		for _, e := range r.Exprs {
			if counter, ok := e.(*expr.Counter); ok && len(counters) > 0 {
				*counters[0] = counter.Packets
				counters = counters[1:]
			}
		}
		return a, nil
	}
	return a, errForeign
}

// restore gives a fault its source addresses again, in order, and its name if
// that is not its own words.
func restore(f Fault, from []netip.Addr, comment string) Fault {
	slices.SortFunc(from, netip.Addr.Compare)
	if f = withFrom(f, from); label(f) != comment {
		f = named(f, comment)
	}
	return f
}

// Clear ends every fault in the network namespace of the calling thread. That
// there is none is no error.
func Clear() error {
	c, err := nftables.New()
	if err != nil {
		return explain(nil, err)
	}
	c.DelTable(table())
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return explain(nil, err)
	}
	return nil
}

// explain says what a refusal of nf_tables means. The fault is nil when none
// was being added.
func explain(f Fault, err error) error {
	what := "fault"
	if f != nil {
		what = "fault: " + f.String()
	}
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%s: the capability NET_ADMIN is missing: %w", what, err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%s: this kernel lacks nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET): %w: %w", what, errors.ErrUnsupported, err)
	case f != nil && errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s: this kernel lacks an expression of nf_tables (%s): %w: %w", what, needs(f), errors.ErrUnsupported, err)
	}
	return fmt.Errorf("%s: nf_tables: %w", what, err)
}

// needs names the kernel's build options behind the expressions of a fault,
// beyond nf_tables itself.
func needs(f Fault) string {
	switch f := f.(type) {
	case Reject:
		return "CONFIG_NFT_REJECT_INET"
	case Drop:
		switch {
		case f.First > 0:
			return "CONFIG_NFT_LIMIT, CONFIG_NFT_LOG, CONFIG_NETFILTER_NETLINK_LOG"
		case f.Every > 1:
			return "CONFIG_NFT_NUMGEN, CONFIG_NFT_LOG, CONFIG_NETFILTER_NETLINK_LOG"
		}
	}
	return "CONFIG_NFT_LOG, CONFIG_NETFILTER_NETLINK_LOG"
}
