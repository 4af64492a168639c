package wire

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostlab/lab/wire/pcapng"
)

// example is a trace with everything that a file can say.
func example(t testing.TB) *Trace {
	all := packets()
	all["marker"] = append(make([]byte, 12), 0x88, 0xb5, 1, 2)
	tr := trace(t, all, `
		0.000000001 laptop   out       ask
		0.000200000 guinness in        ask
		0.000210000 forger   in  other ask
		0.000300000 guinness in        marker
		0.1         laptop   out       all
		0.2         guinness in        all
		0.3         guinness out lo    inside
		0.4         guinness in  lo    inside
	`)
	tr.Frames[4].Comment = "by hand"
	tr.Frames[1].Length = 9000
	tr.Losses = []Loss{{Host: "guinness", Time: after(0.0002), Fault: "drop udp/1060 --first 2", Data: all["ask"][14:]}}
	tr.Notes = []Note{{after(-1), "before.md:1"}, {after(0.05), "two-servers.md:29"}}
	tr.Dropped = map[string]uint64{"laptop": 0, "guinness": 7}
	return tr
}

func TestPcapngRoundTrip(t *testing.T) {
	tr := example(t)
	var file bytes.Buffer
	if err := tr.WritePcapng(&file); err != nil {
		t.Fatal(err)
	}
	got, err := ReadPcapng(&file)
	if err != nil {
		t.Fatal(err)
	}
	var want []Frame
	for i, f := range tr.Frames {
		if i == 3 {
			continue // the marker
		}
		f.Comment = map[int]string{0: "before.md:1", 1: "before.md:1", 2: "before.md:1", 4: "by hand; two-servers.md:29"}[i]
		if i > 4 {
			f.Comment = "two-servers.md:29"
		}
		if i == 1 {
			f.Fault = "drop udp/1060 --first 2"
		}
		want = append(want, f)
	}
	if diff := cmp.Diff(want, got.Frames); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
	if got.Dropped["guinness"] != 7 || got.Dropped["laptop"] != 0 {
		t.Errorf("dropped %v; want 7 by guinness", got.Dropped)
	}
	got.Topology, got.Dropped = tr.Topology, nil
	if diff := cmp.Diff(Lines(tr.Passages()), Lines(got.Passages())); diff != "" {
		t.Errorf("packets (-written +read):\n%s", diff)
	}
}

func TestReadPcapngRefuses(t *testing.T) {
	var file bytes.Buffer
	if err := example(t).WritePcapng(&file); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	for _, test := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"text", []byte("hostlab: error: no such host\n")},
		{"cut in a block", whole[:len(whole)-20]},
		{"another version", append(append(append([]byte{}, whole[:12]...), 9, 9), whole[14:]...)},
	} {
		if _, err := ReadPcapng(bytes.NewReader(test.data)); err == nil || !strings.HasPrefix(err.Error(), "wire: pcapng: ") {
			t.Errorf("%s: error %v", test.name, err)
		}
	}
}

// A stream is read as it comes: the statistics are told before anything
// follows them.
func TestReaderTellsStatisticsAtOnce(t *testing.T) {
	told := make(chan Statistics, 1)
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pipe.Close(); w.Close() })
	out, err := pcapng.NewWriter(w, pcapng.Section{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := NewReader(pipe, func(s Statistics) { told <- s })
	if err != nil {
		t.Fatal(err)
	}
	go in.Next()
	id, err := out.Interface(pcapng.Interface{Name: "eth0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Statistics(pcapng.Statistics{Interface: id, Time: zero, Received: 5, Dropped: 2, Comment: "ready"}); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-told:
		want := Statistics{Interface: "eth0", Time: zero, Received: 5, Dropped: 2, Comment: "ready"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no statistics; they wait for what comes behind them")
	}
}

// tshark returns the path of tshark, without which a test can't be.
func tshark(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil && os.Getenv("HOSTLAB_STRICT") != "" {
		t.Fatalf("%v; HOSTLAB_STRICT is set, so this test has to run: apt-get install tshark", err)
	}
	if err != nil {
		t.Skipf("%v: apt-get install tshark", err)
	}
	return path
}

func TestTsharkReadsWithoutComplaint(t *testing.T) {
	path := tshark(t)
	file := filepath.Join(t.TempDir(), "run.pcapng")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := example(t).WritePcapng(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	fields := []string{"frame.interface_name", "frame.packet_flags_direction", "frame.comment", "udp.dstport", "frame.time_epoch"}
	args := []string{"-n", "-r", file, "-T", "json"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	var out, complaints bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark: %v: %s", err, complaints.String())
	}
	for line := range strings.Lines(complaints.String()) {
		if !strings.Contains(line, "as user \"root\"") {
			t.Errorf("tshark complains: %s", line)
		}
	}
	var packets []struct {
		Source struct {
			Layers map[string][]string
		} `json:"_source"`
	}
	if err := json.Unmarshal(out.Bytes(), &packets); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range packets {
		var words []string
		for _, f := range fields {
			words = append(words, strings.TrimLeft(strings.Join(p.Source.Layers[f], "+"), "0x"))
		}
		got = append(got, strings.Join(words, " | "))
	}
	want := []string{
		"laptop eth0 | 2 | before.md:1 | 1060 | 1700000000.000000001",
		"guinness eth0 | 1 | before.md:1+taken by fault: drop udp/1060 --first 2 | 1060 | 1700000000.000200000",
		"forger eth0 | 1 | before.md:1 | 1060 | 1700000000.000210000",
		"laptop eth0 | 2 | by hand+two-servers.md:29 | 1060 | 1700000000.100000000",
		"guinness eth0 | 1 | two-servers.md:29 | 1060 | 1700000000.200000000",
		"guinness lo | 2 | two-servers.md:29 | 1060 | 1700000000.300000000",
		"guinness lo | 1 | two-servers.md:29 | 1060 | 1700000000.400000000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzReadPcapng(f *testing.F) {
	var file bytes.Buffer
	if err := example(f).WritePcapng(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := ReadPcapng(bytes.NewReader(data))
		if err != nil {
			return
		}
		tr.Topology = house
		tr.Passages()
		if err := tr.WritePcapng(&bytes.Buffer{}); err != nil {
			t.Errorf("what was read can't be written: %v", err)
		}
	})
}
