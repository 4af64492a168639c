package fault

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// tableName is the table of our own, so that clearing it touches nothing that
// an engine put beside it.
const tableName = "hostlab"

// table returns the table and its one chain, at the hook that a packet for
// this host passes last before its socket (fragments are put together by then).
func table() (*nftables.Table, *nftables.Chain) {
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}
	accept := nftables.ChainPolicyAccept
	return t, &nftables.Chain{
		Name:     "input",
		Table:    t,
		Type:     nftables.ChainTypeFilter,
		Hooknum:  nftables.ChainHookInput,
		Priority: nftables.ChainPriorityFilter,
		Policy:   &accept,
	}
}

// Add makes a fault act in the network namespace of the calling thread, beside
// those that are there. It needs the capability NET_ADMIN. When the kernel
// can't do it, the error wraps errors.ErrUnsupported and says what is missing.
func Add(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	c, err := nftables.New()
	if err != nil {
		return explain(f, err)
	}
	t, chain := table()
	c.AddTable(t)
	c.AddChain(chain)
	c.AddRule(&nftables.Rule{
		Table:    t,
		Chain:    chain,
		Exprs:    rule(f),
		UserData: userdata.AppendString(nil, userdata.TypeComment, f.String()),
	})
	if err := c.Flush(); err != nil {
		return explain(f, err)
	}
	return nil
}

// List returns the faults that act in the network namespace of the calling
// thread, in the order in which they were added.
func List() ([]Active, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, explain(nil, err)
	}
	t, chain := table()
	rules, err := c.GetRules(t, chain)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // nobody added one
	}
	if err != nil {
		return nil, explain(nil, err)
	}
	var active []Active
	for _, r := range rules {
		form, _ := userdata.GetString(r.UserData, userdata.TypeComment)
		f, err := Parse(form)
		if err != nil {
			return nil, fmt.Errorf("fault: the table %s has a rule that is not ours: %q", tableName, form)
		}
		a := Active{Fault: f}
		counters := []*uint64{&a.Seen, &a.Taken}
		for _, e := range r.Exprs {
			if counter, ok := e.(*expr.Counter); ok && len(counters) > 0 {
				*counters[0] = counter.Packets
				counters = counters[1:]
			}
		}
		active = append(active, a)
	}
	return active, nil
}

// Clear ends every fault in the network namespace of the calling thread. That
// there is none is no error.
func Clear() error {
	c, err := nftables.New()
	if err != nil {
		return explain(nil, err)
	}
	t, _ := table()
	c.DelTable(t)
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return explain(nil, err)
	}
	return nil
}

// rule returns the expressions of a fault: what matches, a count of that,
// which of them to take, a count of those, and the verdict.
func rule(f Fault) []expr.Any {
	exprs := matchExprs(f.match())
	exprs = append(exprs, &expr.Counter{})
	if d, ok := f.(Drop); ok {
		exprs = append(exprs, schedule(d)...)
	}
	exprs = append(exprs, &expr.Counter{})
	if r, ok := f.(Reject); ok {
		return append(exprs, reject(r))
	}
	return append(exprs, &expr.Verdict{Kind: expr.VerdictDrop})
}

const register = 1 // nf_tables' first, for one comparison at a time

func equal(data []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

// matchExprs compares a packet's protocol, port and source. A packet from the
// host itself, by lo, never matches.
func matchExprs(m match) []expr.Any {
	exprs := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: register},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: binaryutil.NativeEndian.PutUint16(unix.ARPHRD_LOOPBACK)},
	}
	if number, ok := map[Proto]byte{UDP: unix.IPPROTO_UDP, TCP: unix.IPPROTO_TCP, ICMP: unix.IPPROTO_ICMP, ICMP6: unix.IPPROTO_ICMPV6}[m.proto]; ok {
		exprs = append(exprs, &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, equal([]byte{number}))
	}
	if m.port != 0 {
		exprs = append(exprs,
			&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}, // RFC 768, RFC 9293: destination port
			equal(binary.BigEndian.AppendUint16(nil, m.port)))
	}
	if m.from.IsValid() {
		family, offset := byte(unix.NFPROTO_IPV4), uint32(12) // RFC 791 section 3.1: source address
		if m.from.Is6() {
			family, offset = unix.NFPROTO_IPV6, 8 // RFC 8200 section 3
		}
		exprs = append(exprs,
			&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register}, equal([]byte{family}),
			&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(m.from.BitLen() / 8)},
			equal(m.from.AsSlice()))
	}
	return exprs
}

// schedule lets pass what is to be dropped: the first N through a bucket of N
// tokens that gets a new one once a day, every Nth by a counter modulo N.
func schedule(d Drop) []expr.Any {
	switch {
	case d.First > 0:
		return []expr.Any{&expr.Limit{Type: expr.LimitTypePkts, Rate: 1, Unit: expr.LimitTimeDay, Burst: uint32(d.First)}}
	case d.Every > 1:
		return []expr.Any{
			&expr.Numgen{Register: register, Modulus: uint32(d.Every), Type: unix.NFT_NG_INCREMENTAL},
			equal(binaryutil.NativeEndian.PutUint32(0)),
		}
	}
	return nil
}

func reject(r Reject) expr.Any {
	switch {
	case r.With == TCPReset, r.With == "" && r.Proto == TCP:
		return &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}
	case r.With == AdminProhibited:
		return &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}
	}
	return &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}
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
			return "CONFIG_NFT_LIMIT"
		case f.Every > 1:
			return "CONFIG_NFT_NUMGEN"
		}
	}
	return "CONFIG_NF_TABLES_INET"
}
