// Package wire makes sense of what the hosts of a lab saw on their network
// interfaces: it decodes frames, follows each packet from its sender to its
// receivers, and compares the whole with a sequence diagram. It does no input
// or output but of pcapng, to a writer and from a reader.
//
// A capture gives Frames: some bytes at an interface of a host, going out or
// coming in, at a time of the one clock that all hosts of a lab share. A Trace
// holds the frames of all hosts. Its Passages are the packets on their way:
// fragments are put together, the sightings of one packet at its sender, at
// routers and at its receivers are joined, and what a fault took is noted.
// Match compares them with a Diagram, and its Mismatch says where they differ.
package wire
