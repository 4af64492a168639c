package verb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"hostlab/lab"
	"hostlab/lab/hint"
	"hostlab/lab/wire"
	"hostlab/lab/wire/pcapng"
)

// CaptureHelp says what stands behind "hostlab capture".
const CaptureHelp = "  hostlab capture [HOST...] [-w FILE] [--all]"

// A shot is what the words behind "capture" ask for.
type shot struct {
	hosts []string // none means all
	file  string   // "-" is the output; "" means lines of text
	all   bool     // also what hosts say by themselves
}

func parseCapture(words []string) (shot, error) {
	var s shot
	flags := pflag.NewFlagSet("capture", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringVarP(&s.file, "write", "w", "", "")
	flags.BoolVarP(&s.all, "all", "a", false, "")
	if err := flags.Parse(words); errors.Is(err, pflag.ErrHelp) {
		return s, err
	} else if err != nil {
		return s, fmt.Errorf("capture: %w", err)
	}
	s.hosts = flags.Args()
	return s, nil
}

func (s shot) words() []string {
	words := []string{"capture"}
	if s.file != "" {
		words = append(words, "-w", s.file)
	}
	if s.all {
		words = append(words, "--all")
	}
	return append(words, s.hosts...)
}

// Output opens the file that words ask for, on the computer of the person who
// typed them, and returns the words that Run wants instead, which write to out.
// Only capture has such words; of others, out is stdout. The caller closes out.
func Output(words []string, stdout io.Writer) (rest []string, out io.WriteCloser, err error) {
	keep := nopCloser{stdout}
	if len(words) == 0 || words[0] != "capture" {
		return words, keep, nil
	}
	s, err := parseCapture(words[1:])
	if err != nil {
		return words, keep, nil // Run says so
	}
	if s.file == "-" && isTerminal(stdout) {
		return nil, nil, misuse("capture", hint.Add(errors.New("capture: standard output is a terminal: want a file or a pipe"), "hostlab capture -w FILE.pcapng"))
	}
	if s.file == "" || s.file == "-" {
		return words, keep, nil
	}
	f, err := os.Create(s.file)
	if err != nil {
		return nil, nil, misuse("capture", fmt.Errorf("capture: %w", err))
	}
	s.file = "-"
	return s.words(), f, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// runCapture shows what crosses the wires until ctx ends, which is no error.
func runCapture(ctx context.Context, l *lab.Lab, args []string, out io.Writer) error {
	s, err := parseCapture(args)
	if errors.Is(err, pflag.ErrHelp) {
		_, err := fmt.Fprintln(out, "Usage:\n"+CaptureHelp)
		return err
	}
	if err == nil && s.file != "" && s.file != "-" {
		err = fmt.Errorf("capture: -w %s: want - here", s.file)
	}
	if err == nil {
		err = known(l, s.hosts)
	}
	if err != nil {
		return misuse("capture", err)
	}
	take := (&liner{out: out, shot: s}).take
	if s.file == "-" {
		take = (&filer{out: out, from: l.Describe(), hosts: s.hosts, ids: map[string]int{}}).take
	}
	return l.Follow(ctx, take)
}

// A liner writes each packet as a line, in the words of diagrams.
type liner struct {
	out   io.Writer
	began bool
	shot
}

func (w *liner) take(t *wire.Trace) error {
	var b strings.Builder
	if !w.began {
		w.began = true
		hosts := w.hosts
		for _, h := range t.Topology.Hosts {
			if len(w.hosts) == 0 {
				hosts = append(hosts, h.Name)
			}
		}
		fmt.Fprintf(&b, "# capturing %s\n", strings.Join(hosts, ", "))
	}
	packets := t.Accounted(nil)
	if w.all {
		packets = t.Passages()
	}
	for _, p := range packets {
		if !w.involves(p) {
			continue
		}
		for _, line := range p.Lines() {
			fmt.Fprintf(&b, "%s %s%s\n", p.Sent.Local().Format("15:04:05.000000"), line, taken(p))
		}
	}
	if doubt := t.Doubt(); doubt != "" {
		fmt.Fprintf(&b, "# not sure: %s\n", doubt)
	}
	_, err := io.WriteString(w.out, b.String())
	return err
}

// taken names the fault that took a packet.
func taken(p *wire.Passage) string {
	if fault, host := p.Fault(); fault != "" {
		return fmt.Sprintf("   (taken at %s by %s)", host, fault)
	}
	return ""
}

// involves reports whether one of the hosts saw the packet.
func (s shot) involves(p *wire.Passage) bool {
	return len(s.hosts) == 0 || slices.ContainsFunc(p.Sightings, func(at wire.Sighting) bool {
		return slices.Contains(s.hosts, at.Host) && !at.Other
	})
}

// A filer writes frames as one pcapng stream, an interface for each of each
// host's.
type filer struct {
	out   io.Writer
	from  string
	w     *pcapng.Writer // nil until nothing is missed any more
	hosts []string
	ids   map[string]int // of interfaces, by "laptop eth0"
}

func (w *filer) take(t *wire.Trace) (err error) {
	if w.w == nil {
		w.w, err = pcapng.NewWriter(w.out, pcapng.Section{Application: "hostlab", Comment: w.from})
		return err
	}
	faults := map[int]string{} // by the index of a frame
	for _, p := range t.Between(time.Time{}, time.Time{}).Passages() {
		for _, s := range p.Sightings {
			for _, i := range s.Frames {
				if s.Fault != "" {
					faults[i] = "taken by fault: " + s.Fault
				}
			}
		}
	}
	var order []int
	for i := range t.Frames {
		f := &t.Frames[i]
		wanted := len(w.hosts) == 0 || slices.Contains(w.hosts, f.Host)
		if wanted && !f.Time.Before(t.Since) && f.Time.Before(t.Until) && wire.Decode(f.Data).Kind != wire.Marker {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.Frames[a].Time.Compare(t.Frames[b].Time) })
	for _, i := range order {
		if err := w.frame(&t.Frames[i], faults[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *filer) frame(f *wire.Frame, comment string) error {
	name := f.Host + " " + f.Interface
	id, ok := w.ids[name]
	if !ok {
		var err error
		if id, err = w.w.Interface(pcapng.Interface{Name: name}); err != nil {
			return err
		}
		w.ids[name] = id
	}
	p := pcapng.Packet{Interface: id, Time: f.Time, Length: f.Length, Data: f.Data, Direction: pcapng.In}
	if f.Direction == wire.Out {
		p.Direction = pcapng.Out
	}
	if comment != "" {
		p.Comments = []string{comment}
	}
	return w.w.Packet(p)
}
