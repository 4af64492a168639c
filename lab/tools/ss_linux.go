package tools

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"hostlab/lab/program"
)

// An ssQuery says which sockets ss shows, and how.
type ssQuery struct {
	udp, tcp, listening, all, processes, four, six, bare bool
}

func ss() *command {
	return &command{
		name:     "ss",
		forms:    []string{"[-u] [-t] [-l | -a] [-n] [-p] [-4 | -6]"},
		about:    "Shows UDP and TCP sockets: connected ones, unless told.",
		examples: []string{"-ulnp", "-tlnp", "-uap"},
		define: func(flags *pflag.FlagSet) action {
			var q ssQuery
			flags.BoolVarP(&q.udp, "udp", "u", false, "UDP sockets")
			flags.BoolVarP(&q.tcp, "tcp", "t", false, "TCP sockets (both, when neither is given)")
			flags.BoolVarP(&q.listening, "listening", "l", false, "only those that wait for others: TCP listeners, unconnected UDP")
			flags.BoolVarP(&q.all, "all", "a", false, "these and the connected ones")
			flags.BoolVarP(&q.processes, "processes", "p", false, "the processes that have each socket open")
			flags.BoolP("numeric", "n", false, "numbers, not names: always so")
			flags.BoolVarP(&q.four, "ipv4", "4", false, "IPv4 sockets only")
			flags.BoolVarP(&q.six, "ipv6", "6", false, "IPv6 sockets only")
			flags.BoolVarP(&q.bare, "no-header", "H", false, "leave the header out")
			return func(_ context.Context, s program.Stdio, words []string) error {
				if err := noWords(words); err != nil {
					return err
				}
				return q.print(s.Out)
			}
		},
	}
}

func (q ssQuery) print(w io.Writer) error {
	protos := []string{}
	if q.udp || !q.tcp {
		protos = append(protos, "udp")
	}
	if q.tcp || !q.udp {
		protos = append(protos, "tcp")
	}
	owners := map[uint32][]owner{}
	if q.processes {
		owners = socketOwners()
	}
	var rows [][]string
	for _, proto := range protos {
		list, err := sockets(proto)
		if err != nil {
			return err
		}
		for _, s := range list {
			if q.wants(s) {
				rows = append(rows, s.row(owners[s.inode]))
			}
		}
	}
	first := 0 // column
	switch {
	case q.udp && !q.tcp && !q.all && !q.listening:
		first = 2 // all are connected
	case len(protos) == 1:
		first = 1
	}
	printSockets(w, rows, first, !q.bare)
	return nil
}

func (q ssQuery) wants(s socket) bool {
	waits := s.state == stateListening || s.proto == "udp" && s.state == stateUnbound
	switch {
	case q.four && !q.six && !s.local.Addr().Is4(), q.six && !q.four && s.local.Addr().Is4():
		return false
	case s.proto == "tcp" && s.state == stateUnbound:
		return false // bound, and neither listening nor connected
	case q.all:
		return true
	case q.listening:
		return waits
	}
	return !waits && s.state != 6 && s.state != 3 && s.state != 12 // as ss(8): neither TIME-WAIT nor SYN-RECV
}

// row is a socket's columns; addresses are split before their port.
func (s socket) row(owners []owner) []string {
	local, localPort := s.where(s.local)
	peer, peerPort := s.where(s.peer)
	users := ""
	if len(owners) > 0 {
		slices.SortFunc(owners, func(a, b owner) int { return a.pid - b.pid })
		var list []string
		for _, o := range owners {
			list = append(list, o.String())
		}
		users = "users:(" + strings.Join(list, ",") + ")"
	}
	return []string{
		s.proto, stateNames[s.state], strconv.Itoa(int(s.received)), strconv.Itoa(int(s.unsent)),
		local, localPort, peer, peerPort, users,
	}
}

// where is an address as ss(8) prints it: "*" where IPv4 and IPv6 both come in.
func (s socket) where(a netip.AddrPort) (addr, port string) {
	addr, port = a.Addr().String(), strconv.Itoa(int(a.Port()))
	if a.Addr().Is6() {
		addr = "[" + addr + "]"
		if a.Addr().IsUnspecified() && s.local.Addr().IsUnspecified() && s.known && !s.v6only {
			addr = "*"
		}
	}
	if a == s.local && s.device != 0 {
		if i, err := net.InterfaceByIndex(int(s.device)); err == nil {
			addr += "%" + i.Name
		}
	}
	if a.Port() == 0 {
		port = "*"
	}
	return addr, port
}

// printSockets aligns the columns from the first one wanted: addresses to the
// right, before their colon.
func printSockets(w io.Writer, rows [][]string, first int, header bool) {
	if header {
		rows = slices.Insert(rows, 0, []string{"Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process"})
	}
	var width [9]int
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	for _, r := range rows {
		line := ""
		for i := first; i < 4; i++ {
			line += fmt.Sprintf("%-*s ", width[i], r[i])
		}
		line += fmt.Sprintf("%*s:%-*s %*s:%-*s %s", width[4], r[4], width[5], r[5], width[6], r[6], width[7], r[7], r[8])
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}
