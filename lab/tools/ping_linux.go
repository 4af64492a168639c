package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"hostlab/lab/program"
)

// A pinger is one call of ping.
type pinger struct {
	out      io.Writer
	name     string // as it was typed
	to       netip.Addr
	count    int // 0: without end
	size     int // bytes of data
	interval time.Duration
	patience time.Duration // after the last request

	sent, received, failed int
	asked                  map[int]time.Time // by sequence number, until the first answer
	times                  []time.Duration
}

func ping() *command {
	return &command{
		name:  "ping",
		forms: []string{"[-c COUNT] [-W SECONDS] [-i SECONDS] [-I ADDRESS|IF] [-s SIZE] HOST"},
		about: "Asks a host whether it is there (ICMP echo, RFC 792), once a second until\nCtrl-C, or COUNT times; also prints what routers and kernels answer instead.",
		examples: []string{
			"-c 1 guinness", "-c 3 -i 0.2 192.168.5.130",
		},
		exit: "0 there were answers, 1 there were none, 2 misuse or it cannot be asked",
		define: func(flags *pflag.FlagSet) action {
			p := &pinger{asked: map[int]time.Time{}}
			flags.IntVarP(&p.count, "count", "c", 0, "how many requests; 0 means without end")
			wait := flags.StringP("timeout", "W", "10", "how many `SECONDS` to wait after the last request")
			every := flags.StringP("interval", "i", "1", "how many `SECONDS` between requests")
			own := flags.StringP("source", "I", "", "the own `ADDRESS` or interface to ask from")
			flags.IntVarP(&p.size, "size", "s", 56, "bytes of data in a request")
			four := flags.BoolP("ipv4", "4", false, "IPv4 only")
			six := flags.BoolP("ipv6", "6", false, "IPv6 only")
			flags.BoolP("numeric", "n", false, "numbers, not names: always so")
			return func(ctx context.Context, s program.Stdio, words []string) error {
				if len(words) != 1 {
					return misusef("one host was expected")
				}
				var errWait, errEvery error
				p.patience, errWait = parseTime(*wait)
				p.interval, errEvery = parseTime(*every)
				if err := errors.Join(errWait, errEvery); err != nil || p.interval < time.Millisecond {
					return misusef("-W %s -i %s: seconds were expected, -i at least 0.001", *wait, *every)
				}
				if p.size < 0 || p.size > 65507 || p.count < 0 {
					return misusef("-s %d -c %d: a size up to 65507 and a count from 0 were expected", p.size, p.count)
				}
				p.out, p.name = s.Out, words[0]
				if err := p.resolve(ctx, *four, *six); err != nil {
					complain(s.Err, "ping", err)
					return exitStatus(2)
				}
				return p.finish(s.Err, p.run(ctx, *own))
			}
		},
	}
}

func (p *pinger) resolve(ctx context.Context, four, six bool) error {
	network := "ip"
	switch {
	case four:
		network = "ip4"
	case six:
		network = "ip6"
	}
	list, err := net.DefaultResolver.LookupNetIP(ctx, network, p.name)
	if err != nil || len(list) == 0 {
		return fmt.Errorf("%s: Name or service not known", p.name)
	}
	p.to = list[0].Unmap()
	for _, a := range list { // IPv4 first, as the book's network has it
		if a.Unmap().Is4() {
			p.to = a.Unmap()
			break
		}
	}
	return nil
}

