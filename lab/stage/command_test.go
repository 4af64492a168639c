package stage_test

import (
	"slices"
	"strings"
	"testing"

	"hostlab/lab/lesson"
)

// faults is a lesson of every fault whose mark is on the wire: the sender's
// capture sees the packet, the receiver never has it.
const faults = `---
title: Faults
lab:
  laptop: 192.168.5.10/24
  guinness: 192.168.5.130/24
  tower: 192.168.5.77/24
---

## A partition

> **Claim 1:** Neither side hears the other, and both captures see them try.

~~~console
$ hostlab fault partition laptop guinness
laptop:~$ ping -c 1 -W 0.1 guinness > /dev/null
[exit 1]
guinness:~$ ping -c 1 -W 0.1 laptop > /dev/null
[exit 1]
$ hostlab fault list
HOST       FAULT                       TAKEN   SEEN
laptop     partition laptop guinness   1       1
guinness   partition laptop guinness   1       1
$ hostlab fault clear
$ hostlab fault list
no faults
laptop:~$ ping -c 1 -W 2 guinness > /dev/null
~~~

~~~mermaid
sequenceDiagram
    laptop-xguinness: ICMP echo request
    guinness-xlaptop: ICMP echo request
    laptop->>guinness: ICMP echo request
    guinness->>laptop: ICMP echo reply
~~~

> **Verdict:** confirmed

## One lost fragment

> **Claim 2:** Without its last fragment a datagram is nothing.

~~~console
$ hostlab fault drop guinness icmp --fragment last --first 1
laptop:~$ ping -c 1 -s 4000 -W 0.1 guinness > /dev/null
[exit 1]
laptop:~$ ping -c 1 -s 4000 -W 2 guinness > /dev/null
$ hostlab fault list
HOST       FAULT                                 TAKEN   SEEN
guinness   drop icmp --fragment last --first 1   1       2
$ hostlab fault clear
~~~

~~~mermaid
sequenceDiagram
    laptop-xguinness: ICMP echo request
    laptop->>guinness: ICMP echo request
    guinness->>laptop: ICMP echo reply
~~~

> **Verdict:** confirmed

## Only from one host

> **Claim 3:** What laptop sends is lost, what tower sends is not, and the
> answer to it is, where it comes in.

~~~console
$ hostlab fault drop guinness icmp --from laptop
$ hostlab fault drop guinness icmp --to tower --first 1
laptop:~$ ping -c 1 -W 0.1 guinness > /dev/null
[exit 1]
tower:~$ ping -c 1 -W 0.1 guinness > /dev/null
[exit 1]
tower:~$ ping -c 1 -W 2 guinness > /dev/null
$ hostlab fault clear guinness
$ hostlab fault list
HOST    FAULT                                 TAKEN   SEEN
tower   drop icmp --from guinness --first 1   1       2
$ hostlab fault clear
~~~

~~~mermaid
sequenceDiagram
    laptop-xguinness: ICMP echo request
    tower->>guinness: ICMP echo request
    guinness-xtower: ICMP echo reply
    tower->>guinness: ICMP echo request
    guinness->>tower: ICMP echo reply
~~~

> **Verdict:** confirmed

## A host that stands still

> **Claim 4:** The kernel of a paused host takes what comes, its programs do
> not, until they go on.

~~~console
guinness:~$ udp_remote server 192.168.5.130
Listening at ('192.168.5.130', 1060)
[running]
$ hostlab fault pause guinness
$ hostlab fault drop guinness udp
hostlab: error: lab: host guinness: it is paused
hostlab: hint: hostlab fault resume guinness
[exit 1]
laptop:~$ ping -c 1 -W 2 guinness > /dev/null
$ hostlab fault list
HOST       FAULT    TAKEN   SEEN
guinness   paused   0       0
$ hostlab fault clear
laptop:~$ udp_remote client guinness > /dev/null
guinness | The client at ('192.168.5.10', {port}) says 'This is another message'
guinness | ^C
~~~

> **Verdict:** confirmed
`

// Each kind of fault in a lesson, judged by the wire; and the evidence names
// the fault that took a packet.
func TestFaultsInALesson(t *testing.T) {
	les, err := lesson.Parse("faults.md", []byte(strings.ReplaceAll(faults, "~~~", "```")))
	if err != nil {
		t.Fatal(err)
	}
	p := play(t, les)
	for _, problem := range p.Result.All() {
		t.Error(problem)
	}
	var took []string
	for _, passage := range p.Trace.Passages() {
		if fault, host := passage.Fault(); fault != "" {
			took = append(took, host+": "+fault)
		}
	}
	want := []string{
		"guinness: partition laptop guinness", "laptop: partition laptop guinness",
		"guinness: drop icmp --fragment last --first 1",
		"guinness: drop icmp --from laptop", "tower: drop icmp --from guinness --first 1",
	}
	if !slices.Equal(took, want) {
		t.Errorf("packets were taken by %q; want %q", took, want)
	}
}
