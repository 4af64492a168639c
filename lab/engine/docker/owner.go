package docker

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
)

// Labels of containers and networks. They are a contract: a later version must
// be able to sweep what an earlier one left.
const (
	labelLab      = "hostlab.lab"      // the lab's identifier, eight hex digits
	labelOwner    = "hostlab.owner"    // the process that made it, see owner
	labelTopology = "hostlab.topology" // the topology's name
	labelHost     = "hostlab.host"     // on containers: the host's name
	labelNetwork  = "hostlab.network"  // on networks: the network's name
)

// An owner names a process so that nobody else is ever called the same:
//
//	<machine>/<pid namespace>/<pid>/<start time>
//
// Machine is the boot ID on Linux, which also changes with each boot, and the
// host name elsewhere. The start time tells a process from a later one that
// got its number.
type owner struct{ machine, namespace, pid, start string }

func (o owner) String() string {
	return strings.Join([]string{o.machine, o.namespace, o.pid, o.start}, "/")
}

func parseOwner(s string) (owner, bool) {
	f := strings.Split(s, "/")
	if len(f) != 4 {
		return owner{}, false
	}
	return owner{f[0], f[1], f[2], f[3]}, true
}

// self is the owner that this process is.
var self = sync.OnceValues(currentOwner)

// A life is what can be known of an owner.
type life int

const (
	unknown life = iota // another machine, boot or namespace: it cannot be seen from here
	alive
	dead
)

// lifeOf says whether the process that a label names still runs.
func lifeOf(label string) life {
	o, ok := parseOwner(label)
	me, err := self()
	if !ok || err != nil || o.machine != me.machine || o.namespace != me.namespace {
		return unknown
	}
	if o == me || o.running() {
		return alive
	}
	return dead
}

// newID returns the identifier of a lab.
func newID() string {
	var b [4]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
