package tools

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"hostlab/lab/program"
)

func TestPing(t *testing.T) {
	if !inHost(t) {
		return
	}
	cable(t)
	for _, test := range []struct {
		args   string
		want   string // regular expression of standard output
		errs   string
		status int
	}{
		{"-c 2 -i 0.001 127.0.0.1", `PING 127.0.0.1 \(127.0.0.1\) 56\(84\) bytes of data.
64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=[0-9.]+ ms
64 bytes from 127.0.0.1: icmp_seq=2 ttl=64 time=[0-9.]+ ms

--- 127.0.0.1 ping statistics ---
2 packets transmitted, 2 received, 0% packet loss, time \d+ms
rtt min/avg/max/mdev = [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms
`, "", 0},
		{"-c 1 -s 8 -I 192.168.5.130 192.168.5.130", `PING 192.168.5.130 \(192.168.5.130\) 8\(36\) bytes of data.
16 bytes from 192.168.5.130: icmp_seq=1 ttl=64 time=[0-9.]+ ms
(?s:.*)`, "", 0},
		{"-c 1 ::1", `PING ::1\(::1\) 56 data bytes
64 bytes from ::1: icmp_seq=1 ttl=64 time=[0-9.]+ ms
(?s:.*)`, "", 0},
		{"-c 1 -I lo 127.0.0.1", `(?s:.*) 0% packet loss(?s:.*)`, "", 0},
		// Nobody has this address: three ARP requests, then our own kernel says so.
		{"-c 1 192.168.5.77", `PING 192.168.5.77 \(192.168.5.77\) 56\(84\) bytes of data.
From 192.168.5.130 icmp_seq=1 Destination Host Unreachable

--- 192.168.5.77 ping statistics ---
1 packets transmitted, 0 received, \+1 errors, 100% packet loss, time \d+ms
`, "", 1},
		{"-c 1 -W 0.05 192.168.5.78", `PING .*

--- 192.168.5.78 ping statistics ---
1 packets transmitted, 0 received, 100% packet loss, time \d+ms
`, "", 1},
		{"-c 1 -6 127.0.0.1", ``, "ping: 127.0.0.1: Name or service not known\n", 2},
		{"-c 1 -I nosuch0 127.0.0.1", ``, "ping: -I nosuch0: No such device\n", 2},
		{"-c 1 fd00:9::1", `(?s:.*) 0 packets transmitted(?s:.*)|(?s:.*)`, "ping: Network is unreachable\n", 2},
	} {
		out, errs, status := tool(t, "ping", strings.Fields(test.args)...)
		if !regexp.MustCompile("^("+test.want+")$").MatchString(out) || errs != test.errs || status != test.status {
			t.Errorf("ping %s: status %d, errors %q, output:\n%s\nwant status %d, errors %q and output like:\n%s", test.args, status, errs, out, test.status, test.errs, test.want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		31 * time.Microsecond: "0.031", 1234 * time.Microsecond: "1.23", 12345 * time.Microsecond: "12.3", 123456 * time.Microsecond: "123", 0: "0.000",
	} {
		if got := milliseconds(d); got != want {
			t.Errorf("milliseconds(%v) = %s; want %s", d, got, want)
		}
	}
}

// A line is a server for one side of nc.
func TestNC(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, _ := io.ReadAll(c) // until nc has sent all
			fmt.Fprintf(c, "%s from %s", bytes.ToUpper(b), c.RemoteAddr().(*net.TCPAddr).IP)
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if out, errs, status := toolWith(t, "hello", "nc", "-s", "127.0.0.1", "127.0.0.1", port); out != "HELLO from 127.0.0.1" || errs != "" || status != 0 {
		t.Errorf("nc: %q, %q, status %d", out, errs, status)
	}
}

func TestNCUDP(t *testing.T) {
	server, port := openSocket(t, "udp4", "127.0.0.1:0")
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := server.(net.PacketConn).ReadFrom(buf)
			if err != nil {
				return
			}
			server.(net.PacketConn).WriteTo(bytes.ToUpper(buf[:n]), from)
		}
	}()
	if out, errs, status := toolWith(t, "hello", "nc", "-u", "-w", "1", "127.0.0.1", fmt.Sprint(port)); out != "HELLO" || errs != "" || status != 0 {
		t.Errorf("nc -u: %q, %q, status %d", out, errs, status)
	}
	server.Close()
	must(t, "await", "gone", fmt.Sprintf("udp/127.0.0.1:%d", port))
	want := fmt.Sprintf("nc: 127.0.0.1:%d: Connection refused\n", port)
	if out, errs, status := toolWith(t, "hello", "nc", "-u", "127.0.0.1", fmt.Sprint(port)); out != "" || errs != want || status != 1 {
		t.Errorf("nc -u to a closed port: %q, %q, status %d; want %q", out, errs, status, want)
	}
}

// nc listens, hears the first caller and answers it.
func TestNCListen(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		s, port := openSocket(t, network+"4", "127.0.0.1:0")
		s.Close()
		args := []string{"-l", "-4", "-s", "127.0.0.1", fmt.Sprint(port)}
		if network == "udp" {
			args = append(args, "-u", "-w", "30")
		}
		in, answer := io.Pipe()
		out, heard := io.Pipe()
		var errs bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan int, 1)
		go func() {
			done <- byName("nc").Run(ctx, program.Stdio{In: in, Out: heard, Err: &errs}, args...)
		}()
		must(t, "await", fmt.Sprintf("%s/127.0.0.1:%d", network, port))
		conn, err := net.Dial(network, fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(conn, "question")
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "question\n" {
			t.Errorf("nc -l (%s) heard %q, %v", network, line, err)
		}
		go fmt.Fprintln(answer, "answer")
		conn.SetReadDeadline(time.Now().Add(limit))
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "answer\n" {
			t.Errorf("nc -l (%s) answered %q, %v", network, line, err)
		}
		conn.Close()
		answer.Close()
		if network == "tcp" {
			if status := <-done; status != 0 || errs.Len() > 0 {
				t.Errorf("nc -l: status %d, %q", status, errs.String())
			}
		}
		cancel()
	}
}
