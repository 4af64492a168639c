// Package engine says what a lab needs of the thing that makes its hosts. An
// engine makes hosts, wires them, and hands back one byte stream to the agent
// that is process 1 of each; all else goes through the agent and is written
// once for every engine.
package engine

import (
	"context"
	"errors"
	"io"

	"hostlab/lab/topology"
)

// ErrUnavailable is wrapped by every error that says that this computer cannot
// run an engine now: no daemon, no permission, too old a version.
var ErrUnavailable = errors.New("engine unavailable")

// An Engine makes labs.
type Engine interface {
	// Name is the word for it on the command line: "docker".
	Name() string

	// Up starts every host of t, wired and addressed, and returns when each
	// can be dialed. When it fails or ctx ends, nothing of the lab is left. The
	// prefixes may differ from t's where the computer uses one already;
	// Instance.Topology tells, and has an address for every interface.
	//
	// Routes are the caller's to set through the agents, but for an Instance
	// that is Settled: those of the topology are not there yet, and a host may
	// have a default route of the engine's making, by one of Network.Gateways,
	// where nothing answers.
	Up(ctx context.Context, t *topology.Topology, o Options) (Instance, error)

	// Sweep removes what labs left whose owner is gone, as every Up does
	// first, and never touches a lab whose owner runs.
	Sweep(ctx context.Context) (Swept, error)

	// Check says what this computer can do for the engine, and changes
	// nothing. An engine that cannot run here is a Finding too.
	Check(ctx context.Context) []Finding
}

// Options are the choices of one Up. The zero value means the defaults.
type Options struct {
	// Progress is told, in one short line each, what takes time. Calls are
	// never concurrent. Nil means nobody listens.
	Progress func(line string)
}

// An Instance is a running lab. Its methods may be called concurrently.
type Instance interface {
	// Topology is the lab as it runs, with the prefixes and addresses that
	// the hosts really have.
	Topology() *topology.Topology

	// Dial returns the stream to the agent of a host. It is called once per
	// host; closing the stream ends the host.
	Dial(ctx context.Context, host string) (io.ReadWriteCloser, error)

	// Pause freezes every process of a host; its addresses still answer ARP.
	Pause(ctx context.Context, host string) error
	// Resume ends a Pause.
	Resume(ctx context.Context, host string) error
	// Kill ends a host at once, as when its plug is pulled.
	Kill(ctx context.Context, host string) error
	// Cut takes a host's cable out of a network.
	Cut(ctx context.Context, host, network string) error
	// Join puts the cable back, with the same addresses.
	Join(ctx context.Context, host, network string) error

	// Describe returns what the lab runs on, for the record: "docker 20.10.24, linux 6.18".
	Describe() string

	// Down ends every host and removes every network. It is safe to call
	// twice, and does its work also when a host has died already.
	Down(ctx context.Context) error
}

// Settled is what an Instance may implement beside, when its engine looks after
// the kernels of the hosts itself.
type Settled interface {
	// Settled reports whether Up and Join leave every host with the routes of
	// the topology and no others, and have verified each interface, address and
	// route. Then nobody has to ask the agents.
	Settled() bool
}

// A Finding is one thing that a look at an engine found: whether this computer
// has what labs need, and what to do where it has not.
type Finding struct {
	Name   string `json:"name"`           // what was looked at, one or two words: "engine", "free subnet"
	OK     bool   `json:"ok"`             // labs run with it as it is
	Detail string `json:"detail"`         // what is there, or why it does not do; one line
	Mend   string `json:"mend,omitempty"` // a command to paste where it can be bettered; "" where there is nothing to do
}

// Swept is what a sweep removed: what the labs of dead owners had left.
type Swept struct {
	Labs       []string `json:"labs"` // their identifiers
	Containers int      `json:"containers"`
	Networks   int      `json:"networks"`
}