// run asks until all is said; an error is one of this host.
func (p *pinger) run(ctx context.Context, own string) error {
	sock, err := openEcho(p.to, own)
	if err != nil {
		return err
	}
	defer sock.Close()
	id := os.Getpid() & 0xffff
	answers := make(chan echoAnswer, 16)
	go sock.read(id, answers)

	p.begin()
	start := time.Now()
	defer func() { p.statistics(time.Since(start)) }()
	var late <-chan time.Time
	next := time.NewTimer(0)
	for p.count == 0 || p.received+p.failed < p.count {
		select {
		case <-next.C:
			seq := p.sent + 1
			p.asked[seq&0xffff] = time.Now()
			if err := sock.send(id, seq&0xffff, p.size); err != nil {
				return err
			}
			p.sent = seq
			if p.count == 0 || p.sent < p.count {
				next.Reset(p.interval)
			} else {
				late = time.After(p.patience)
			}
		case a := <-answers:
			p.take(a)
		case <-late:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (p *pinger) begin() {
	if p.to.Is4() {
		fmt.Fprintf(p.out, "PING %s (%s) %d(%d) bytes of data.\n", p.name, p.to, p.size, p.size+8+20)
		return
	}
	fmt.Fprintf(p.out, "PING %s(%s) %d data bytes\n", p.name, p.to, p.size)
}

// take prints an answer.
func (p *pinger) take(a echoAnswer) {
	asked, ok := p.asked[a.seq]
	switch {
	case a.trouble != "":
		if ok {
			p.failed++
			delete(p.asked, a.seq)
		}
		fmt.Fprintf(p.out, "From %s icmp_seq=%d %s\n", a.from, a.seq, a.trouble)
		return
	case !ok && a.seq == 0:
		return
	}
	who := a.from.String()
	if p.name != who && a.from == p.to {
		who = p.name + " (" + who + ")"
	}
	dup := " (DUP!)"
	if ok {
		dup = ""
		p.received++
		p.times = append(p.times, a.at.Sub(asked))
		delete(p.asked, a.seq)
		fmt.Fprintf(p.out, "%d bytes from %s: icmp_seq=%d ttl=%d time=%s ms\n", a.size, who, a.seq, a.ttl, milliseconds(a.at.Sub(asked)))
		return
	}
	fmt.Fprintf(p.out, "%d bytes from %s: icmp_seq=%d ttl=%d%s\n", a.size, who, a.seq, a.ttl, dup)
}

// milliseconds has three significant digits, as iputils has it.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	digits := 3
	for limit := 1.0; limit <= ms && digits > 0; limit *= 10 {
		digits--
	}
	return strconv.FormatFloat(ms, 'f', digits, 64)
}

func (p *pinger) statistics(took time.Duration) {
	fmt.Fprintf(p.out, "\n--- %s ping statistics ---\n%d packets transmitted, %d received, ", p.name, p.sent, p.received)
	if p.failed > 0 {
		fmt.Fprintf(p.out, "+%d errors, ", p.failed)
	}
	loss := 0.0
	if p.sent > 0 {
		loss = float64(p.sent-min(p.received, p.sent)) * 100 / float64(p.sent)
	}
	fmt.Fprintf(p.out, "%s%% packet loss, time %dms\n", strconv.FormatFloat(loss, 'g', 6, 64), took.Milliseconds())
	if len(p.times) == 0 {
		return
	}
	least, most, sum, squares := p.times[0], p.times[0], 0.0, 0.0
	for _, t := range p.times {
		least, most = min(least, t), max(most, t)
		sum += float64(t)
		squares += float64(t) * float64(t)
	}
	n := float64(len(p.times))
	mean := sum / n
	deviation := math.Sqrt(max(squares/n-mean*mean, 0))
	ms := float64(time.Millisecond)
	fmt.Fprintf(p.out, "rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", float64(least)/ms, mean/ms, float64(most)/ms, deviation/ms)
}

// finish turns what happened into the exit status.
func (p *pinger) finish(errs io.Writer, err error) error {
	switch {
	case err != nil:
		complain(errs, "ping", withoutSyscall(err))
		return exitStatus(2)
	case p.received == 0:
		return exitStatus(1)
	}
	return nil
}

// withoutSyscall leaves "write ip4 0.0.0.0->10.0.0.1: sendto:" out of an error.
func withoutSyscall(err error) error {
	var op *net.OpError
	var errno unix.Errno
	if errors.As(err, &op) && errors.As(err, &errno) {
		return errno
	}
	return err
}
