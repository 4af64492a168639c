package lesson

import (
	"fmt"
	"time"

	"hostlab/lab/topology"
)

// DefaultTimeout is the longest that one step waits when the front matter does
// not say otherwise. It only ever makes a lesson fail.
const DefaultTimeout = 10 * time.Second

// MaxSize is the largest lesson that Parse reads, in bytes.
const MaxSize = 256 << 10

// A Lesson is one parsed file. It is data: Run does not change it, and several
// runs may use it at once.
type Lesson struct {
	File  string // the name given to Parse; every message begins with it
	Title string // front matter; else the first heading; else File

	// LabFile is the Compose file that the front matter names, as written and
	// relative to File; "" when it lists the hosts itself.
	LabFile string

	// Topology is the lab that the lesson needs. It is nil as long as LabFile
	// has not been read: see Load and SetTopology. A lesson without hosts has
	// an empty one.
	Topology *topology.Topology

	Timeout  time.Duration // the longest that one step waits
	Sections []*Section    // in order; the first has no heading if text precedes it
	Claims   []*Claim      // in order

	source   *source
	patterns patterns
	labPos   Pos // of LabFile
}

// Source returns the text of the file. The caller does not change it.
func (l *Lesson) Source() []byte { return l.source.data }

// PosAt returns the position of an offset in Source, which is brought into it.
func (l *Lesson) PosAt(offset int) Pos { return l.source.pos(offset) }

// A Section is what stands between two headings. Names bind within one.
type Section struct {
	Heading string // Markdown of the heading; "" before the first one
	Level   int    // 1 to 6; 0 before the first heading
	Pos     Pos
	Blocks  []*Block
}

// A Claim is a statement that the blocks between it and its verdict put to the
// test.
type Claim struct {
	ID         string // "2.1"
	Text       string // Markdown, on one line
	Stated     Verdict
	Pos        Pos // of "**Claim"
	VerdictPos Pos // of the word that states the verdict
	Blocks     []*Block
}

// A Verdict says how an experiment left a claim.
type Verdict string

// The verdicts. The empty Verdict means that there is none: a block differed,
// or was never run.
const (
	Confirmed    Verdict = "confirmed"    // all blocks match
	Contradicted Verdict = "contradicted" // only what the book predicts does not
)

// A Block is one fenced block that takes part in the experiment.
type Block struct {
	Kind    BlockKind
	Pos     Pos    // of the fence
	Claim   *Claim // nil outside a claim
	Section *Section
	Steps   []*Step  // Console and Book
	Diagram *Diagram // Wire

	end int // offset behind what is in the fence
}

// A BlockKind says what a block does.
type BlockKind int

// The kinds of blocks.
const (
	Console BlockKind = iota + 1 // run and compared
	Book                         // what the book predicts: compared, not run
	Wire                         // a sequence diagram of packets
)

// A Step is one line of a console block, or several where a backslash
// continues a command.
type Step struct {
	Kind    StepKind
	Block   *Block
	Pos     Pos    // of the line's first byte
	TextPos Pos    // of Text's first byte
	End     int    // offset behind the last byte of the line, without its end
	Place   Place  // the window; the zero Place is the reader's own machine
	Prompt  string // Command, Hostlab: as written, "laptop:~$"
	Label   string // the rest: "guinness:2" where written before " | ", else ""
	Text    string // the command, the expected text in its source form, …
	Key     byte   // Key: the control character
	Status  Status // End
}

// String returns the step as a lesson writes it, on one line.
func (s *Step) String() string {
	switch {
	case s.Prompt != "":
		return s.Prompt + " " + s.Text
	case s.Label != "":
		return s.Label + " | " + s.Text
	}
	return s.Text
}

// A StepKind says what a step does.
type StepKind int

// The kinds of steps.
const (
	Command StepKind = iota + 1 // type a line into a window
	Hostlab                     // run a hostlab command on the reader's machine
	Expect                      // the window's next line is this one
	Skip                        // "...": up to the next expected line
	Key                         // press a key
	End                         // how the program in front ends, or that it does not
)

// A Place is one window of one host: a terminal. The zero Place is the
// reader's own machine.
type Place struct {
	Host   string
	Number int // from 1; "~" is the first one too
}

// String returns the host's name, with the number behind a colon when it is
// not the first window.
func (p Place) String() string {
	switch {
	case p.Host == "":
		return "hostlab"
	case p.Number == 1:
		return p.Host
	}
	return p.numbered()
}

// numbered returns the host's name with the number of the window.
func (p Place) numbered() string { return fmt.Sprintf("%s:%d", p.Host, p.Number) }

// A Status is how a program in a window stands.
type Status struct {
	Kind   StatusKind
	Code   int    // Exit: 0 to 255
	Signal string // Killed: "SIGINT"
}

// A StatusKind is one of the four words in brackets.
type StatusKind int

// The kinds of statuses.
const (
	Exit    StatusKind = iota + 1 // [exit N]
	Running                       // [running]
	Stopped                       // [stopped]
	Killed                        // [killed SIGNAME]
)

// String returns the status as a lesson writes it.
func (s Status) String() string {
	switch s.Kind {
	case Exit:
		return fmt.Sprintf("[exit %d]", s.Code)
	case Running:
		return "[running]"
	case Stopped:
		return "[stopped]"
	case Killed:
		return fmt.Sprintf("[killed %s]", s.Signal)
	}
	return "[?]"
}

// A Pos is a place in the file of a lesson.
type Pos struct {
	Offset int // bytes from the start of the file
	Line   int // from 1
	Column int // from 1, in bytes
}
