// Package host is the multi-call program that runs in a host: it finds a
// program by the name it is called and runs it. cmd/host is nothing else, and
// cmd/hostlab holds the same programs for the reader's own machine.
package host
