// Command standin is process 1 of the hosts in this package's tests. It reads
// commands from its standard input, one per line, and answers each with one
// line. It ends when its input does.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if filepath.Base(os.Args[0]) != "host" {
		fmt.Println("program", filepath.Base(os.Args[0]))
		return
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) == 0 {
			continue
		}
		do, ok := commands[words[0]]
		if !ok {
			fmt.Printf("no command %q\n", words[0])
			continue
		}
		fmt.Println(do(words[1:]))
	}
}

var commands = map[string]func(args []string) string{
	"echo":   func(args []string) string { return strings.Join(args, " ") },
	"args":   func([]string) string { return strings.Join(os.Args, " ") },
	"addrs":  addrs,
	"read":   read,
	"write":  write,
	"lookup": lookup,
	"serve":  serve,
	"ask":    ask,
	"run":    run,
	"die":    die,
}

// addrs: "eth0 192.168.5.10/24 mtu 1500; eth1 …", loopback left out.
func addrs([]string) string {
	var all []string
	interfaces, err := net.Interfaces()
	if err != nil {
		return err.Error()
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		list, err := i.Addrs()
		if err != nil {
			return err.Error()
		}
		s := i.Name
		for _, a := range list {
			if ip, _, _ := net.ParseCIDR(a.String()); !ip.IsLinkLocalUnicast() {
				s += " " + a.String()
			}
		}
		all = append(all, fmt.Sprintf("%s mtu %d", s, i.MTU))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func read(args []string) string {
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' }), "|")
}

func write(args []string) string {
	if err := os.WriteFile(args[0], []byte("x"), 0o700); err != nil {
		return err.Error()
	}
	return "ok"
}

// lookup: "192.168.5.130 in 1ms" or "error in 1ms".
func lookup(args []string) string {
	begin := time.Now()
	list, err := net.LookupHost(args[0])
	if err != nil {
		return fmt.Sprintf("error in %d ms: %v", time.Since(begin).Milliseconds(), err)
	}
	return strings.Join(list, " ")
}

// serve answers datagrams at an address until the process ends.
func serve(args []string) string {
	c, err := net.ListenPacket("udp", args[0])
	if err != nil {
		return err.Error()
	}
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			c.WriteTo(b[:n], from)
		}
	}()
	return "ok"
}

// ask sends a datagram and waits half a second for the answer.
func ask(args []string) string {
	c, err := net.Dial("udp", args[0])
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(500 * time.Millisecond))
	if _, err := c.Write([]byte("hello")); err != nil {
		return err.Error()
	}
	b := make([]byte, 100)
	if _, err := c.Read(b); err != nil {
		return err.Error()
	}
	return "answered"
}

func run(args []string) string {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(out))
}

func die(args []string) string {
	fmt.Fprintln(os.Stderr, strings.Join(args, " "))
	os.Exit(1)
	return ""
}
