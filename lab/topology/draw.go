package topology

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Draw writes a picture of the topology: each network with the hosts that
// stand on it. A host on several networks is drawn on each.
//
//	lan  192.168.5.0/24
//	 |-- laptop     192.168.5.10
//	 `-- guinness   192.168.5.130
func (t *Topology) Draw(w io.Writer) error {
	var b strings.Builder
	tab := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, n := range t.Networks {
		fmt.Fprintf(tab, "%s", n.Name)
		for _, p := range n.Prefixes {
			fmt.Fprintf(tab, "  %s", p)
		}
		if n.MTU != 0 {
			fmt.Fprintf(tab, "  MTU %d", n.MTU)
		}
		fmt.Fprintln(tab)
		lines := t.hostLines(n.Name)
		for i, line := range lines {
			corner := "|"
			if i == len(lines)-1 {
				corner = "`"
			}
			fmt.Fprintf(tab, " %s-- %s\n", corner, line)
		}
		tab.Flush() // to a strings.Builder, which takes everything
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Topology) hostLines(network string) []string {
	var lines []string
	for _, h := range t.Hosts {
		i, ok := h.Interface(network)
		if !ok {
			continue
		}
		var words []string
		for _, a := range i.Addrs {
			words = append(words, a.String())
		}
		if h.Forward {
			words = append(words, "(router)")
		}
		lines = append(lines, strings.TrimSuffix(h.Name+"\t"+strings.Join(words, "  "), "\t"))
	}
	return lines
}
