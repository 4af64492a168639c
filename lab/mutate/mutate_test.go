package mutate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/lesson"
)

const head = `---
lab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}
timeout: 500ms
---
`

func parse(t testing.TB, text string) *lesson.Lesson {
	t.Helper()
	l, err := lesson.Parse("x.md", []byte(head+text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// every has one of every sort of line.
const every = "> **Claim 1:** x\n" + `
` + "```console book" + `
laptop:~$ big_sender guinness --fragment
so big: 9
` + "```" + `

` + "```console" + `
guinness:~$ udp_remote server '' --drop-first 3
Listening at ('0.0.0.0', 1060)
[running]
guinness:2$ udp_remote server 192.168.5.130 -p 65535
Listening at ('192.168.5.130', 65535)
[running]
guinness:2 | ^C
[killed SIGINT]
$ hostlab wait guinness udp/1060
$ hostlab fault drop guinness udp/1060 --first 2
$ hostlab fault clear
laptop:~$ big_sender \
> guinness --fragment
so big: {n} \{
[exit 255]
laptop:~$ forge --to 192.168.5.10:7 10.0.0.0/8
{port}
` + "```" + `

` + "```mermaid" + `
sequenceDiagram
    loop 2 times
        laptop-xguinness: UDP to {port}, 23 bytes
    end
    guinness->>laptop: ICMP port unreachable
    Note over laptop: at least 0.1 s passes
    Note over laptop,guinness: no packets
` + "```" + `

> **Verdict:** confirmed
`

// TestOf lists the mutants of a lesson; each is what it says, at its place, and
// differs from the lesson in nothing else.
func TestOf(t *testing.T) {
	l := parse(t, every)
	all, idle := Of(l)
	if len(idle) > 0 {
		t.Errorf("idle excuses %v; want none", idle)
	}
	var b strings.Builder
	for _, m := range all {
		line := m.Pos.Line - strings.Count(head, "\n")
		fmt.Fprintf(&b, "%d:%d %s: %q %q\n", line, m.Pos.Column, m.Kind, m.Was, m.Is)
		source, mutant := string(l.Source()), string(m.Apply(l.Source()))
		if source == mutant {
			t.Errorf("%d:%d %s: the mutant is the lesson", line, m.Pos.Column, m.Kind)
		}
		if !strings.Contains(mutant, m.Is) {
			t.Errorf("%d:%d %s: %q is not in the mutant", line, m.Pos.Column, m.Kind, m.Is)
		}
	}
	want := `5:1 line: "so big: 9" "so big: 8"
9:31 bind: "''" "127.0.0.1"
9:47 drop: "3" "4"
9:48 port: "" " -p 1061"
10:1 line: "Listening at ('0.0.0.0', 1060)" "Listening at ('0.0.0.0', 1061)"
11:1 status: "[running]" "[exit 0]"
12:31 bind: "192.168.5.130" "127.0.0.1"
12:48 port: "65535" "65534"
13:1 line: "Listening at ('192.168.5.130', 65535)" "Listening at ('192.168.5.130', 65536)"
14:1 status: "[running]" "[exit 0]"
16:1 status: "[killed SIGINT]" "[killed SIGTERM]"
17:16 address: "guinness" "laptop"
17:29 port: "1060" "1061"
18:3 drop: "hostlab fault drop guinness udp/1060 --first 2" "hostlab fault clear"
18:3 drop: "hostlab fault drop guinness udp/1060 --first 2" "hostlab fault reject guinness udp/1060"
18:35 port: "1060" "1061"
18:48 drop: "2" "3"
20:11 address: "guinness" "laptop"
20:11 option: "--fragment" ""
22:1 line: "so big: {n} \\{" "so bih: {n} \\{"
23:1 status: "[exit 255]" "[exit 0]"
24:22 address: "192.168.5.10" "192.168.5.130"
24:35 port: "7" "8"
24:37 address: "10.0.0.0" "192.168.5.130"
25:1 line: "{port}" "{port}x"
30:5 arrow: "loop 2 times" "loop 3 times"
31:9 arrow: "laptop-xguinness: UDP to {port}, 23 bytes" "laptop->>guinness: UDP to {port}, 23 bytes"
31:9 arrow: "laptop-xguinness: UDP to {port}, 23 bytes" "guinness-xlaptop: UDP to {port}, 23 bytes"
31:9 arrow: "laptop-xguinness: UDP to {port}, 23 bytes" "laptop-xguinness: UDP to {port}, 24 bytes"
33:5 arrow: "guinness->>laptop: ICMP port unreachable" "guinness-xlaptop: ICMP port unreachable"
33:5 arrow: "guinness->>laptop: ICMP port unreachable" "laptop->>guinness: ICMP port unreachable"
33:5 arrow: "guinness->>laptop: ICMP port unreachable" "guinness->>laptop: UDP to 9, 9 bytes"
34:5 arrow: "Note over laptop: at least 0.1 s passes" "Note over laptop: at least 3600 s passes"
35:5 arrow: "Note over laptop,guinness: no packets" "laptop->>guinness: UDP to 9, 9 bytes"
38:16 verdict: "confirmed" "contradicted"
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("mutants differ (-want +got):\n%s", d)
	}
	echo := string(all[1].Apply(l.Source()))
	if !strings.Contains(echo, "server 127.0.0.1 --drop-first 3\nListening at ('127.0.0.1', 1060)\n") {
		t.Errorf("the line that repeats the address stays:\n%s", echo)
	}
}

// checked notices everything that is done in it.
const checked = `
> **Claim 1:** A server on the loopback address answers nobody else.

` + "```console" + `
guinness:~$ udp_remote server 127.0.0.1
Listening at ('127.0.0.1', 1060)
[running]
guinness:2$ udp_remote client 127.0.0.1
answered
laptop:~$ udp_remote client guinness
refused
[exit 1]
guinness | ^C
guinness:~$ udp_remote server 192.168.5.130
Listening at ('192.168.5.130', 1060)
[running]
laptop:~$ udp_remote client guinness
answered
$ hostlab fault drop guinness udp/1060
laptop:~$ udp_remote client guinness
silence
[exit 3]
` + "```" + `

> **Verdict:** confirmed
`

// careless starts a server that nobody asks.
const careless = "```console" + `
guinness:~$ udp_remote server ''
Listening at ('0.0.0.0', 1060)
[running]
laptop:~$ udp_remote client 127.0.0.1
refused
[exit 1]
` + "```\n"

func options() Options {
	return Options{
		Parallel: 4,
		Replay:   func() (lesson.Runner, error) { return &toy{}, nil },
		Play: func(ctx context.Context, l *lesson.Lesson) (*lesson.Result, error) {
			res, err := lesson.Run(ctx, l, &toy{}, lesson.Options{})
			return &lesson.Result{Lesson: l, Problems: res.All()}, err // without a word on how busy this machine is
		},
	}
}

func judged(t *testing.T, text string) map[Outcome][]string {
	t.Helper()
	l := parse(t, text)
	all, _ := Of(l)
	if res, err := options().Play(t.Context(), l); err != nil || len(res.All()) > 0 {
		t.Fatalf("the lesson itself: %v, %v", err, res.All())
	}
	found, err := Run(t.Context(), l, all, options())
	if err != nil {
		t.Fatal(err)
	}
	by := map[Outcome][]string{}
	for _, f := range found {
		by[f.Outcome] = append(by[f.Outcome], fmt.Sprintf("%s %s to %s", f.Kind, f.Was, f.Is))
		if f.Outcome == Killed && f.Why == "" {
			t.Errorf("%s %s to %s was killed for no reason", f.Kind, f.Was, f.Is)
		}
	}
	return by
}

func TestRun(t *testing.T) {
	by := judged(t, checked)
	// Where everybody is refused, one host is as good as another.
	want := []string{"address guinness to laptop"}
	if d := cmp.Diff(want, by[Survived]); d != "" || len(by[Broken]) > 0 {
		t.Errorf("survivors differ (-want +got):\n%s\nbroken: %v", d, by[Broken])
	}
	by = judged(t, careless)
	want = []string{"bind '' to 127.0.0.1", "port  to  -p 1061", "address 127.0.0.1 to 192.168.5.10"}
	if d := cmp.Diff(want, by[Survived]); d != "" {
		t.Errorf("survivors differ (-want +got):\n%s", d)
	}
}

// TestExcuses excuses survivors, and tells which excuses are idle.
func TestExcuses(t *testing.T) {
	l := parse(t, careless)
	all, _ := Of(l)
	var comments []string
	for _, m := range all {
		if m.Kind == Bind || m.Kind == Address {
			comments = append(comments, m.Comment("nobody asks"))
		}
	}
	comments = append(comments, `<!-- survives bind "x" "y": this is nowhere -->`, "")
	text := strings.Join(comments, "\n\n") + careless
	by := judged(t, text)
	if d := cmp.Diff([]string{"bind '' to 127.0.0.1", "address 127.0.0.1 to 192.168.5.10"}, by[Excused]); d != "" || len(by[Survived]) != 1 {
		t.Errorf("excused differ (-want +got):\n%s\nsurvived: %v", d, by[Survived])
	}
	_, idle := Of(parse(t, text+"\n<!-- survives bind: why -->\n```console\nguinness | ^C\n```\n\n<!-- survives -->\n\nText.\n\n"+
		"```console\nlaptop:~$ true\n```\n"))
	var lines []string
	for _, e := range idle {
		lines = append(lines, fmt.Sprintf("%d %s", e.Pos.Line, e.Idle()))
	}
	stray := `an excuse stands right above a fence or a verdict, as <!-- survives KIND "WAS" "IS": REASON -->`
	want := []string{`9 the excuse is for no mutant: bind "x" "y"`, "20 " + stray, "25 " + stray}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("idle excuses differ (-want +got):\n%s", d)
	}
}

func TestComment(t *testing.T) {
	m := &Mutant{Kind: Port, Was: `a "b" \c`, Is: "--every 2"}
	text := m.Comment("why")
	if strings.Contains(text[4:len(text)-3], "--") {
		t.Errorf("%s ends before its end", text)
	}
	l := parse(t, text+"\n```console\nlaptop:~$ udp_remote client laptop\n```\n")
	_, idle := Of(l)
	if len(idle) != 1 || idle[0].Was != m.Was || idle[0].Is != m.Is {
		t.Errorf("%s is read as %+v", text, idle)
	}
}

// TestRunBreaks tells of labs that break, and ends with its context.
func TestRunBreaks(t *testing.T) {
	l := parse(t, careless)
	all, _ := Of(l)
	o := options()
	o.Play = func(context.Context, *lesson.Lesson) (*lesson.Result, error) { return nil, errors.New("no lab") }
	found, err := Run(t.Context(), l, all, o)
	if err != nil || found[0].Outcome != Broken || found[0].Why != "no lab" {
		t.Errorf("%+v, %v; want broken", found[0], err)
	}
	wrong := parse(t, strings.Replace(careless, "refused", "answered", 1))
	if _, err := Run(t.Context(), wrong, all, o); err == nil || !strings.Contains(err.Error(), "x.md:10:1: laptop: output differs") {
		t.Errorf("a lesson that differs: %v; want its difference", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := Run(ctx, l, all, o); !errors.Is(err, why) {
		t.Errorf("canceled: %v; want %v", err, why)
	}
}

func TestPatience(t *testing.T) {
	at := func(all ...time.Duration) *lesson.BlockResult {
		b := &lesson.BlockResult{}
		for _, d := range all {
			b.Entries = append(b.Entries, &lesson.Entry{At: d})
		}
		return b
	}
	res := &lesson.Result{Blocks: []*lesson.BlockResult{at(0, 3*time.Second), at(4 * time.Second)}}
	if got := Patience(res); got != 8*time.Second {
		t.Errorf("patience %v; want 8s", got)
	}
}
