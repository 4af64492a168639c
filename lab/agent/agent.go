// Package agent is process 1 of a host: an SSH server on the host's own stdin
// and stdout, and the client of it that the orchestrator uses.
//
// SSH (RFC 4254) already has everything that a host must do for its lab: start
// a program with its own stdout and stderr, a terminal with a size, signals,
// an exit status, a file transfer, a forwarded connection. It runs over any
// stream of bytes, so nothing listens, no key is asked for (the stream itself
// is the identity), and the host ends when its stream does.
//
// # Sessions
//
// A command line is split by the quoting rules of the shell, but no shell is
// started: its first word is looked up in PATH. What a session starts is one
// process session of the kernel (setsid), with the terminal as its controlling
// one if it asked for a terminal. A session ends when its main process has
// ended and its output is delivered. Processes left behind by the main process
// that still hold its output open get Grace to write something more; then they
// are killed, like everything else of a session that ended. A process that
// leaves its session (setsid) lives on until the agent ends.
//
// A few programs the agent can run itself, without a process: see
// Command.Within.
package agent

import (
	"errors"
	"time"
)

// ErrGone is wrapped by every error of a Client which says that the host can
// no longer be reached: its stream ended, broke, or never was an agent's.
var ErrGone = errors.New("the host's agent is gone")

const (
	// HandshakeTimeout is how long both sides wait for the SSH handshake. The
	// server counts from the first byte that it hears, since an orchestrator
	// with many hosts shakes hands late.
	HandshakeTimeout = 30 * time.Second

	// Grace is how long a session waits for the end of its output when its
	// main process has ended but others still hold the output open.
	Grace = 100 * time.Millisecond
)

// killGrace is how long a client waits for the end of a process that it
// killed: a frozen host never tells.
const killGrace = time.Second

// callTimeout is how long a call without a context waits for the agent's
// answer.
const callTimeout = 10 * time.Second

// maxCommand is the longest command line and the longest variable that fit
// into one SSH packet, in bytes. (x/crypto/ssh drops the connection at 256 KiB.)
const maxCommand = 200 << 10

// defaultPath is where programs are looked for when PATH is not set.
const defaultPath = "/bin:/usr/bin:/usr/local/bin:/sbin:/usr/sbin"
