package stage_test

import (
	"testing"

	"hostlab/lab/labtest"
	"hostlab/lab/lesson"
	"hostlab/lab/stage"
	"hostlab/lab/wire"
)

// written returns a lesson of one console block on two hosts.
func written(t *testing.T, console string) *lesson.Lesson {
	t.Helper()
	les, err := lesson.Parse("mine.md", []byte("---\ntitle: Mine\nlab: {laptop: 192.168.5.10/24, guinness: 192.168.5.130/24}\n---\n\n"+
		"```console\n"+console+"```\n"))
	if err != nil {
		t.Fatal(err)
	}
	return les
}

// A lab that a lesson leaves as it was is the next one's, who hears nothing of
// the packets before; one where it left something is not, whatever it is.
func TestStageKeepsCleanLabs(t *testing.T) {
	clean := written(t, "guinness:~$ udp_remote server ''\nListening at ('0.0.0.0', 1060)\n[running]\n"+
		"$ hostlab fault drop guinness udp/1060 --first 1\n"+
		"laptop:~$ udp_remote client guinness\n...\nThe server says 'Your data was 23 bytes'\n"+
		"guinness | The client at ('192.168.5.10', {port}) says 'This is another message'\nguinness | ^C\n")
	var s stage.Stage
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	kept := func(les *lesson.Lesson) bool {
		t.Helper()
		p, err := s.Play(t.Context(), les, nil)
		labtest.Require(t, err)
		for _, problem := range p.Result.All() {
			t.Error(problem)
		}
		if sent := wire.Lines(p.Trace.Accounted(nil)); les == clean && len(sent) != 3 {
			t.Errorf("the trace has %q; want the 3 datagrams of this lesson", sent)
		}
		return p.Starting == 0
	}
	if kept(clean) {
		t.Fatal("the first lesson found a lab")
	}
	if !kept(clean) {
		t.Error("the lab of a clean lesson was not kept")
	}
	if other, err := lesson.Parse("other.md", []byte("---\nlab:\n  laptop: 192.168.5.10/24\n  guinness: 192.168.5.130/24\n---\n\n```console\nlaptop:~$ true\n```\n")); err != nil {
		t.Fatal(err)
	} else if !kept(other) {
		t.Error("a lesson that lists the same hosts in other lines had another lab")
	}
	for what, console := range map[string]string{
		"a file":     "guinness:~$ touch /tmp/left\n",
		"an MTU":     "guinness:~$ ip link set lo mtu 1400\n",
		"an address": "guinness:~$ ip addr add 192.168.5.99/24 dev lo\n",
	} {
		if !kept(written(t, console)) {
			t.Errorf("%s: the lab of the clean lesson before was not kept", what)
		}
		if kept(clean) {
			t.Errorf("the next lesson found %s", what)
		}
	}
}
