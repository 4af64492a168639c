package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"hostlab/lab/file"
	"hostlab/lab/lesson"
	"hostlab/lab/report"
	"hostlab/lab/wire"
)

// A Collector records the lessons of one run. The zero value is ready; a nil
// one records nothing. Its methods may be called concurrently.
type Collector struct {
	mu  sync.Mutex
	all []*Recording
}

// Record returns a recording for one lesson: its Around goes to the
// stage.Options, and its Done is called when the lesson has been played. A nil
// Collector returns a nil Recording, whose methods do nothing.
func (c *Collector) Record() *Recording {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &Recording{}
	c.all = append(c.all, r)
	return r
}

// of returns the recording of a lesson; nil when there is none, or nothing in
// it.
func (c *Collector) of(l *report.Lesson) *Recording {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.all {
		r.mu.Lock()
		ok := r.lesson == l && r.trace != nil && l.Result != nil
		r.mu.Unlock()
		if ok {
			return r
		}
	}
	return nil
}

// WriteFile writes the bundle of a run, of which the collector has recorded the
// lessons, and returns its manifest. Version is that of the program. The file
// is there whole or not at all; it may replace an older one.
func (c *Collector) WriteFile(name, version string, run *report.Run) (*Manifest, error) {
	var m *Manifest
	err := file.Save(name, func(w io.Writer) (err error) {
		m, err = c.Write(w, version, run)
		return err
	})
	return m, err
}

// Write writes the bundle to w. See WriteFile.
func (c *Collector) Write(w io.Writer, version string, run *report.Run) (*Manifest, error) {
	m := &Manifest{
		Format: Format, Created: time.Now().UTC().Truncate(time.Second), Hostlab: version,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Engine: run.Engine, Kernel: run.Kernel, Seeds: seeds(run), Lessons: []ManifestLesson{},
	}
	files, err := c.files(m, run)
	if err != nil {
		return nil, err
	}
	return m, pack(w, m, files)
}

// A content is a member with what is in it.
type content struct {
	name string
	data []byte
}

// files returns all members but the manifest, and lists the lessons there.
func (c *Collector) files(m *Manifest, run *report.Run) ([]content, error) {
	var b bytes.Buffer
	if err := report.WriteJSON(&b, run); err != nil {
		return nil, err
	}
	files := []content{{reportName, b.Bytes()}}
	for i, l := range run.Lessons {
		r := c.of(l)
		if r == nil {
			continue
		}
		entry := ManifestLesson{Number: i, File: l.Result.Lesson.File, Folder: fmt.Sprintf("lessons/%02d-%s", i+1, plain(l.Name()))}
		of, err := r.files(&entry, l)
		if err != nil {
			return nil, fmt.Errorf("evidence: %s: %w", entry.File, err)
		}
		m.Lessons = append(m.Lessons, entry)
		files = append(files, of...)
	}
	return files, nil
}

var unplain = regexp.MustCompile(`[^a-zA-Z0-9._-]+`)

// plain returns a name that is a good one for files everywhere.
func plain(name string) string {
	name = strings.Trim(unplain.ReplaceAllString(name, "-"), "-.")
	return name[:min(len(name), 60)]
}

// files returns the members of one lesson.
func (r *Recording) files(m *ManifestLesson, l *report.Lesson) ([]content, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	les := l.Result.Lesson
	until, err := untilOf(les)
	if err != nil {
		return nil, err
	}
	m.Until = until
	var capture, transcript bytes.Buffer
	if err := r.trace.WritePcapng(&capture); err != nil {
		return nil, err
	}
	if err := report.WriteLesson(&transcript, l, false); err != nil {
		return nil, err
	}
	order := captured(r.trace)
	for _, e := range r.entries {
		if e.Wires == nil {
			continue
		}
		if e.Wires.seen > len(r.trace.Frames) || e.Wires.Losses > len(r.trace.Losses) {
			return nil, errors.New("the run has seen packets that are not in the trace")
		}
		e.Wires.place(order)
	}
	log, err := encodeLog(r.entries)
	if err != nil {
		return nil, err
	}
	lab := Lab{Declared: les.Topology, Ran: r.ran}
	for _, loss := range r.trace.Losses {
		lab.Losses = append(lab.Losses, Loss(loss))
	}
	hosts, err := json.MarshalIndent(lab, "", "  ")
	if err != nil {
		return nil, err
	}
	in := func(name string, data []byte) content { return content{m.Folder + "/" + name, data} }
	return []content{
		in(lessonName, les.Source()), in(labName, append(hosts, '\n')), in(logName, log),
		in(captureName, capture.Bytes()), in(transcriptName, transcript.Bytes()),
	}, nil
}

// untilOf returns the claim with which a lesson was cut; "" when it is whole.
func untilOf(les *lesson.Lesson) (string, error) {
	whole, err := lesson.Parse(les.File, les.Source())
	if err != nil || len(whole.Sections) == len(les.Sections) || len(les.Claims) == 0 {
		return "", err
	}
	return les.Claims[len(les.Claims)-1].ID, nil
}

// captured returns the indexes of a trace's frames in the order of its capture
// file, which has them by their times, without markers.
func captured(t *wire.Trace) []int {
	var order []int
	for i := range t.Frames {
		if wire.Decode(t.Frames[i].Data).Kind != wire.Marker {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.Frames[a].Time.Compare(t.Frames[b].Time) })
	return order
}

// seeds returns the commands of a run that were given a seed.
func seeds(run *report.Run) []string {
	all := []string{}
	for _, l := range run.Lessons {
		if l.Result == nil {
			continue
		}
		for _, b := range l.Result.Blocks {
			for _, e := range b.Entries {
				if e.Kind == lesson.Typed && strings.Contains(e.Text, "--seed") && !slices.Contains(all, e.Text) {
					all = append(all, e.Text)
				}
			}
		}
	}
	return all
}

// pack writes the zip file: the manifest first, which gets the hashes.
func pack(w io.Writer, m *Manifest, files []content) error {
	var total int64
	m.Members = nil
	for _, f := range files {
		n := int64(len(f.data))
		total += n
		if n > limitOf(f.name) || total > maxTotal {
			return wrong(f.name, "%d bytes; a bundle has at most %d there, and %d in all", n, limitOf(f.name), int64(maxTotal))
		}
		m.Members = append(m.Members, Member{f.name, n, sum(f.data)})
	}
	text, err := m.encode()
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	out := zip.NewWriter(w)
	for _, f := range append([]content{{manifestName, text}}, files...) {
		to, err := out.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: m.Created})
		if err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		if _, err := to.Write(f.data); err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	return json.Unmarshal(text, m) // with its own hash
}
