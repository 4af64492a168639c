// Package netns is the engine whose hosts are Linux namespaces: no daemon, no
// image, no privileges, and a lab of two hosts in milliseconds.
//
// A lab is one process, the holder (package holder), begun in a user namespace
// and all the others that Linux has. It is the host binary itself, run from a
// file without a name: nothing to install, nothing to remove. The holder keeps
// the switch and one network namespace for each host; a host has processes once
// it is dialed. The networks are the lab's alone, so every lab has the addresses
// of its topology, whatever the computer or another lab uses.
//
// Nothing of a lab outlives the process that started it: the holder ends when
// its connection does, and with process 1 of a pid namespace the kernel ends
// all that is in it.
package netns

import "hostlab/lab/topology"

// knownFrom is how many hosts a lab has at least for its hosts to know each
// other's Ethernet addresses without asking. The kernel has one table of
// neighbours for the whole computer, with 1024 places; 32 hosts that all speak
// with each other would fill it.
const knownFrom = 21

// portsPerBridge is how many hosts one bridge takes. The kernel's limit is
// 1023; the rest is for trunks.
const portsPerBridge = 1000

// defaultMTU is a network's where the topology does not say.
const defaultMTU = 1500

func mtu(n topology.Network) int {
	if n.MTU == 0 {
		return defaultMTU
	}
	return n.MTU
}
