// Package evidence keeps what a lesson's verdicts rest on, and judges it again
// without any lab.
//
// A bundle is one zip file. It holds a run's verdicts, and for each lesson the
// Markdown as it was run, the lab as data, a log of all that went between the
// run and the lab, a capture of all packets in which every packet names the
// line that caused it, and the transcript for people:
//
//	manifest.json               format, versions, and the SHA-256 of every member
//	report.json                 the verdicts: report.Document
//	lessons/01-page-30/
//	    lesson.md
//	    lab.json                Lab
//	    log.jsonl               an Entry per line
//	    capture.pcapng
//	    transcript.txt
//
// A Recording stands between a run and its lab and writes the log; a Collector
// has one for each lesson of a run and makes the bundle of them. Open checks
// every byte of a bundle, and Replay runs its lessons again, by the same code,
// on a lab that answers out of the log and the capture. So the verdicts of a
// replay are computed and not copied, and Contradictions tells where those of
// the bundle are others.
//
// The hashes show that a bundle is as it was written. They do not show who
// wrote it: keep or publish Manifest.SHA256, which stands for the whole.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"time"

	"hostlab/lab/lesson"
	"hostlab/lab/topology"
)

// Format is the first word of every manifest. It changes when older programs
// cannot read what this one writes.
const Format = "hostlab evidence 1"

// The names of a bundle's members.
const (
	manifestName   = "manifest.json"
	reportName     = "report.json"
	lessonName     = "lesson.md"
	labName        = "lab.json"
	logName        = "log.jsonl"
	captureName    = "capture.pcapng"
	transcriptName = "transcript.txt"
)

// The most that a bundle may hold, in bytes as unpacked, and lessons.
const (
	maxTotal   = 1 << 30
	maxCapture = 256 << 20
	maxText    = 64 << 20
	maxLessons = 500
)

// limitOf returns the most bytes that a member may have.
func limitOf(name string) int64 {
	switch path.Base(name) {
	case captureName:
		return maxCapture
	case lessonName:
		return lesson.MaxSize
	case manifestName, labName:
		return 4 << 20
	}
	return maxText
}

// A Manifest says what a bundle holds and where it comes from.
type Manifest struct {
	Format   string           `json:"format"`
	Created  time.Time        `json:"created"`
	Hostlab  string           `json:"hostlab"`  // version of the program that wrote it
	Go       string           `json:"go"`       // version of the Go that it was built with
	Platform string           `json:"platform"` // "linux/amd64"
	Engine   string           `json:"engine"`   // "docker 20.10.24, linux 6.18"
	Kernel   string           `json:"kernel"`   // "" where Engine says it too
	Seeds    []string         `json:"seeds"`    // commands that were given a seed, as they were typed
	Lessons  []ManifestLesson `json:"lessons"`
	Members  []Member         `json:"members"` // all but the manifest, in the order of the file

	// SHA256 is the hash of this manifest as it is written, with "" here.
	SHA256 string `json:"sha256"`
}

// A ManifestLesson is one lesson that was recorded.
type ManifestLesson struct {
	Number int    `json:"number"` // of the report's lessons, from 0
	Folder string `json:"folder"` // "lessons/01-page-30"
	File   string `json:"file"`   // as messages name it
	Until  string `json:"until"`  // the claim with which the run ended; "" when all was run
}

// A Member is one file of a bundle.
type Member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// A Lab is the hosts of a lesson: as the lesson speaks of them, and as they
// were when it ran.
type Lab struct {
	Declared *topology.Topology `json:"declared"`
	Ran      *topology.Topology `json:"ran"`
	Losses   []Loss             `json:"losses"` // packets that faults took, in the order of their coming
}

// A Loss is a packet that a fault took; see wire.Loss.
type Loss struct {
	Host  string    `json:"host"`
	Time  time.Time `json:"time"`
	Fault string    `json:"fault"`
	Data  []byte    `json:"data"` // from the IP header on
}

// sum returns a SHA-256 as a manifest has it.
func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// encode returns the manifest as it is written, with the hash of itself.
func (m Manifest) encode() ([]byte, error) {
	m.SHA256 = ""
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	m.SHA256 = sum(text)
	text, err = json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

// A MemberError says which file of a bundle is not as it must be.
type MemberError struct {
	Member string // "lessons/01-page-30/log.jsonl"; "" is the file as a whole
	Err    error
}

// Error returns "evidence: member: what is wrong".
func (e *MemberError) Error() string {
	if e.Member == "" {
		return fmt.Sprintf("evidence: %v", e.Err)
	}
	return fmt.Sprintf("evidence: %s: %v", shown(e.Member), e.Err)
}

func (e *MemberError) Unwrap() error { return e.Err }

// shown returns a name that a stranger chose as a message can show it.
func shown(name string) string {
	if len(name) > 100 || !fs.ValidPath(name) {
		return fmt.Sprintf("%.120q", name)
	}
	return name
}

func wrong(member, format string, args ...any) error {
	return &MemberError{Member: member, Err: fmt.Errorf(format, args...)}
}
